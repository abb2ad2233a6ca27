"""Class names: cleaned, distinguished, and in an order that depends on nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from nunbit.errors import DataError
from nunbit.formatting import examples, quoted


def clean(name: str) -> str:
    """The name in Unicode form NFC, without blanks around it."""
    return unicodedata.normalize("NFC", name).strip()


def check_unicode(names: Iterable[str], *, what: str, location: str, files: bool = False) -> None:
    """Raise DataError for a name that no file of ours could hold: half of a surrogate pair.

    `files` may also be bytes that are not UTF-8, as Python stands them in.
    """
    for name in names:
        try:
            name.encode("utf-8", "surrogateescape" if files else "strict")
        except UnicodeEncodeError:
            raise DataError(
                f"a {what} is not valid Unicode: {quoted(ascii(name))}",
                path=location,
                remedy="give it another name; a JSON file must not hold half of a surrogate pair",
            ) from None


def in_order(names: Iterable[str]) -> list[str]:
    """Distinct names sorted; by number where all of them are whole decimal numbers."""
    distinct = set(names)
    if all(re.fullmatch(r"[+-]?[0-9]+", name) for name in distinct):
        return sorted(distinct, key=lambda name: (int(name), name))
    return sorted(distinct)


def merge_notes(raw: Sequence[str]) -> list[str]:
    """One remark for each class that appears in the source under several raw names."""
    spellings = defaultdict(list)
    for name in raw:
        spellings[clean(name)].append(name)
    return [
        f"{len(same)} names differ only in Unicode form or in blanks around them and are one "
        f"class: '{name}' (as found: {', '.join(ascii(spelling) for spelling in sorted(same))})"
        for name, same in sorted(spellings.items())
        if len(same) > 1
    ]


def check_case(names: Iterable[str], *, location: str) -> None:
    """Raise DataError where two classes differ only in upper and lower case."""
    twins = defaultdict(set)
    for name in names:
        twins[name.casefold()].add(name)
    for _, same in sorted(twins.items()):
        if len(same) > 1:
            first, *others = sorted(same)
            rename = ", ".join(f'"{other}": "{first}"' for other in others)
            raise DataError(
                f"classes that differ only in upper and lower case: {examples(sorted(same))}",
                path=location,
                remedy="rename one of them, or make them one class with a label map: a JSON file "
                f"holding {{{rename}}}, given as label map",
            )
