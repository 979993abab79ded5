"""What people read: the visit list, the case of one declaration, the summary of a run."""
