"""Write the table of docs/data.md from the sources themselves."""

from __future__ import annotations

import re
from pathlib import Path

from nunbit.data.sources import SOURCES
from nunbit.data.sources.known import KNOWN

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data.md"


def page(text: str) -> str:
    """The page with its table as it should be; everything else stays."""
    marked = re.compile(r"(<!-- sources -->\n).*?(<!-- end -->)", re.DOTALL)
    text, found = marked.subn(lambda match: f"{match[1]}{table()}{match[2]}", text)
    if found != 1:
        raise ValueError(f"the page has {found} places for the table")
    return text


def table() -> str:
    """A row for each kind of source, the usual first, and one for the known names."""
    rows = [f"| {source.kind} | {source.looks_like} |" for source in reversed(SOURCES)]
    rows.append(f"| known names | {', '.join(f'`{name}`' for name in KNOWN)} |")
    return "\n".join(["| DATA | looks like |", "| --- | --- |", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
