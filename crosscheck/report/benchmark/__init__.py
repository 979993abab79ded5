"""What an organisation reads of itself among its peers."""
