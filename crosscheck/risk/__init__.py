"""Risk: evidence becomes parts in decibans, parts become a probability and a rank, each with its interval."""
