"""What differs between two runs, and between years."""
