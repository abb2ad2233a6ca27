"""docs/serve.md and the README, run as they are written, against a real server."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from nunbit.cli import app
from nunbit.cli.invocation import Invocation
from tests.serve.server import LONG, Served
from tests.surface.readme import FENCE, ROOT, SHELLS

PAGE = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
PAGES = (PAGE, (ROOT / "README.md").read_text(encoding="utf-8"))
ADDRESS = "http://127.0.0.1:8000"


def block(language: str) -> str:
    (found,) = (text for kind, text in FENCE.findall(PAGE) if kind == language)
    return found


@pytest.fixture
def home(tmp_path: Path, pictures: dict[str, bytes]) -> Path:
    for name in ("new.jpg", "one.jpg", "two.png"):
        data = pictures["png_rgb.png" if name.endswith("png") else "jpeg_420.jpg"]
        (tmp_path / name).write_bytes(data)
    return tmp_path


def run(words: list[str], home: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        words, cwd=home, env=environment, capture_output=True, text=True, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_of_the_guide_runs(served: Served, home: Path) -> None:
    """All blocks in one process: importing the clients takes the time."""
    code = "\n".join(
        text for page in PAGES for language, text in FENCE.findall(page) if language == "py"
    )
    code = code.replace(ADDRESS, served.url)
    code = code.replace(ADDRESS.removeprefix("http://"), f"127.0.0.1:{served.port}")
    said = run([sys.executable, "-W", "ignore", "-c", f"NAME = 'pictures'\n{code}"], home)
    assert said.count("label=") == 2
    assert "one.jpg" in said
    assert "two.png" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_of_the_guide_runs(served: Served, home: Path) -> None:
    lines = [
        line
        for page in PAGES
        for language, text in FENCE.findall(page)
        if language in SHELLS
        for line in text.splitlines()
        if line.startswith("curl ") and ADDRESS in line
    ]
    assert len(set(lines)) == 2
    for line in set(lines):
        words = shlex.split(line.replace(ADDRESS, served.url))
        said = json.loads(run([words[0], "--silent", "--noproxy", "*", *words[1:]], home))
        answers = said["answers"] if isinstance(said, dict) else [said[0]]
        assert all(answer["label"] for answer in answers)


def understands(words: list[str]) -> bool:
    """Whether the command line of `nunbit serve` is one; raises for an unknown option."""
    group = typer.main.get_command(app)
    with group.make_context("nunbit", words[1:2], obj=Invocation(command="")) as context:
        name, command, _ = group.resolve_command(context, words[1:2])  # type: ignore[attr-defined]
        command.make_context(name, words[2:], parent=context)
    return words[1] == "serve"


def test_the_health_check_of_the_container_tells_ready_from_not(served: Served, home: Path) -> None:
    text = block("dockerfile")
    match = re.search(r"CMD (\[.*\])", text)
    assert match is not None
    words = [word.replace(ADDRESS, served.url) for word in json.loads(match[1])]
    run([sys.executable, *words[1:]], home)
    elsewhere = [word.replace("/ready", "/not-there") for word in words]
    done = subprocess.run([sys.executable, *elsewhere[1:]], capture_output=True, check=False)
    assert done.returncode != 0
    entry = re.search(r"ENTRYPOINT (\[.*\])", text)
    assert entry is not None
    assert understands(json.loads(entry[1]))
    assert text.index("USER 10001") < text.index("ENTRYPOINT")


def test_the_unit_of_systemd_is_one() -> None:
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block("ini"))
    words = shlex.split(unit["Service"]["ExecStart"])
    assert understands(["nunbit", *words[1:]])
    # Longer than a server takes to end by itself.
    assert int(unit["Service"]["TimeoutStopSec"]) > 30 + 5 + 1
