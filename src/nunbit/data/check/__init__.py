"""What would spoil a training, found before it: the quick part that every training runs."""

from nunbit.data.check.finding import Correction, Finding, Severity
from nunbit.data.check.quick import bad_images, check

__all__ = ["Correction", "Finding", "Severity", "bad_images", "check"]
