from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nunbit.cli import main
from nunbit.cli.commands.models import shortened
from nunbit.models.catalog import CATALOGUE
from nunbit.models.summary import Summary, summarise_name


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


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["models", *words, "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    assert set(rows) == set(CATALOGUE)
    assert rows["fashion-cnn"]["parameters"] == 1_475_338
    assert rows["fashion-cnn"]["multiply_adds"] == 4_335_600
    assert rows["lenet5"]["input"] == [1, 32, 32]
    assert rows["lenet5"]["weights"] == []
    assert all(row["multiply_adds"] for row in rows.values())


def test_the_zoos_weights_have_licences_and_places(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUNBIT_WEIGHTS", str(tmp_path))
    (tmp_path / "resnet18-f37072fd.pth").touch()
    rows = listed(capsys, "resnet18")
    ours = rows["torchvision/resnet18"]
    assert (ours["parameters"], ours["multiply_adds"]) == (11_689_512, 1_814_000_000)
    known = {"name": "torchvision/resnet18.IMAGENET1K_V1", "here": True}
    assert ours["weights"][0].items() >= known.items()
    theirs = rows["timm/resnet18"]
    assert theirs["parameters"] == 11_689_512
    assert theirs["multiply_adds"] == pytest.approx(1.814e9, rel=1e-3)
    default = theirs["weights"][0]
    assert default == {"name": "timm/resnet18.a1_in1k", "licence": "apache-2.0", "here": False}
    assert len(theirs["weights"]) > 3
    assert main(["models", "torchvision/resnet18"]) == 0
    out = capsys.readouterr().out
    assert "IMAGENET1K_V1*" in out
    assert "*: these weights are on this machine" in out
    assert "1.81 G" in out


def test_a_long_list_does_not_build_what_it_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def record(name: str, *, measure: bool) -> Summary:
        built.append(name)
        return summarise_name(name, measure=measure)

    monkeypatch.setattr("nunbit.models.listing.summarise_name", record)
    assert main(["models", "resnet50"]) == 0
    out = capsys.readouterr().out
    assert built == ["timm/resnet50"]  # the one asked for; the numbers of nunbit's own are known
    assert "-: not counted in a long list" in out
    (bare,) = [line for line in out.splitlines() if line.startswith("timm/resnet50 ")]
    assert "25,557,032" in bare


@pytest.mark.parametrize(
    ("count", "text"),
    [(2, "2"), (89_400, "89.4 k"), (4_335_600, "4.34 M"), (1_814_073_344, "1.81 G")],
)
def test_counts_in_three_figures(count: int, text: str) -> None:
    assert shortened(count) == text


def test_a_pattern_that_meets_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "no-such-model"]) == 2
    assert "no model's name contains 'no-such-model'" in capsys.readouterr().err


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
