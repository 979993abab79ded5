"""Scoring: how far each figure and each answer lies from what its peers lead to expect; positive is worse."""
