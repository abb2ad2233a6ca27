"""Runs the command as a user does: in a process of its own, or without one where that is enough."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nunbit.cli import main


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


def nunbit_here(*arguments: str, cwd: Path, code: int = 0) -> str:
    """The same in this process, which saves the seconds that a new one takes to import PyTorch.

    Threads are those of this process: where a run is to equal another bit for bit, start processes.
    """
    told = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        patch.setenv("NUNBIT_CACHE", str(cwd / "cache"))
        patch.setenv("COLUMNS", "120")
        assert main(arguments) == code, told.getvalue()
    return told.getvalue()
