"""Copies of one picture among many: re-encoded, resized, slightly cropped, brightened."""

from nunbit.data.near_duplicates.groups import groups_of
from nunbit.data.near_duplicates.search import NearDuplicates, near_duplicates
from nunbit.data.near_duplicates.signatures import HashObserver, Signatures

__all__ = ["HashObserver", "NearDuplicates", "Signatures", "groups_of", "near_duplicates"]
