"""Runs the installed command as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def environment(cache: Path, threads: int = 1) -> dict[str, str]:
    """One thread (the machine's other cores belong to others) and a cache of the test's own."""
    own = {"OMP_NUM_THREADS": str(threads), "NUNBIT_CACHE": str(cache), "COLUMNS": "120"}
    return {**os.environ, **own}


def nunbit(
    *arguments: str,
    cwd: Path,
    cache: Path | None = None,
    code: int = 0,
    threads: int = 1,
    timeout: float = 240,
) -> str:
    """Run `nunbit`, check its exit code, and return stdout and stderr together."""
    done = subprocess.run(
        [sys.executable, "-m", "nunbit", *arguments],
        cwd=cwd,
        env=environment(cache or cwd / "cache", threads),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == code, done.stdout
    return done.stdout
