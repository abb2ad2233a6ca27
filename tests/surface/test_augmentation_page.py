"""The page of augmentations lists all of them as they are, and its example works."""

from __future__ import annotations

import runpy
from pathlib import Path

import torch

from nunbit.data.augment import COMBINATIONS, MIXINGS, OPERATIONS, PRESETS, load_augmentation
from nunbit.data.augment.parameters import rules
from tests.surface.readme import FENCE, ROOT

TEXT = (ROOT / "docs" / "augmentation.md").read_text(encoding="utf-8")


def test_the_tables_are_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_augmentation.py"))
    assert script["page"](TEXT) == TEXT, "run scripts/write_augmentation.py"


def test_every_operation_parameter_and_preset_has_its_place() -> None:
    rows = {line.split("`")[1]: line for line in TEXT.splitlines() if line.startswith("| `")}
    kinds = {**OPERATIONS, **COMBINATIONS, **MIXINGS}
    assert set(rows) == {*kinds, *PRESETS}  # shift is both, and its operation comes later
    for name, kind in kinds.items():
        assert all(f"`{parameter}` = " in rows[name] for parameter in rules(kind))


def test_the_example_is_an_augmentation(tmp_path: Path) -> None:
    (example,) = [content for language, content in FENCE.findall(TEXT) if language == "toml"]
    path = tmp_path / "mine.toml"
    path.write_text(example, encoding="utf-8")
    loaded = load_augmentation(str(path))
    assert [step.name for step in loaded.operations] == [
        "random-rotation-90",
        "random-resized-crop",
        "one-of",
        "coarse-dropout",
    ]
    assert [mixing.name for mixing in loaded.mixing] == ["cut-mix"]
    images = torch.zeros((4, 3, 8, 8), dtype=torch.uint8)
    assert loaded(images, torch.Generator().manual_seed(0)).shape == images.shape
