"""Classes that a test part says little about."""

from __future__ import annotations

from collections.abc import Mapping

from nunbit.formatting import count, examples

MIN_TEST_IMAGES = 10
"""Images of a class: with fewer, the interval of its recall is wider than 50 points at one half."""
MAX_NAMED = 5


def untested_classes(sizes: Mapping[str, int]) -> str:
    """Sentence that names the classes without test images, by class; '' if there are none."""
    absent = [name for name, n in sizes.items() if n == 0]
    if not absent or len(absent) == len(sizes):
        return ""
    be = "was" if len(absent) == 1 else "were"
    return (
        f"{count(len(absent), 'class', 'classes')} {be} not tested: "
        f"{examples(absent, max_shown=MAX_NAMED)}; means over classes leave out what has no images."
    )


def barely_tested_classes(sizes: Mapping[str, int]) -> str:
    """Sentence that names the classes with fewer than ten test images; '' if there are none."""
    few = sorted((n, name) for name, n in sizes.items() if 0 < n < MIN_TEST_IMAGES)
    if not few:
        return ""
    shown = ", ".join(f"'{name}' ({n})" for n, name in few[:MAX_NAMED])
    more = f" and {len(few) - MAX_NAMED} more" if len(few) > MAX_NAMED else ""
    have = "has" if len(few) == 1 else "have"
    return (
        f"{count(len(few), 'class', 'classes')} {have} fewer than {MIN_TEST_IMAGES} test images, "
        f"so little is known of them: {shown}{more}."
    )
