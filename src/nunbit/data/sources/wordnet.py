"""Words of ImageNet's classes, whose folders are called by WordNet's numbers, as `n01440764`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from nunbit.data.sources.published.annotated import in_words
from nunbit.errors import ConfigError

LABEL_MAP = "imagenet"
"""Name that may be given in place of a label map's file."""
_NUMBER = re.compile(r"n\d{8}")
_MIN_FRACTION = 0.9
"""Fraction of classes that are such numbers, for a note to say so."""


def is_asked_for(label_map: Path) -> bool:
    """Tell the word from a file of this name."""
    return str(label_map) == LABEL_MAP and not label_map.is_file()


def note_on_numbers(names: Sequence[str]) -> list[str]:
    """Remark where most classes are numbers of WordNet."""
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if not numbers or len(numbers) < _MIN_FRACTION * len(names):
        return []
    return [f"classes are numbers of WordNet: --label-map {LABEL_MAP} gives them their words"]


def words_as_label_map(names: Iterable[str]) -> dict[str, str]:
    """Number to the first of its words, with the number where two classes have the same.

    Raises:
        ConfigError: where no class is such a number.
    """
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if not numbers:
        raise ConfigError(
            "no class is called by a number of WordNet, such as n01440764",
            remedy=f"leave --label-map {LABEL_MAP} out",
        )
    return in_words(numbers, _words())


def _words() -> dict[str, str]:
    """Words of 21,844 numbers, from the file that timm brings; timm itself is not imported."""
    package = find_spec("timm")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder) / "data" / "_info" / "imagenet_synset_to_lemma.txt"
        if file.is_file():
            lines = file.read_text(encoding="utf-8").splitlines()
            return {number: words for number, _, words in (line.partition("\t") for line in lines)}
    raise ConfigError(
        "the words of WordNet's numbers come with timm, which is not installed so",
        remedy="python -m pip install 'nunbit[train]', or give a file of names",
    )
