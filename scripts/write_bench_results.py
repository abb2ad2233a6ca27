"""Write benchmarks/RESULTS.md from what the benchmarks have kept in benchmarks/results.

    python scripts/write_bench_results.py [RESULTS [PAGE]]

Prints the table of all that has a target.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from measuring import in_words, machine_in_words, target_in_words  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "benchmarks" / "RESULTS.md"
INTRODUCTION = """\
# Speed, measured

Written by `python scripts/write_bench_results.py` from `benchmarks/results`, where each benchmark
keeps its numbers: `make bench` measures all but the other libraries, which `make bench-peers`
installs and measures. Times are those of whole commands as processes of their own, side by side and
in turns. A ratio is taken pair by pair within a repeat; given is the median, with the least and the
greatest in brackets. How nunbit is fast, and why what misses its target does: `docs/speed.md`.
"""

Found = dict[str, Any]


def page(records: Sequence[Found]) -> str:
    """The whole page."""
    parts = [INTRODUCTION, targets(records)]
    parts += [section(found) for found in records]
    return "\n".join(parts)


def read(folder: Path) -> list[Found]:
    """The records of a folder, by name."""
    files = sorted(folder.glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def targets(records: Sequence[Found]) -> str:
    """All that has a target, what misses it first."""
    judged = [(one, found) for found in records for one in found["ratios"]]
    rows = [
        (one["met"], cells(found["benchmark"], one["what"], wanted(one), in_words(one), word(one)))
        for one, found in judged
        if one["met"] is not None
    ]
    missed = sum(not met for met, _ in rows)
    lines = [
        f"## Targets: {len(rows) - missed} of {len(rows)} met\n",
        cells("benchmark", "what", "target", "measured", ""),
        cells(*["---"] * 5),
        *(line for _, line in sorted(rows, key=lambda row: row[0])),
    ]
    return "\n".join(lines) + "\n"


def section(found: Found) -> str:
    """One benchmark."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    repeats = "1 repeat" if found["repeats"] == 1 else f"{found['repeats']} repeats"
    lines = [
        f"## {found['benchmark']}\n",
        f"`{found['command']}`, {repeats}, {found['date'][:10]}, commit {found['commit']}.",
        f"{machine_in_words(found['machine'])}. {versions}.\n",
        cells("measured", "", "unit", "n"),
        cells(*["---"] * 4),
        *(cells(one["name"], in_words(one), one["unit"], one["n"]) for one in found["rows"]),
        "",
    ]
    if found["ratios"]:
        lines += [
            cells("ratio", "", "target", ""),
            cells(*["---"] * 4),
            *(cells(one["what"], in_words(one), wanted(one), word(one)) for one in found["ratios"]),
            "",
        ]
    lines += [f"- {note}" for note in found["notes"]]
    return "\n".join(lines).rstrip("\n") + "\n"


def cells(*values: object) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def wanted(one: Found) -> str:
    """The target in words."""
    return target_in_words(one).removeprefix(" (target: ").removesuffix(")")


def word(one: Found) -> str:
    """Whether the target is met."""
    return {True: "met", False: "**missed**", None: ""}[one["met"]]


if __name__ == "__main__":
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else PAGE
    found = read(results)
    target.write_text(page(found), encoding="utf-8")
    print(targets(found))
    print(f"{target} written")
