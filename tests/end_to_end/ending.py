"""A process of `nunbit` that sends itself a signal at a moment of its own work.

A moment is a condition on the files of a run. The process looks at it itself, whenever it opens,
makes, renames or removes something, so that no moment passes unseen on a busy machine, nor is one
waited for on a slow one. This file is also the program that the process runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

EVENTS = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
"""Names under which Python audits what changes files (PEP 578)."""


def lines_of(path: Path) -> int:
    """Count the lines of a file; 0 where there is none."""
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "when the configuration is written": lambda run: (run / "config.toml").exists(),
    "when the split is written": lambda run: (run / "split.csv").exists(),
    "when the first checkpoint is being written": lambda run: any(
        (run / "checkpoints").glob(".last.*")
    ),
    "when a checkpoint within the first epoch stands": lambda run: (
        run / "checkpoints" / "last-previous"
    ).exists(),
    "when an epoch has ended": lambda run: lines_of(run / "metrics.jsonl") >= 1,
    "when the best epoch is being replaced": lambda run: (
        any((run / "checkpoints").glob(".best.*")) and lines_of(run / "metrics.jsonl") >= 1
    ),
    "when the second epoch has ended": lambda run: lines_of(run / "metrics.jsonl") == 2,
    "when the bundle is written": lambda run: (run / "model").exists(),
    "when only the summary is missing": lambda run: (run / "report.html").exists(),
}


def end_when(
    moment: str, *arguments: str, cwd: Path, env: dict[str, str], number: int = signal.SIGKILL
) -> subprocess.CompletedProcess[str]:
    """Run `nunbit` with these arguments until it sends itself a signal at a moment of `--out`."""
    return subprocess.run(
        [sys.executable, "-P", __file__, str(int(number)), moment, *arguments],
        cwd=cwd,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def _send_at(moment: str, run: Path, number: int) -> None:
    """Have this process send itself the signal, once."""
    looking = False

    def look(event: str, _: tuple[object, ...]) -> None:
        nonlocal looking
        if event not in EVENTS or looking:
            return
        looking = True  # while the condition itself opens files, and after the signal
        if MOMENTS[moment](run):
            os.kill(os.getpid(), number)
        else:
            looking = False

    sys.addaudithook(look)


if __name__ == "__main__":
    from nunbit.cli import main

    # A shell lets what it starts in the background ignore interrupts, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    words = sys.argv[3:]
    _send_at(sys.argv[2], Path(words[words.index("--out") + 1]), int(sys.argv[1]))
    sys.exit(main(words))
