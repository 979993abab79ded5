"""Visits: whom to visit under capacity, by duty, by risk and by lot."""
