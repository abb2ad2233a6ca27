from __future__ import annotations

import json
from pathlib import Path

import pytest

from nunbit.bundle import Bundle, save_bundle
from nunbit.cli import main
from nunbit.data.preprocess import Preprocess
from nunbit.models import create_model


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The folder of a small trained model."""
    preprocess = Preprocess(height=20, width=24, channels=1, mean=(0.3,), std=(0.4,))
    model = create_model("smallcnn", classes=3, channels=1, height=20, width=24, generator_seed=1)
    folder = tmp_path / "run" / "model"
    folder.parent.mkdir()
    save_bundle(
        folder,
        Bundle(
            model=model, architecture="smallcnn", classes=("a", "b", "c"), preprocess=preprocess
        ),
    )
    return folder


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["summary", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    out = lines(capsys, "lenet-224")
    (first,) = [line for line in out if line.startswith("features.0")]
    assert first.split() == [
        *("features.0", "Conv2d", "16x220x220", "1,216", "58,080,000", "5x5", "1"),
    ]
    (last,) = [line for line in out if line.startswith("head.3")]
    assert last.split() == ["head.3", "Linear", "2", "1,026", "1,024", "global"]
    assert "parameters: 46,038,242 (46,038,242 trainable, 0 frozen)" in out
    assert "size in MB: input 0.57, forward/backward 19.47, parameters 175.62, total 195.67" in out


def test_the_formulae_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    out = lines(capsys, "alexnet", "--explain")
    start = out.index("features.0 Conv2d")
    assert out[start + 1 : start + 5] == [
        "  height and width: (227 - 11 + 0)/4 + 1 = 55",
        "  parameters: (11*11*3 + 1)*96 = 34,944",
        "  multiply-adds: 55*55*96 * 11*11*3 = 105,415,200",
        "  receptive field: 1 + (11 - 1)*1 = 11; stride: 1*4 = 4",
    ]
    assert "/4 + 1" not in "\n".join(lines(capsys, "alexnet"))


def test_what_floor_does_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    out = "\n".join(lines(capsys, "alexnet-small", "--explain"))
    assert "(256 - 11 + 2*2)/4 + 1 = 63.25, floor gives 63: only padding is left out" in out
    assert "(63 - 3 + 0)/2 + 1 = 31" in out
    out = "\n".join(lines(capsys, "cifar-small", "--input", "3x33x40", "--explain"))
    assert "height: (29 - 2 + 0)/2 + 1 = 14.50, floor gives 14: the last pixel is never read" in out
    assert "width: (36 - 2 + 0)/2 + 1 = 18" in out


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    out = lines(capsys, "lenet5", "--format", "markdown", "--explain")
    assert out[0] == "## lenet5"
    rows = [line for line in out if line.startswith("|")]
    assert {line.count("|") for line in rows} == {rows[0].count("|")}
    assert "| features.0 | Conv2d | 6x28x28 | 156 |  | 117,600 | 5x5 | 1 |" in rows
    assert "- parameters: 61,026 (61,026 trainable, 0 frozen)" in out
    assert "- `parameters: (5*5*1 + 1)*6 = 156`" in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads("\n".join(lines(capsys, "lenet5", "--format", "json")))
    assert content["parameters"]["total"] == 61_026
    assert content["multiply_adds"] == 415_848
    assert content["size_mb"].keys() == {"input", "forward_backward", "parameters", "total"}
    assert content["layers"][0]["output_shape"] == [6, 28, 28]
    assert "formulas" not in content["layers"][0]
    content = json.loads("\n".join(lines(capsys, "lenet5", "--format", "json", "--explain")))
    assert "parameters: (5*5*1 + 1)*6 = 156" in content["layers"][0]["formulas"]


def test_input_and_classes(capsys: pytest.CaptureFixture[str]) -> None:
    out = lines(capsys, "resnet18", "--input", "3x64x96", "--classes", "7")
    assert "input: 3x64x96" in out
    assert any(line.split()[:3] == ["fc", "Linear", "7"] for line in out)


def test_signs_are_explained_where_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    assert not any("not run by itself" in line for line in lines(capsys, "resnet18"))
    out = lines(capsys, "googlenet", "--input", "3x64x64")
    assert any(line.startswith("aux1.fc2") and "not run by itself" in line for line in out)
    assert out[-1].startswith("not run by itself: used in training only")


@pytest.mark.parametrize("part", ["model", "run"])
def test_a_bundle_and_a_run(bundle: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bundle if part == "model" else bundle.parent
    out = lines(capsys, str(folder))
    assert out[0] == f"smallcnn in {folder}"
    assert "input: 1x20x24" in out
    other = lines(capsys, str(folder), "--input", "1x40x40")
    assert "input: 1x40x40" in other


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lenet6"], "no model is called 'lenet6'"),
        (["lenet5", "--input", "32x32"], "'32x32' is not an image shape"),
        (["lenet5", "--input", "1x0x5"], "'1x0x5' is not an image shape"),
        (["lenet5", "--input", "1x5x5"], "the smallest size that works is 16 × 16"),
        (["lenet5", "--classes", "0"], "a model needs at least one class, not 0"),
        (["lenet5", "--format", "html"], "html"),
        ([], "MODEL"),
    ],
)
def test_wrong_usage_is_told(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summary", *words]) == 2
    assert message in capsys.readouterr().err


def test_wrong_usage_of_a_trained_model_is_told(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summary", str(bundle), "--classes", "5"]) == 2
    assert "the classes of a trained model are fixed" in capsys.readouterr().err
    assert main(["summary", str(bundle), "--input", "3x20x24"]) == 2
    assert "cannot work on 3x20x24 values" in capsys.readouterr().err
    assert main(["summary", str(tmp_path)]) == 2
    assert "neither a run nor a model" in capsys.readouterr().err
