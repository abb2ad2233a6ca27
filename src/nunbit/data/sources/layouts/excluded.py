"""Files that the user leaves out by patterns of their names."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace

from nunbit.data.sources.exclusions import EXCLUDED_BY
from nunbit.data.sources.walking import Listing
from nunbit.errors import ConfigError


def leave_out(listing: Listing, patterns: str | None) -> Listing:
    """The same files, those that fit one of the patterns with a reason.

    Patterns are separated by commas; one with a slash is matched against the path, others against
    the name.

    Raises:
        ConfigError: for a pattern that fits no file.
    """
    if not patterns:
        return listing
    reasons: dict[str, str] = {}
    for pattern in filter(None, map(str.strip, patterns.split(","))):
        matches = re.compile(fnmatch.translate(pattern)).match
        on_path = "/" in pattern
        fitting = [
            found.path
            for found in listing.files
            if matches(found.path if on_path else found.path.rpartition("/")[2])
        ]
        if not fitting:
            raise ConfigError(
                f"no file fits the pattern '{pattern}'",
                remedy="patterns are those of a shell, such as '*_mask.png' or 'old/*'",
            )
        for path in fitting:
            reasons.setdefault(path, f"{EXCLUDED_BY} pattern '{pattern}'")
    files = tuple(
        replace(found, reason=reasons[found.path], excluded=True)
        if found.path in reasons
        else found
        for found in listing.files
    )
    return replace(listing, files=files)
