"""crosscheck: joins self-declarations with answers and other sources, and ranks, with reasons, whom to visit."""

__version__ = "0.2.0"
