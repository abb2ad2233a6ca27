"""nunbit: labelled images in, a classifier out that its owner can trust, understand and ship."""

__version__ = "0.1.0"
