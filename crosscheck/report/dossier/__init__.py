"""What people read of one organisation, and the pages that lead there."""
