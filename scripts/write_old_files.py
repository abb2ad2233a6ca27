"""Write the small bundle and run that tests read: with an older nunbit than the one beside it.

    git worktree add ../old COMMIT
    PYTHONPATH=../old/src python scripts/write_old_files.py tests/written_before/format2

The folder then holds `bundle` (a small convolutional network, asked about mirror images,
with temperature and thresholds), `run` (a training on data.npz, without its pages and checkpoints),
`data.npz` and `expected.json`: pictures by formula and what that nunbit answered about them. Paths
of the machine that wrote it are replaced by DATA.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import nunbit
from nunbit.bundle import Bundle, save_bundle
from nunbit.classifier import load
from nunbit.cli import main
from nunbit.data.preprocess import Preprocess
from nunbit.models import create_model

SIDE = 16
RUN_FILES = ("config.toml", "split.csv", "predictions.csv", "summary.json", "model")


def pictures(count: int, side: int) -> NDArray[np.uint8]:
    """Waves of another frequency and height each, uint8 [N, side, side]."""
    rows, columns = np.mgrid[:side, :side]
    number = np.arange(count)[:, None, None]
    waves = np.sin(number + rows * (1 + number % 3)) + np.cos(columns * number / 2)
    return np.asarray(np.clip(127 + 60 * waves, 0, 255), dtype=np.uint8)


def write_bundle(folder: Path) -> None:
    """An untrained network whose answers are sharpened by a temperature."""
    model = create_model("mnist-cnn", classes=3, channels=1, height=16, width=16, generator_seed=3)
    save_bundle(
        folder,
        Bundle(
            model=model.eval(),
            architecture="mnist-cnn",
            classes=("Ämter", "T-shirt/top", "007"),
            preprocess=Preprocess(
                height=16, width=16, channels=1, fit="pad", mean=(0.4,), std=(0.3,), background=0
            ),
            mirrored=True,
            temperature=0.25,
            thresholds={"0.95": 0.6, "0.9": 0.4},
            data_hash="abc",
        ),
    )


def write_run(folder: Path, data: Path) -> None:
    """Two classes that differ in brightness."""
    images = pictures(60, SIDE) // 2
    labels = np.arange(60) % 2
    images[labels == 1] += 90
    np.savez_compressed(data, images=images, labels=labels)
    options = (
        "--model",
        "mnist-cnn",
        "--image-size",
        "16",
        "--epochs",
        "2",
        "--device",
        "cpu",
        "--quiet",
        "--seed",
        "7",
    )
    whole = folder.with_name("whole")
    assert main(["train", str(data), "--out", str(whole), *options]) == 0
    folder.mkdir()
    for name in RUN_FILES:
        (shutil.copytree if name == "model" else shutil.copy)(whole / name, folder / name)
    shutil.rmtree(whole)
    for path in folder.rglob("*"):
        if path.suffix in (".toml", ".json", ".md", ".csv"):
            text = path.read_text(encoding="utf-8").replace(str(data.resolve()), "DATA")
            assert str(Path.home()) not in text
            assert str(data.parent.resolve()) not in text
            path.write_text(text, encoding="utf-8")


def answers(folder: Path, side: int) -> list[list[float]]:
    """Probabilities of five pictures."""
    return load(folder, device="cpu").predict_proba(pictures(5, side)).tolist()


def write_all(out: Path) -> None:
    """Everything, into a new folder."""
    torch.set_num_threads(1)
    out.mkdir(parents=True)
    write_bundle(out / "bundle")
    write_run(out / "run", out / "data.npz")
    expected = {
        "nunbit": nunbit.__version__,
        "bundle": answers(out / "bundle", SIDE),
        "run": answers(out / "run", SIDE),
    }
    (out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
