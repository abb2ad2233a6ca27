"""Checks of what the images show."""
