"""What goes on a visit and comes back from it."""
