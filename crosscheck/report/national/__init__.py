"""The national picture, with what must be withheld."""
