"""The field's language: names, messages and docstrings as an engineer of the field writes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain, pairwise

from tests.surface.readme import ROOT

FILES = sorted((ROOT / "src").rglob("*.py"))
NAMES = re.compile(r"\b_?refuse_|_AT_ONCE\b|\b_?FEWEST|\b_?MOST_|\b_?LEAST_")
NO_THING = re.compile(
    r"(?<!there )\b(?:is|are) no (?!longer\b|more\b|better\b|larger\b|further\b)[a-z]"
)
FRAGMENTS = frozenset(
    [
        "about",
        "after",
        "among",
        "as",
        "at",
        "because",
        "before",
        "beside",
        "between",
        "beyond",
        "by",
        "during",
        "for",
        "from",
        "how",
        "if",
        "in",
        "into",
        "of",
        "on",
        "over",
        "since",
        "that",
        "to",
        "under",
        "until",
        "upon",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "who",
        "whose",
        "why",
        "with",
        "within",
        "without",
    ]
)


PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("*.j2"), *FILES]
)
"""Everything that a user reads: messages and pages, and the guides."""
NEAR = re.compile(r"near[- ]cop(?:y|ies)\b|near duplicate", re.IGNORECASE)
SIZE = re.compile(r"\} ?x ?\{|[\d}]×|×[\d{]")
NAMES_OF_OTHERS = re.compile(r'"sizes": f"|_32x32\.mat')
"""An attribute of the web, and files of published data sets."""
SIZE_IN_GUIDES = re.compile(r"\d x \d|(?<![x\d])\d+x\d+(?![x\d])")


def docstrings() -> Iterator[tuple[str, str]]:
    """Place and text of the docstrings of modules, classes and functions."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
                text := ast.get_docstring(node)
            ):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}", text


def attribute_docstrings() -> Iterator[tuple[str, str]]:
    """Place and text of the docstrings of attributes and constants, but for those of settings.

    A setting's docstring completes its name on the page of settings: "whether", "how".
    """
    for path in FILES:
        if path.match("config/sections.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            body = getattr(node, "body", None)
            for before, after in pairwise(body if isinstance(body, list) else []):
                if (
                    isinstance(before, ast.Assign | ast.AnnAssign)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                    and isinstance(after.value.value, str)
                ):
                    yield f"{path.relative_to(ROOT)}:{after.lineno}", after.value.value


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_names_are_the_field_s() -> None:
    """`check_` for what raises, `MIN_` and `MAX_` for limits."""
    assert lines_with(NAMES) == []


def test_a_thing_is_not_another_rather_than_no_other() -> None:
    assert lines_with(NO_THING) == []


def test_docstrings_begin_with_a_noun_or_a_verb() -> None:
    """A preposition or a question says nothing in a tooltip."""
    every = chain(docstrings(), attribute_docstrings())
    first = ((place, text.split()[0].strip(",.:;'\"").lower()) for place, text in every)
    assert [f"{place}: {word}" for place, word in first if word in FRAGMENTS] == []


def test_near_duplicates_have_one_name() -> None:
    """That of the setting and of the findings; however the lines break."""
    found = {
        path.name: NEAR.findall(" ".join(path.read_text(encoding="utf-8").split()))
        for path in PAGES
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_sizes_of_images_are_written_in_one_way() -> None:
    """`48 × 48` for whoever reads; `3x224x224` is what `nunbit summary --input` takes."""
    found = [
        f"{path.name}: {line.strip()}"
        for path in PAGES
        for line in path.read_text(encoding="utf-8").splitlines()
        if SIZE.search(line) or (path.suffix == ".md" and SIZE_IN_GUIDES.search(line))
    ]
    assert [line for line in found if not NAMES_OF_OTHERS.search(line)] == []
