"""What would spoil a training, found before it: the quick part that every training runs."""

from nunbit.checks.metadata.files import bad_images
from nunbit.checks.metadata.quick import check
from nunbit.checks.metadata.shortcuts import PropertyTable, property_tables

__all__ = [
    "PropertyTable",
    "bad_images",
    "check",
    "property_tables",
]
