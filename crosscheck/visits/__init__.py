"""Visits: whom to visit under capacity, for an unmet duty, by risk and at random; and what to follow up."""
