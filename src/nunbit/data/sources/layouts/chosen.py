"""The user's own word on folders: `--parts FOLDER=train,FOLDER=test`, or `--parts none`."""

from __future__ import annotations

from nunbit.data.sources.part_names import PART_NAMES, part_of
from nunbit.errors import ConfigError
from nunbit.suggest import suggest

NONE = "none"
"""Says that folders are classes, whatever they are called."""
FORM = "write FOLDER=train,FOLDER=test, or none where the folders are classes"


def parse_parts(text: str) -> dict[str, str]:
    """Folder to part; empty for `none`.

    Raises:
        ConfigError: for anything else, and for a folder named twice.
    """
    if text.strip().lower() == NONE:
        return {}
    parts: dict[str, str] = {}
    for entry in text.split(","):
        folder, equals, word = entry.rpartition("=")
        folder = folder.strip().replace("\\", "/").removeprefix("./").strip("/")
        part = part_of(word)
        if not equals or not folder:
            raise ConfigError(f"the parts '{text}' are not understood at '{entry}'", remedy=FORM)
        if part is None:
            raise ConfigError(
                f"'{word.strip()}' is not a part of a split",
                remedy=suggest(word.strip().lower(), PART_NAMES, form="'{}'")
                or "the parts are train, validation and test",
            )
        if parts.setdefault(folder, part) != part:
            raise ConfigError(f"the folder '{folder}' is given two parts", remedy=FORM)
    return parts
