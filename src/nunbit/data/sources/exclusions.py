"""Reasons against an image that other stages recognise."""

from __future__ import annotations

EXCLUDED_BY = "excluded by the"
"""Beginning of every reason that is the user's own decision, and not a fault of the image."""
CORRECTED_AWAY = f"{EXCLUDED_BY} corrections"
"""Beginning of the reason for an image that the corrections leave out."""
TEST_CORRECTED_AWAY = f"{CORRECTED_AWAY} from the test part"
"""The same where the image had been a test image before; stands in the run's split.csv."""
NO_LABEL = "no label"
"""The reason against an image that its source gives no class."""
