"""Patterns that would work for ever are ended, with their name; all others match as Python does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nunbit.cli import main
from nunbit.data.sources.patterns import bounded_matching
from nunbit.data.sources.patterns.bounded_matching import match_all
from tests.fixtures_data import write_images

NAMES = ["a/patient12_3.png", "b/none.png", "c/patient7.png", "odd\udcff/patient1\n.png", ""]


@pytest.mark.parametrize("how", ["search", "fullmatch"])
@pytest.mark.parametrize(
    "pattern", [r"(patient\d+)", r"(?P<group>[^/]+)/.*", r"(?i)(PATIENT)(_?)", r"(a)|(b)"]
)
def test_matches_are_those_of_re(pattern: str, how: str) -> None:
    compiled = re.compile(pattern)
    expected = [getattr(compiled, how)(name) for name in NAMES]
    found = match_all(compiled, NAMES, how=how, written=pattern)  # type: ignore[arg-type]
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert (tuple(ours[0]), ours[1]) == (theirs.groups(), theirs.groupdict())


@pytest.mark.parametrize(
    "words",
    [("--group-from", r"(a+a+)+!"), ("--label-from", "{any}-{any}-{any}-{any}-{any}-{label}.x")],
    ids=["group", "label"],
)
def test_a_slow_pattern_is_ended_and_named(
    words: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bounded_matching, "MAX_SECONDS", 0.5)
    write_images(tmp_path / "photos", {"cat": 3, "dog": 3})
    slow = "aaaaaaaa" * 4 if words[0] == "--group-from" else "-" * 200
    for folder in ("cat", "dog"):
        (tmp_path / "photos" / folder / "000.png").rename(
            tmp_path / "photos" / folder / f"{slow}.png"
        )
    # Without the limit it would take years.
    assert main(["check", str(tmp_path / "photos"), *words, "--quick"]) == 2
    told = capsys.readouterr().err
    assert f"the pattern '{words[1]}' takes too long" in told
    assert "what to do: " in told
