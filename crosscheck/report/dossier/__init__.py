"""What people read of one organisation."""
