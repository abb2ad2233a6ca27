"""What of a run's data the adviser gets to see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from nunbit.advisor import trials
from nunbit.advisor.inputs import AdvisorInput
from nunbit.advisor.plans import advice_from_dict
from nunbit.cli import main
from nunbit.config import Config, load_config
from nunbit.data.dataset import Dataset
from nunbit.models.create import create_model
from nunbit.pipelines.advise import case_of
from nunbit.pipelines.dataset import open_dataset
from nunbit.pipelines.training.network import model_options
from tests.end_to_end.pieces import write_pieces
from tests.fixtures_data import write_images


def prepared_case(folder: Path, **settings: object) -> tuple[AdvisorInput, Dataset, Config]:
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    config = load_config(data=str(folder), recipe=None, settings=dotted)
    parts, chosen, _ = open_dataset(config, device=torch.device("cpu"))
    model = create_model(chosen.model.name, **model_options(chosen.model, parts))
    return case_of(config, chosen.model, parts, model), parts, config


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photos", {"cat": 20, "dog": 30})


def test_the_test_part_and_excluded_images_are_not_among_it(photos: Path) -> None:
    (photos / "cat" / "broken.png").write_bytes(b"\x89PNG broken")
    case, parts, _ = prepared_case(photos)
    shown = {parts.split.parts[row] for row in case.images.rows}
    assert shown == {"train", "validation"}
    counts = parts.split.counts
    assert len(case.images) == counts["train"] + counts["validation"]
    assert case.training_images == counts["train"]
    assert case.images.labels.tolist() == [parts.labels[row] for row in case.images.rows]


def test_copies_and_groups_are_one_group(photos: Path) -> None:
    folder = photos / "cat"
    first = sorted(folder.iterdir())[0]
    for number in range(8):
        shutil.copy(first, folder / f"copy{number}.png")
    case, parts, _ = prepared_case(photos, data__group_from=r"/0*(\d)\d*\.png")
    split = parts.split
    rows = case.images.rows
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            tied = split.sha256[one] == split.sha256[other] or (
                split.groups[one] and split.groups[one] == split.groups[other]
            )
            if tied:
                assert case.groups[i] == case.groups[j]
    assert len(np.unique(case.groups)) < len(rows)


def test_without_copies_and_groups_every_image_stands_alone(photos: Path) -> None:
    case, _, _ = prepared_case(photos)
    assert len(np.unique(case.groups)) == len(case.images)


def test_the_trainings_are_those_that_the_run_would_do(photos: Path) -> None:
    case, _, _ = prepared_case(photos)
    assert case.epochs == 20  # few images are fine-tuned on for the most epochs
    assert case.scratch.epochs == 100
    assert case.scratch.name == "smallcnn"
    assert not case.augmented
    again, _, _ = prepared_case(photos, augment__preset="photos", training__epochs=3)
    assert again.augmented
    assert again.epochs == again.scratch.epochs == 3
    timed, _, _ = prepared_case(photos, training__minutes=5)
    assert timed.epochs == 20


def test_the_untrained_copy_is_the_same_network_with_other_weights(photos: Path) -> None:
    case, _, _ = prepared_case(photos)
    one, two = case.untrained(), case.untrained()
    for name, value in one.state_dict().items():
        assert value.shape == case.network.state_dict()[name].shape
        assert torch.equal(value, two.state_dict()[name])
    height, width = case.scratch.height, case.scratch.width
    output = case.scratch.build(height, width)(torch.zeros(2, case.images.shape[0], height, width))
    assert output.shape == (2, 2)


def test_advise_measures_with_the_packaged_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "TRIAL_MULTIPLY_ADDS", 1)  # no trials
    photographs = write_pieces(tmp_path / "pieces")
    out = tmp_path / "evidence.svg"
    words = ["advise", str(photographs), "--image-size", "32", "--json", "--out", str(out)]
    assert main(words) == 0
    advice = advice_from_dict(json.loads(capsys.readouterr().out))
    assert advice.weights == "efficientnet-lite0"
    assert advice.images == 38  # of 48, less the test part
    assert {score.source for score in advice.heads} == {"pretrained", "untrained", "pixels"}
    assert advice.recommended != "none"
    assert out.read_bytes().startswith(b"<?xml")
