from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nunbit.advisor.plans import Advice, advice_from_dict
from nunbit.cli import main
from tests.advisor.advice import ADVICE, DIFFERENT
from tests.cli.conftest import FakeModule


@pytest.fixture
def asked(fake_module: FakeModule) -> list[Any]:
    """The configurations that advice was asked for."""
    configs: list[Any] = []

    def advise_data(config: Any, progress: object) -> Advice:
        configs.append(config)
        return DIFFERENT if config.data.path == "others" else ADVICE

    fake_module("nunbit.pipelines.advise", advise_data=advise_data)
    return configs


def test_the_plans_are_a_table_with_the_best_first(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", "photos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "birds & <bees>: 500 images to train on, 2 classes"
    assert lines[1] == "much data: no. 250 images of the median class."
    assert lines[2] == "similar images: yes. pretraining removes 70 % of the errors."
    rows = [line.split()[0] for line in lines[4:10]]
    assert rows == ["--transfer", "last-stage", "stages:2", "head", "all", "--pretrained"]
    assert "92.0 % (90.0 to 94.0)" in lines[5]
    assert "5 min" in lines[8]
    assert "--pretrained none (smallcnn)" in lines[9]
    assert "recommended: --transfer last-stage" in lines
    assert "Training last stage and head is expected" in "\n".join(lines)
    assert "The rule of thumb for such data is head;" in "\n".join(lines)
    assert lines[-1] == "Trials see images of 96 pixels, not of 224."


def test_the_rule_of_thumb_is_named_where_it_says_otherwise(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", "others"]) == 0
    assert "rule of thumb for such data is stages:2" in capsys.readouterr().out


def test_json_is_the_whole_advice(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "photos", "--json"]) == 0
    assert advice_from_dict(json.loads(capsys.readouterr().out)) == ADVICE


def test_quiet_prints_nothing(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "photos", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["evidence.png", "evidence.SVG"])
def test_the_picture_is_written(
    asked: list[Any], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    assert main(["advise", "photos", "--out", str(out)]) == 0
    assert f"the evidence as a picture: {out}" in capsys.readouterr().out
    if name.endswith("png"):
        with Image.open(out) as picture:
            assert picture.format == "PNG"
    else:
        assert out.read_bytes().lstrip().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("options", "weights", "model"),
    [
        ([], "efficientnet-lite0", "auto"),
        (["--model", "resnet18"], "resnet18", "resnet18"),
        (["--pretrained", "resnet18"], "resnet18", "auto"),
        (["--model", "resnet18", "--pretrained", "some.pth"], "some.pth", "resnet18"),
    ],
)
def test_weights_are_those_named_or_the_networks_or_the_packaged(
    asked: list[Any], options: list[str], weights: str, model: str
) -> None:
    assert main(["advise", "photos", "--quiet", *options]) == 0
    (config,) = asked
    assert (config.model.pretrained, config.model.name) == (weights, model)


def test_settings_reach_the_configuration(asked: list[Any]) -> None:
    words = [
        "--seed",
        "5",
        "--image-size",
        "96",
        "--device",
        "cpu",
        "--set",
        "split.test_fraction=0.3",
    ]
    assert main(["advise", "photos", "--quiet", *words]) == 0
    (config,) = asked
    assert (config.seed, config.pixels.image_size, config.device) == (5, 96, "cpu")
    assert config.split.test_fraction == 0.3
    assert config.data.path == "photos"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pretrained", "none"], "advice needs pretrained weights"),
        (["--out", "evidence.pdf"], "the evidence is drawn as .png or .svg, not as '.pdf'"),
        (["--out", "nowhere/evidence.png"], "the folder of the picture does not exist"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    asked: list[Any], words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["advise", "photos", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "what to do" in error
    assert asked == []


def test_no_file_is_overwritten(
    asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.png"
    out.write_text("mine")
    assert main(["advise", "photos", "--out", str(out)]) == 2
    assert "this file exists already" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert asked == []
