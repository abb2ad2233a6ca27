"""Conversion of command line options to the configuration's dotted settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nunbit.errors import UsageError


def given_settings(
    options: Mapping[str, object | None], assignments: Sequence[str] | None = None
) -> dict[str, object]:
    """The settings that the user gave: options that are not None, and `--set` assignments.

    Raises UsageError for an assignment without `=` and for a setting that is given twice.
    """
    settings = {key: value for key, value in options.items() if value is not None}
    for assignment in assignments or ():
        key, equals, value = assignment.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UsageError(
                f"--set {assignment} is not an assignment",
                remedy="write it as --set section.key=value, such as --set training.epochs=20",
            )
        if key in settings:
            raise UsageError(
                f"the setting {key} is given twice: as {settings[key]} and as {value}",
                remedy=f"leave out one of them; --set {key}=... and its own option are the same",
            )
        settings[key] = value
    return settings
