"""The source keeps to its own rules of size and language."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.surface.readme import ROOT

SOURCE = ROOT / "src"
MAX_FILES = 20
"""In one folder, without `__init__.py`."""
MAX_LINES = 80
"""Of a function; a command's signature, whose parameters are its options, does not count."""
AVOIDED = re.compile(
    r"refuse_|_AT_ONCE|\bFEWEST|\bMOST_|(?<![Tt]here )is no (?!longer\b|better\b|larger\b)[a-z]"
)
"""`check_`, `CHUNK_`, `MIN_`, `MAX_` and "is not a" are the field's words."""


def modules() -> Iterator[tuple[str, str]]:
    """Path below `src` and text of each."""
    for file in sorted(SOURCE.rglob("*.py")):
        yield file.relative_to(SOURCE).as_posix(), file.read_text(encoding="utf-8")


def test_no_folder_is_crowded() -> None:
    files = Counter(str(Path(path).parent) for path, _ in modules() if "__init__" not in path)
    assert len(files) > 20
    assert {folder: n for folder, n in files.items() if n > MAX_FILES} == {}


def test_no_function_is_long() -> None:
    lengths = {
        f"{path}: {function.name}": _lines(function, is_command="/commands/" in path)
        for path, text in modules()
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lengths) > 1000
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_percentages_are_written_in_one_way() -> None:
    """'92.1 %', by `nunbit.formatting`: Python's own `:.1%` gives '92.1%'."""
    written = re.compile(r":\.\d+%\}")
    assert [path for path, text in modules() if written.search(text)] == []


def test_words_that_are_not_the_fields() -> None:
    lines = [
        f"{path}:{number}: {line.strip()}"
        for path, text in modules()
        for number, line in enumerate(text.splitlines(), start=1)
        if AVOIDED.search(line)
    ]
    assert lines == []


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef, *, is_command: bool) -> int:
    first = function.body[0].lineno if is_command else function.lineno
    assert function.end_lineno is not None
    return function.end_lineno - first + 1
