"""Presets by name and augmentations from files, and what is said about mistakes in them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from nunbit.data.augment import (
    MIXINGS,
    OPERATIONS,
    PRESETS,
    Augmentation,
    MixUp,
    Operation,
    choose_preset,
    load_augmentation,
)
from nunbit.data.augment.compose import Compose, OneOf
from nunbit.data.augment.crops import RandomResizedCrop
from nunbit.data.augment.erasing import CoarseDropout, Erase
from nunbit.data.augment.flips_and_shifts import (
    HorizontalFlip,
    RandomRotation90,
    Shift,
    VerticalFlip,
)
from nunbit.data.augment.geometric import Affine, Rotation, ShiftScaleRotate
from nunbit.data.augment.parameters import description, rules
from nunbit.data.augment.photometric import BrightnessContrast
from nunbit.errors import ConfigError
from tests.data.augment.pictures import generator, noisy

MIRRORS = (HorizontalFlip, VerticalFlip)
TURNS = (Affine, Rotation, ShiftScaleRotate, RandomRotation90)
FILE = """\
assumption = "nothing here has an upper side"

[[operations]]
name = "rotation"
degrees = 180
border = "wrap"

[[operations]]
name = "one-of"
probability = 0.25

[[operations.operations]]
name = "coarse-dropout"
holes = [1, 3]

[[operations.operations]]
name = "compose"

[[operations.operations.operations]]
name = "erase"

[[operations]]
name = "mix-up"
alpha = 0.2
"""


def test_presets_state_what_they_assume() -> None:
    wanted = "none shift digits clothes clothes-long photos microscopy documents"
    assert " ".join(PRESETS) == wanted
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.assumption
        assert load_augmentation(name) is preset
    assert PRESETS["none"](noisy(), generator()).equal(noisy())


@pytest.mark.parametrize("name", ["digits", "documents", "shift"])
def test_what_is_read_is_never_mirrored(name: str) -> None:
    assert not any(isinstance(step, MIRRORS) for step in PRESETS[name].operations)


def test_documents_are_not_turned_and_microscopy_is_by_any_angle_and_both_mirrors() -> None:
    assert not any(isinstance(step, TURNS) for step in PRESETS["documents"].operations)
    kinds = {type(step): step for step in PRESETS["microscopy"].operations}
    assert kinds[Rotation].degrees == 180
    assert set(MIRRORS) <= set(kinds)


@pytest.mark.parametrize(
    ("data", "preset"),
    [("fashion-mnist", "clothes"), ("digits", "digits"), ("cifar10", "photos"), ("x", "shift")],
)
def test_auto_follows_known_data_and_is_careful_otherwise(data: str, preset: str) -> None:
    assert choose_preset(data)[0] == preset


def test_a_file_lists_operations_combinations_and_mixing(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    assert load_augmentation(str(path)) == Augmentation(
        name="mine",
        assumption="nothing here has an upper side",
        operations=(
            Rotation(degrees=180, border="wrap"),
            OneOf(
                probability=0.25,
                operations=(CoarseDropout(holes=(1, 3)), Compose(operations=(Erase(),))),
            ),
        ),
        mixing=(MixUp(alpha=0.2),),
    )


def test_the_operations_of_an_augmentation_follow_each_other() -> None:
    first, second = HorizontalFlip(), Erase()
    both = Augmentation(name="", assumption="", operations=(first, second))
    source = generator(2)
    wanted = second(first(noisy(), source), source)
    assert torch.equal(both(noisy(), generator(2)), wanted)


@pytest.mark.parametrize("name", [*OPERATIONS, *MIXINGS])
def test_every_operation_can_be_written_with_every_parameter(name: str, tmp_path: Path) -> None:
    kind = {**OPERATIONS, **MIXINGS}[name]
    values = {parameter: getattr(kind(), parameter) for parameter in rules(kind)}
    lines = [f'[[operations]]\nname = "{name}"']
    for parameter, value in values.items():
        if isinstance(value, tuple):
            written = f"[{value[0]}, {value[1]}]"
        else:
            written = f'"{value}"' if isinstance(value, str) else str(value)
        lines.append(f"{parameter} = {written}")
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    loaded = load_augmentation(str(path))
    assert (*loaded.operations, *loaded.mixing) == (kind(),)
    assert loaded.assumption == "stated by its author"


@pytest.mark.parametrize("name", [*OPERATIONS, *MIXINGS])
def test_every_parameter_has_limits_that_are_kept(name: str) -> None:
    kind = {**OPERATIONS, **MIXINGS}[name]
    declared = {field.name for field in dataclasses.fields(kind)}
    assert set(rules(kind)) == declared
    assert description(kind).endswith((".", ")."))
    for parameter, rule in rules(kind).items():
        assert rule.meaning
        for impossible in (-1e9, math.nan, math.inf, "seven", None, True, [2], [1e9, -1e9]):
            with pytest.raises(ValueError, match=f"^{parameter} = .* is not (a|two|one) "):
                kind(**{parameter: impossible})


def mistakes() -> list[tuple[str, str, str]]:
    begin = "[[operations]]\nname = "
    within = f'{begin}"one-of"\n[[operations.operations]]\nname = '
    return [
        (f'{begin}"shfit"\n', "no augmentation 'shfit'", "did you mean shift?"),
        (f'{begin}"shift"\nfractoin = 3\n', "shift has no parameter 'fractoin'", "mean fraction?"),
        (f'{begin}"shift"\nby = 3\n', "shift has no parameter 'by'", "fraction, a number from 0"),
        (f'{begin}"shift"\nfraction = "x"\n', "'x' is not a number from 0 to 1", "parameters of"),
        (f'{begin}"shift"\nfraction = true\n', "True is not a number", "parameters of shift"),
        (f'{begin}"shift"\nborder = "mirror"\n', "is not one of reflect, wrap", "border, one of"),
        (f'{begin}"shift"\nfraction = -1\n', "-1 is not a number from 0 to 1", "fraction"),
        (f'{begin}"affine"\nzoom = nan\n', "nan is not a number from 0 to 10", "zoom"),
        (f'{begin}"erase"\nprobability = 50\n', "50 is not a number from 0 to 1", "probability"),
        (f'{begin}"crop"\nfraction = 0.5\n', "0.5 is not two numbers", "the lower first"),
        (f'{begin}"crop"\nfraction = [1, 0.5]\n', "[1, 0.5] is not two numbers", "the lower first"),
        (f'{begin}"coarse-dropout"\nholes = [1.5, 2]\n', "is not two whole numbers", "holes"),
        (
            f'{begin}"compose"\n',
            "compose has no operations of its own",
            "[[operations.operations]]",
        ),
        (f'{within}"blurr"\n', "no augmentation 'blurr'", "did you mean blur?"),
        (f'{within}"mix-up"\n', "mix-up cannot be part of one-of", "end of the file"),
        (f'{begin}"mix-up"\n{begin}"shift"\n', "shift comes after mix-up", "move mix-up"),
        (f'{begin}"mix-up"\nalpha = 0\n', "alpha = 0 is not a number", "alpha"),
        ("[[operations\n", "cannot be read", "fix the file"),
        ('[[operation]]\nname = "shift"\n', "holds operation, not", "[[operations]]"),
        ("operations = 3\n", "holds operations, not", "[[operations]]"),
        ("operations = [3]\n", "no augmentation ''", "operations: horizontal-flip"),
        ("", "holds nothing", "the preset none"),
        ('assumption = "x"\n', "holds nothing", "the preset none"),
    ]


def test_the_former_name_of_a_parameter_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text('[[operations]]\nname = "crop"\nshare = [0.5, 0.9]\n', encoding="utf-8")
    with pytest.warns(DeprecationWarning, match="share is now called fraction"):
        (crop,) = load_augmentation(str(path)).operations
    assert crop == OPERATIONS["crop"](fraction=(0.5, 0.9))


@pytest.mark.parametrize(("content", "what", "remedy"), mistakes())
def test_mistakes_in_a_file_are_explained(
    tmp_path: Path, content: str, what: str, remedy: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_augmentation(str(path))
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.path == str(path)


def test_clahe_in_a_file_without_kornia_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nunbit.data.augment.photometric.find_spec", lambda name: None)
    path = tmp_path / "mine.toml"
    path.write_text('[[operations]]\nname = "clahe"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="clahe needs kornia") as caught:
        load_augmentation(str(path))
    assert caught.value.path == str(path)


def test_an_unknown_preset_suggests_a_known_one() -> None:
    with pytest.raises(ConfigError, match="no augmentation preset 'cloths'") as caught:
        load_augmentation("cloths")
    assert "did you mean clothes?" in caught.value.remedy


def test_parameters_are_values_that_can_be_compared_and_kept() -> None:
    assert RandomResizedCrop(scale=[0.5, 1]) == RandomResizedCrop(scale=(0.5, 1.0))  # type: ignore[arg-type]
    assert hash(Shift()) == hash(Shift(fraction=0.08))
    assert isinstance(BrightnessContrast(), Operation)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Shift().fraction = 0.5  # type: ignore[misc]
