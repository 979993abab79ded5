"""Figures from other sources: the kinds that there are, and how far a figure lies from what is expected."""
