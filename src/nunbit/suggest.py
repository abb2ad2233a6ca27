"""The question "did you mean ...?" after a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

_CONSIDERED = 12
"""Near names looked at where some are preferred."""


def near_names(
    name: str,
    options: Iterable[str],
    *,
    limit: int = 1,
    cutoff: float = 0.6,
    prefer: Callable[[str], bool] | None = None,
) -> list[str]:
    """Find at most `limit` options that resemble `name`, the nearest first.

    `prefer` moves options for which it is true to the front, for example what is installed;
    it is asked of near names only.
    """
    considered = limit if prefer is None else max(limit, _CONSIDERED)
    near = difflib.get_close_matches(name, list(options), n=considered, cutoff=cutoff)
    if prefer is not None:
        near.sort(key=prefer, reverse=True)
    return near[:limit]


def suggest(
    name: str,
    options: Iterable[str],
    *,
    form: str = "{}",
    rest: str = "",
    limit: int = 1,
    cutoff: float = 0.6,
    prefer: Callable[[str], bool] | None = None,
) -> str:
    """Ask "did you mean head?", then say `rest`; `rest` alone where no option is near.

    `form` says how a name is written ("'{}'" for quotes); the others are those of `near_names`.
    """
    near = near_names(name, options, limit=limit, cutoff=cutoff, prefer=prefer)
    if not near:
        return rest
    question = f"did you mean {' or '.join(form.format(each) for each in near)}?"
    return f"{question} {rest}".rstrip()
