"""Plots of one organisation: funnels of a figure, places as dots, the network around it."""
