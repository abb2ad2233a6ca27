"""The commands that the README and the guides show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "shell", "console")


def blocks(*languages: str, pages: Sequence[Path] = PAGES) -> list[str]:
    """Contents of the fenced blocks in some languages."""
    return [
        content
        for page in pages
        for language, content in FENCE.findall(page.read_text(encoding="utf-8"))
        if language in languages
    ]


def commands(program: str) -> list[list[str]]:
    """The calls of a program in shell blocks and in the text's inline code, each once, as words."""
    lines = [
        line.removeprefix("$ ").strip()
        for block in blocks(*SHELLS)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    for page in PAGES:
        lines += re.findall(r"`(\w[^`\n]*)`", FENCE.sub("", page.read_text(encoding="utf-8")))
    calls = [
        tuple(shlex.split(part, comments=True))
        for line in lines
        for part in line.split("&&")
        if part.strip().startswith(program + " ")
    ]
    return [list(call) for call in dict.fromkeys(calls) if not {"…", "..."} & set(call)]


def links() -> list[Path]:
    """Files that the pages link to."""
    return [
        (page.parent / target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in target
    ]
