"""Every command in the README and the guides exists as it is written there."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
import typer

import nunbit
from nunbit.cli import app
from nunbit.cli.invocation import Invocation
from tests.surface.readme import PAGES, ROOT, blocks, commands, links


def spelled(words: list[str]) -> str:
    return " ".join(words)


@pytest.mark.parametrize("words", commands("nunbit"), ids=spelled)
def test_nunbit_understands_every_command(words: list[str]) -> None:
    group = typer.main.get_command(app)
    if words[1].startswith("--"):
        assert words[1] in ("--help", "--version")
        return
    # Parsing raises for an unknown command or option, or a value of the wrong type.
    with group.make_context("nunbit", words[1:2], obj=Invocation(command="")) as context:
        name, command, _ = group.resolve_command(context, words[1:2])  # type: ignore[attr-defined]
        command.make_context(name, words[2:], parent=context)


@pytest.mark.parametrize("words", commands("make"), ids=spelled)
def test_make_knows_every_target(words: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("python"))
def test_python_uses_public_names_only(block: str) -> None:
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "nunbit":
                assert hasattr(nunbit, node.attr), node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nunbit"):
            assert node.module == "nunbit"
            assert all(hasattr(nunbit, alias.name) for alias in node.names)


@pytest.mark.parametrize("target", links(), ids=lambda path: path.name)
def test_files_that_are_linked_to_are_there(target: Path) -> None:
    assert target.exists()


def test_packages_are_installed_in_one_way() -> None:
    """`python -m pip` installs for the Python that runs, also where `pip` is another's."""
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", *(ROOT / "src").rglob("*.py")]
    other = re.compile(r"(?<!python -m )\bpip3? install")
    assert [page.name for page in pages if other.search(page.read_text(encoding="utf-8"))] == []
