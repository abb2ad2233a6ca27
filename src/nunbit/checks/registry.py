"""All checks, in the order in which findings of one severity are reported."""

from __future__ import annotations

from nunbit.checks.check import Check
from nunbit.checks.metadata.class_from_metadata import ClassFromMetadata
from nunbit.checks.metadata.classes import ClassSizes
from nunbit.checks.metadata.exact_copies import ExactCopies
from nunbit.checks.metadata.groups_across_parts import GroupsAcrossParts
from nunbit.checks.metadata.image_sizes import ImageSizes
from nunbit.checks.metadata.layers import Layers
from nunbit.checks.metadata.remarks import Remarks
from nunbit.checks.metadata.shortcuts import Shortcuts
from nunbit.checks.metadata.unusable_files import UnusableFiles
from nunbit.checks.pixels.blur import Blur
from nunbit.checks.pixels.exposure import Exposure
from nunbit.checks.pixels.labels import SuspectedLabels
from nunbit.checks.pixels.near_copies import NearCopies
from nunbit.checks.pixels.one_colour import OneColour
from nunbit.checks.pixels.outliers import Outliers

CHECKS: tuple[Check, ...] = (
    UnusableFiles(),
    ExactCopies(),
    GroupsAcrossParts(),
    ClassSizes(),
    Shortcuts(),
    ClassFromMetadata(),
    ImageSizes(),
    Layers(),
    Remarks(),
    OneColour(),
    Exposure(),
    Blur(),
    NearCopies(),
    SuspectedLabels(),
    Outliers(),
)
"""Those that need metadata alone are the quick check of every training; `nunbit check` does all."""
