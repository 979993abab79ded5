"""What visits were worth: the page of a season and its sentences."""
