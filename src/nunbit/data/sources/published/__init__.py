"""Data sets in the layouts in which they are published, where these are read wrongly otherwise."""
