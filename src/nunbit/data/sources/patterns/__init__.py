"""Patterns of the user on names: what is read from them, and the time that they may take."""
