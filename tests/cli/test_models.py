from __future__ import annotations

import pytest

from nunbit.cli import main


def test_without_a_pattern_nunbits_own_models_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "smallcnn" in out
    assert "timm/" not in out
    (fashion,) = [line for line in out.splitlines() if line.startswith("fashion-dnn")]
    assert "235,146" in fashion
    assert "1x28x28" in fashion
    assert "more come from torchvision and timm" in out.splitlines()[-1]


def test_a_pattern_reaches_the_zoos(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "resnet18"]) == 0
    out = capsys.readouterr().out
    assert "torchvision/resnet18" in out
    assert "timm/resnet18" in out


def test_a_pattern_that_meets_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "no-such-model"]) == 2
    assert "no model's name holds 'no-such-model'" in capsys.readouterr().err


def test_a_name_that_hides_torchvisions_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "alexnet"]) == 0
    out = capsys.readouterr().out
    assert "62,378,344" in out
    assert "torchvision's narrower one" in out
    assert any(line.startswith("torchvision/alexnet") for line in out.splitlines())


@pytest.mark.parametrize("name", ["gcn", "perceptron", "xor-mlp"])
def test_a_model_that_takes_no_images_is_refused_before_any_is_read(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "no-such-folder", "--model", name]) == 2
    error = capsys.readouterr().err
    assert f"{name} takes " in error
    assert "not images" in error
