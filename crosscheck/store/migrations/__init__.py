"""The steps by which a store grows, and back."""
