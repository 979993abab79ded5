"""A run: made, identified, kept in its folder, read again, and summed up."""
