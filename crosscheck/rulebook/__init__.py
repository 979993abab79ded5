"""Rulebook: what is expected, by law and guidance, read from rule files and held against every case."""
