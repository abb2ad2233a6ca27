"""Runs the installed command as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def environment(cache: Path) -> dict[str, str]:
    """One thread (the machine's other cores belong to others) and a cache of the test's own."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "NUNBIT_CACHE": str(cache), "COLUMNS": "120"}


def nunbit(*arguments: str, cwd: Path, cache: Path | None = None, code: int = 0) -> str:
    """Run `nunbit`, check its exit code, and return stdout and stderr together."""
    done = subprocess.run(
        [sys.executable, "-m", "nunbit", *arguments],
        cwd=cwd,
        env=environment(cache or cwd / "cache"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == code, done.stdout
    return done.stdout
