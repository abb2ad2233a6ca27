"""Reasons against an image that other stages recognise."""

from __future__ import annotations

EXCLUDED_BY = "excluded by the"
"""Beginning of every reason that is the user's own decision, and not a fault of the image."""
NO_LABEL = "no label"
"""The reason against an image that its source gives no class."""
