"""The data doctor: what only the pixels tell about the data."""
