"""Replies of organisations, and the corrected run."""
