"""Measurements for the checks: properties of files, and of pixels in one pass."""
