"""The labs' folder, and the names in it.

In a checkout they lie beside `src`; the wheel carries them inside the package.
"""

from __future__ import annotations

import re
from pathlib import Path

from nunbit.errors import UsageError

PACKAGED = Path(__file__).parent / "labs"
CHECKOUT = Path(__file__).parents[2] / "labs"
FILE_NAME = re.compile(r"\d\d_[a-z0-9_]+")


def course_folder() -> Path:
    """The folder with the labs' files.

    Raises:
        UsageError: when they were not installed.
    """
    for folder in (PACKAGED, CHECKOUT):
        if any(folder.glob("[0-9][0-9]_*.py")):
            return folder
    raise UsageError(
        "the labs are not installed",
        path=PACKAGED,
        remedy="install nunbit from its wheel or its checkout: both contain them",
    )


def lab_names() -> tuple[str, ...]:
    """Names such as `01_perceptron`, in the order of the course."""
    found = (path.stem for path in course_folder().glob("*.py"))
    return tuple(sorted(name for name in found if FILE_NAME.fullmatch(name)))


def find_lab(text: str) -> str:
    """Find the lab that a number, a name or a part of a name means: 8, 08, xor, 03_xor.

    Raises:
        UsageError: when no lab is meant, or more than one.
    """
    names = lab_names()
    asked = text.strip().lower().replace("-", "_").removesuffix(".py")
    if asked.isdecimal():
        found = [name for name in names if int(name[:2]) == int(asked)]
    else:
        found = [name for name in names if asked in (name, name[3:])]
        found = found or [name for name in names if asked and asked in name]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{text!r} matches {len(found)} labs", remedy=f"choose {' or '.join(found)}"
        )
    raise UsageError(f"there is no lab {text!r}", remedy="`nunbit lab` lists them")


def lab_file(name: str) -> Path:
    """The lab itself: text cells in English, and the code."""
    return course_folder() / f"{name}.py"


def translation_file(name: str, language: str) -> Path:
    """The text cells in another language."""
    return course_folder() / language / f"{name}.md"


def solution_file(name: str) -> Path:
    """Worked solutions: the exercises' cells filled in."""
    return course_folder() / "solutions" / f"{name}.py"


def solution_translation_file(name: str, language: str) -> Path:
    """The solutions' text cells in another language."""
    return course_folder() / language / "solutions" / f"{name}.md"
