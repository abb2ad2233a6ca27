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


def test_nunbits_own_models_are_listed_without_asking_the_zoos(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def asked(*arguments: object) -> None:
        raise AssertionError("the zoos are slow to import")

    monkeypatch.setattr("nunbit.models.catalog.zoo.torchvision_names", asked)
    monkeypatch.setattr("nunbit.models.catalog.zoo.timm_names", asked)
    assert main(["models"]) == 0


def test_a_pattern_reaches_the_zoos(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "resnet18"]) == 0
    out = capsys.readouterr().out
    assert "torchvision/resnet18" in out
    assert "timm/resnet18" in out


def test_a_pattern_that_meets_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "no-such-model"]) == 2
    assert "no model's name holds 'no-such-model'" in capsys.readouterr().err
