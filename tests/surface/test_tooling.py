"""The files that make, CI and pip work by."""

from __future__ import annotations

import os
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from tests.surface.readme import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = {
    name.lower().replace("_", "-"): version
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for name, version in [line.split("==")]
}
REQUIREMENTS = [
    Requirement(text)
    for text in [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["train"],
        *PROJECT["optional-dependencies"]["dev"],
        *PROJECT["optional-dependencies"]["labs"],
    ]
    if not text.startswith("nunbit[")
]


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_what_was_tested_lies_within_the_bounds(requirement: Requirement) -> None:
    if requirement.name in ("torch", "torchvision"):
        assert requirement.name not in PINS
    else:
        assert PINS[requirement.name.lower()] in requirement.specifier


def test_every_dependency_of_users_has_both_bounds() -> None:
    for text in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["train"]):
        specifiers = {item.operator for item in Requirement(text).specifier}
        assert specifiers == {">=", "<"}, text


def test_targets_of_make_are_pinned() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    targets = [line.split()[1] for line in done.stdout.splitlines()]
    assert targets == [
        "help",
        "venv",
        "demo",
        "test",
        "test-slow",
        "fuzz",
        "test-labs",
        "test-matrix",
        "labs",
        "labs-full",
        "bench",
        "bench-peers",
        "lint",
        "types",
        "imports",
        "ci",
        "clean",
    ]


def test_an_old_python_is_refused_in_words() -> None:
    done = subprocess.run(
        ["make", "--always-make", "venv", "PYTHON=no-such-python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "nunbit needs Python 3.11 or newer" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="no execution bit there")
def test_ci_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
