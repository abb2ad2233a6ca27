"""The commands that the README shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "shell", "console")
PROGRAMS = ("nunbit", "make", "pip", "python")


def blocks(*languages: str) -> list[str]:
    """Contents of the fenced blocks in some languages."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [content for language, content in FENCE.findall(text) if language in languages]


def commands(program: str) -> list[list[str]]:
    """The calls of a program in shell blocks and in the text's inline code, as words."""
    lines = [
        line.removeprefix("$ ").strip()
        for block in blocks(*SHELLS)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines += re.findall(r"`(\w[^`\n]*)`", FENCE.sub("", text))
    calls = [
        shlex.split(part, comments=True)
        for line in lines
        for part in line.split("&&")
        if part.strip().startswith(program + " ")
    ]
    return [call for call in calls if "…" not in call and "..." not in call]
