"""What would spoil a training, found before it: the quick part that every training runs."""

from nunbit.data.check.files import bad_images
from nunbit.data.check.finding import Correction, Finding, Severity
from nunbit.data.check.quick import check
from nunbit.data.check.shortcuts import PropertyTable, property_tables

__all__ = [
    "Correction",
    "Finding",
    "PropertyTable",
    "Severity",
    "bad_images",
    "check",
    "property_tables",
]
