"""Invented national collections with known truth, for judging rules and weights before any visit is made."""
