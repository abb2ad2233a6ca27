"""JSON and TOML of somebody else: whatever they hold, one kind of error in few words."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nunbit.cli import main
from nunbit.documents import (
    MAX_DEPTH,
    MAX_TOML_BYTES,
    DocumentError,
    parse_json,
    parse_toml,
    read_json,
    read_json_object,
    read_toml,
)
from nunbit.formatting import MAX_QUOTED, quoted
from tests.fixtures_data import write_images

NOT_JSON = {
    "nothing": b"",
    "text": b"{]",
    "not UTF-8": b'{"a": "\xff"}',
    "a number of 10,000 digits": b"1" * 10_000,
    "nested a bit too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "nested 100,000 times": b"[" * 100_000,
    "objects nested 100,000 times": b'{"a":' * 100_000,
    "garbage of 10,000 letters": b'"' + b"x" * 10_000,
}
NOT_TOML = {
    "text": b"= 1",
    "not UTF-8": b"a = '\xff'",
    "a date that does not exist": b"a = 2023-02-30",
    "a number of 10,000 digits": b"a = " + b"1" * 10_000,
    "nested 10,000 times": b"a = " + b"[" * 10_000,
    "a key of 10,000 letters twice": b"x" * 10_000 + b" = 1\n" + b"x" * 10_000 + b" = 2\n",
    "larger than any": b"#" * (MAX_TOML_BYTES + 1),
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_what_is_not_json(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(NOT_JSON[case])
    for read in (lambda: parse_json(NOT_JSON[case]), lambda: read_json(tmp_path / "a.json")):
        with pytest.raises(DocumentError) as caught:
            read()
        assert 0 < len(str(caught.value)) <= MAX_QUOTED


@pytest.mark.parametrize("case", NOT_TOML)
def test_what_is_not_toml(case: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(NOT_TOML[case])
    with pytest.raises(DocumentError) as caught:
        read_toml(tmp_path / "a.toml")
    assert 0 < len(str(caught.value)) <= MAX_QUOTED


def test_what_is(tmp_path: Path) -> None:
    deep = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    parse_json(deep)
    assert parse_json(b'\xef\xbb\xbf{"a": [1, null]}') == {"a": [1, None]}
    assert parse_json('{"a": 1, "a": 2}', pairs=list) == [("a", 1), ("a", 2)]
    assert parse_toml("[a]\nb = [1]\n") == {"a": {"b": [1]}}
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(DocumentError, match="not a JSON object"):
        read_json_object(tmp_path / "list.json")
    with pytest.raises(DocumentError, match="larger than"):
        read_json(tmp_path / "list.json", max_bytes=1)
    with pytest.raises(OSError, match="No such file"):
        read_json(tmp_path / "missing.json")


def test_messages_quote_little() -> None:
    assert quoted("short") == "short"
    assert len(quoted("x" * 10_000)) == MAX_QUOTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("recipe.toml", "[training]\nepochs = '" + "x" * 10_000 + "'\n"),
        ("recipe.toml", "[training]\n" + "x" * 10_000 + " = 1\n"),
        ("recipe.toml", "[training]\nepochs = " + "[" * 30 + "1" + "]" * 30),
        ("recipe.toml", "x" * 10_000 + " = 1\n"),
        ("map.json", '{"' + "x" * 10_000 + '": "a"}'),
        ("map.json", "[" * 10_000),
        ("map.csv", "x" * 10_000 + ",a,b\n"),
        ("map.csv", "x" * 10_000 + ",a\n"),
    ],
)
def test_one_short_block_whatever_a_file_holds(
    name: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "photos", {"cat": 4, "dog": 4})
    (tmp_path / name).write_text(content)
    option = "--recipe" if name.endswith(".toml") else "--label-map"
    words = ["train", str(tmp_path / "photos"), option, str(tmp_path / name)]
    assert main([*words, "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "what to do: " in told
    assert len(told) < 1500, told


def test_nothing_else_parses_json_or_toml() -> None:
    """One place to limit what a file may do; the example of an export stands alone."""
    found = subprocess.run(
        ["grep", "-rlE", r"json\.loads?\(|tomllib", "src/nunbit", "--include=*.py"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(found) == {
        "src/nunbit/documents.py",
        "src/nunbit/export/examples/classify.py",
        "src/nunbit/data/sources/patterns/bounded_matching.py",  # answers of our own process
    }
