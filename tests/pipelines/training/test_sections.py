"""The configuration stops at the door of the training stage: behind it are sections and values."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nunbit.pipelines.training

STAGES = sorted(Path(nunbit.pipelines.training.__file__).parent.glob("*.py"))
ABOUT_THE_CONFIGURATION = {"resume.py", "operating_rule.py"}
"""One compares what is wished with what was recorded; what the other decides depends on the number
of classes, so that it stays open in a recorded configuration."""


@pytest.mark.parametrize("stage", STAGES, ids=lambda path: path.stem)
def test_no_stage_of_the_training_takes_wishes(stage: Path) -> None:
    if stage.name in ABOUT_THE_CONFIGURATION:
        return
    tree = ast.parse(stage.read_text(encoding="utf-8"))
    imported = {
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert ("nunbit.config", "Config") not in imported
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert "auto" not in words
