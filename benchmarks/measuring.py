"""What the benchmarks share: timing whole commands side by side, and what is written about it.

    parser = arguments(__doc__)                             # --repeats, --quick, --json
    times = alternate({"a": run_a, "b": run_b}, repeats=3)  # each in turn, the order turning round
    found = record("NAME", repeats=3, rows=[row("a", "s", times["a"])], ratios=[...])
    return finish(found, given)                             # prints, writes, the exit code

A ratio is taken pair by pair, of two values of the same repeat, so that the machine's mood cancels.
Medians, the least and the greatest are stated; a target is met when the median meets it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
NO_CODE = (":!benchmarks/results", ":!benchmarks/RESULTS.md", ":!docs", ":!labs/RESULTS.md")
"""What git leaves aside when it says whether a commit's code had been changed."""
PACKAGES = ("nunbit", "torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn")
MATRIX_UNITS = (
    "amx_bf16",
    "amx_fp16",
    "amx_int8",
    "avx512_bf16",
    "avx512_fp16",
    "avx512f",
    "avx2",
    "bf16",
    "i8mm",
    "sve",
    "asimd",
)
"""Flags of the processor, x86 and ARM, that say how it multiplies matrices; the best first."""

TAIL = 3000
"""Characters of a failed command's output that are shown."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that has run to its end."""

    seconds: float
    """From start to end of the process, wall time."""
    cpu_seconds: float
    """Of all its threads and of the children it waited for."""
    peak_mib: float
    """The greatest resident memory of the process, or of one of those children. Linux counts that
    of the process that started it too: one that measures memory imports nothing large."""
    others_seconds: float
    """CPU time that other processes took meanwhile, or the host took away: disturbance. Zero where
    the system does not tell."""
    output: str
    """Standard output."""

    @property
    def said(self) -> Any:
        """The last line of the output, read as JSON."""
        return json.loads(self.output.rstrip().splitlines()[-1])


def run_command(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    allowed: Sequence[int] = (0,),
) -> Finished:
    """Run a whole command as a process of its own.

    Args:
        command: the program and its arguments.
        env: added to the environment.
        cwd: where it runs; here, if not given.
        allowed: exit codes that are no failure.

    Raises:
        SystemExit: with the end of what it said, if it fails.
    """
    arguments = [str(part) for part in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        busy, began = _busy_seconds(), time.perf_counter()
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds, busy = time.perf_counter() - began, _busy_seconds() - busy
        process.returncode = os.waitstatus_to_exitcode(status)
        output, errors = (_text(file) for file in (out, err))
    if process.returncode not in allowed:
        said = f"{output[-TAIL:]}\n{errors[-TAIL:]}"
        raise SystemExit(f"{shlex.join(arguments)} ended with {process.returncode}:\n{said}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Finished(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        others_seconds=max(0.0, busy - cpu_seconds),
        peak_mib=usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
        output=output,
    )


def _busy_seconds() -> float:
    """CPU time of all processes since the machine started, and what its host took; 0 if unknown."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    busy = user + nice + system + irq + softirq + steal
    return busy / os.sysconf("SC_CLK_TCK")


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", errors="replace"))


def alternate(contestants: Mapping[str, Callable[[int], T]], *, repeats: int) -> dict[str, list[T]]:
    """Each contestant in turn, so many times; called with the number of the repeat, from 0.

    Every other repeat goes the other way round, so that nobody always comes after the same one.
    """
    found: dict[str, list[T]] = {name: [] for name in contestants}
    for number in range(repeats):
        names = list(contestants) if number % 2 == 0 else list(reversed(list(contestants)))
        for name in names:
            found[name].append(contestants[name](number))
    return found


def kept(file: Path, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `measure` gives, from the file if it was measured before: long benchmarks go on so."""
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found
    found = measure()
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(file)
    return found


def row(name: str, unit: str, values: Sequence[float]) -> dict[str, Any]:
    """One line of the table: what was measured, with median and spread."""
    return {"name": name, "unit": unit, **spread_of(values), "n": len(values)}


def ratio(
    what: str,
    over: Sequence[float],
    under: Sequence[float],
    *,
    target: float | None = None,
    better: Literal["more", "less"] = "more",
) -> dict[str, Any]:
    """Pair by pair `over` through `under`, and whether the median meets the target.

    Raises:
        ValueError: when the values are not pairs.
    """
    values = [a / b for a, b in zip(over, under, strict=True)]
    median = statistics.median(values)
    met = None
    if target is not None:
        met = median >= target if better == "more" else median <= target
    return {"what": what, "target": target, "better": better, **spread_of(values), "met": met}


def bound(
    what: str,
    values: Sequence[float],
    *,
    target: float | None = None,
    better: Literal["more", "less"] = "less",
) -> dict[str, Any]:
    """Like `ratio`, for a number that has a target of its own, as seconds have."""
    return ratio(what, values, [1.0] * len(values), target=target, better=better)


def spread_of(values: Sequence[float]) -> dict[str, float]:
    """Median, least and greatest, to five significant digits."""
    return {
        name: float(f"{call(values):.5g}")
        for name, call in (("median", statistics.median), ("min", min), ("max", max))
    }


def record(
    benchmark: str,
    *,
    repeats: int,
    rows: Sequence[dict[str, Any]],
    ratios: Sequence[dict[str, Any]] = (),
    notes: Sequence[str] = (),
    more_versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """All that is kept of a benchmark; see benchmarks/results."""
    return {
        "benchmark": benchmark,
        "command": command_line(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": {**versions(), **(more_versions or {})},
        "repeats": repeats,
        "rows": list(rows),
        "ratios": list(ratios),
        "notes": list(notes),
    }


def arguments(doc: str, *, repeats: int = 3) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has; `doc` is its docstring."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=repeats, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="seconds, little data: does it run?")
    parser.add_argument(
        "--json", type=Path, help="write there; default: benchmarks/results, but not with --quick"
    )
    return parser


def finish(found: dict[str, Any], given: argparse.Namespace) -> int:
    """Print, write and judge: 1 when a target is missed, which a quick run never does."""
    print(as_text(found))
    target = given.json
    if target is None and not given.quick:
        target = RESULTS / f"{found['benchmark']}.json"
    if target is not None:
        write(target, found)
    missed = any(one["met"] is False for one in found["ratios"])
    return int(missed and not given.quick)


def write(file: Path, found: dict[str, Any]) -> None:
    """The record as JSON; an older one of the same benchmark is replaced.

    Raises:
        SystemExit: when the file is there and is not an older record.
    """
    if file.exists():
        try:
            older = json.loads(file.read_text(encoding="utf-8")).get("benchmark")
        except (ValueError, AttributeError):
            older = None
        if older != found["benchmark"]:
            raise SystemExit(f"{file} is not an older result of this benchmark: nothing is written")
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def as_text(found: dict[str, Any]) -> str:
    """The record for people."""
    lines = [f"{found['benchmark']}: {machine_in_words(found['machine'])}"]
    lines += [
        f"  {one['name']:44s} {in_words(one)} {one['unit']}, n = {one['n']}"
        for one in found["rows"]
    ]
    for one in found["ratios"]:
        judged = {True: "met", False: "MISSED", None: "-"}[one["met"]]
        lines.append(f"  {one['what']:44s} {in_words(one)}  {judged}{target_in_words(one)}")
    return "\n".join([*lines, *(f"  {note}" for note in found["notes"])])


def in_words(values: Mapping[str, Any]) -> str:
    """Median, and least and greatest in brackets."""
    median, least, most = (f"{values[name]:.4g}" for name in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def target_in_words(one: Mapping[str, Any]) -> str:
    """The target of a ratio, or nothing."""
    if one["target"] is None:
        return ""
    return f" (target: at {'least' if one['better'] == 'more' else 'most'} {one['target']:g})"


def command_line() -> str:
    """The command that measures, with paths of this checkout as they are seen from its root."""
    own = Path(sys.argv[0]).resolve()
    shown = own.relative_to(ROOT) if own.is_relative_to(ROOT) else Path(own.name)
    said = shlex.join(["python", shown.as_posix(), *sys.argv[1:]])
    return said.replace(f"{ROOT}/", "")


def commit() -> str:
    """The commit that was measured, with `-dirty` when more than results had changed since."""
    described = _git("describe", "--always", "--abbrev=10")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *NO_CODE)
    return f"{described}-dirty" if described and changed else described or "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def versions(names: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Of Python and of the packages that are installed here; nothing is imported for it."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """What the numbers depend on: processor, its matrix units, cores, memory, system."""
    name, flags = _processor()
    return {
        "processor": name,
        "matrix_units": [unit for unit in MATRIX_UNITS if unit in flags],
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
    }


def machine_in_words(values: Mapping[str, Any]) -> str:
    """One line about a machine."""
    units = ", ".join(values["matrix_units"]) or "none known"
    memory = f"{values['memory_gib']:g} GiB"
    said = f"{values['processor']}, {values['cores']} cores, {memory}, matrix units: {units}"
    return f"{said}; {values['system']}"


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> tuple[str, frozenset[str]]:
    """Name and flags, as Linux tells them; elsewhere the name that Python knows."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), frozenset()
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", text, re.MULTILINE)
    return (
        name.group(1) if name else platform.machine(),
        frozenset(flags.group(1).split()) if flags else frozenset(),
    )
