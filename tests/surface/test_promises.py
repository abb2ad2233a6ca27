"""docs/promises.md: every promise names a test, and every test named is there."""

from __future__ import annotations

import ast
import re
import socket
from pathlib import Path

import pytest

from nunbit.cli import main
from tests.fixtures_data import write_images

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PROMISES = re.findall(r"^- .*?(?=^- |^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_held_by_a_test_that_exists() -> None:
    assert len(PROMISES) >= 20
    for promise in PROMISES:
        tests = NAMED.findall(promise)
        assert tests, f"no test holds: {promise}"
        for file, name in tests:
            assert name.startswith("test_"), name
            assert name in functions(ROOT / file), f"{file}::{name} is not there"


def test_nothing_is_sent_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an address is asked for nor a connection opened, even where errors are swallowed."""
    attempts: list[object] = []

    def note(*given: object, **_: object) -> None:
        attempts.append(given)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", note)
    monkeypatch.setattr(socket, "create_connection", note)
    monkeypatch.setattr(socket.socket, "connect", note)
    monkeypatch.setattr(socket.socket, "sendto", note)
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "photos", {"cat": 8, "dog": 8})
    train = ("train", "photos", "--model", "mlp-100", "--epochs", "1", "-q")
    assert main([*train, "--out", "one"]) == 0
    assert main([*train, "--out", "two", "--split", "one/split.csv"]) == 0
    assert main(["check", "photos", "-q"]) in (0, 1)
    assert main(["evaluate", "one", "--out", "again", "-q"]) == 0
    assert main(["compare", "one", "two", "-q"]) == 0
    assert main(["predict", "one", "photos", "-q"]) == 0
    assert attempts == []
