"""examples/classify.py: what it reads, it reads as nunbit does; the rest it refuses by name."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nunbit.data.preprocess import Preprocess
from nunbit.errors import UnusableImage
from nunbit.export.conformance import kit_files
from tests.data.odd_images import odd_images
from tests.export.conftest import Exported

SOURCE = Path(str(resources.files("nunbit.export") / "examples" / "classify.py"))
PLAIN = Preprocess(height=9, width=7, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
CONTRACTS = {
    "plain": PLAIN,
    "12 bits": replace(PLAIN, range=(0.0, 4095.0), decoding="full"),
    "a window": replace(PLAIN, range=(300.5, 40000.0), background=17, crop_share=0.875),
    "fractions": replace(PLAIN, range=(0.0, 1.0)),
    "middle": replace(PLAIN, frame="middle"),
    "mean": replace(PLAIN, frame="mean", range=(0.0, 4095.0)),
    "ignore": replace(PLAIN, transparency="ignore"),
    "few pixels": replace(PLAIN, max_pixels=100_000),
}
FILES = {file.name: file.data for file in (*kit_files(), *odd_images())}
REFUSED_EVERYWHERE = {"icon.ico", "plain.jp2", "alpha.tif"}
REFUSED = {
    "plain": {"grey_32_bit_small_values.tif"},
    "12 bits": {"colour_16_bit.png", "png_16_bit_rgb.png", "png_16_bit_rgba.png"},
    "middle": {"animated.gif", "jpeg_several.jpg", "tiff_pages.tif"},
}
"""Some of those that nunbit reads, and the example does not."""
READ = {
    "plain": {"png_16_bit_rgb.png", "png_16_bit_grey_16.png", "jpeg_several.jpg", "png_rgba.png"},
    "12 bits": {"png_16_bit_grey_12.png", "tiff_16_bit_grey_12.tif", "gif_animated.gif"},
    "ignore": {"png_rgba.png", "png_16_bit_rgba.png", "png_16_bit_grey_alpha.png"},
}


@pytest.fixture(scope="module")
def upright_rgb() -> Callable[[Path, dict[str, Any]], np.ndarray]:
    found: Callable[[Path, dict[str, Any]], np.ndarray] = runpy.run_path(str(SOURCE))["upright_rgb"]
    return found


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.filterwarnings("ignore")  # the example is a script: what Pillow warns of is shown
def test_it_reads_as_nunbit_does_or_refuses(
    upright_rgb: Callable[[Path, dict[str, Any]], np.ndarray], name: str, tmp_path: Path
) -> None:
    contract, read, refused, unsaid = CONTRACTS[name], set(), set(), set()
    for number, (file, data) in enumerate(FILES.items()):
        path = tmp_path / f"{number}_{file}"
        path.write_bytes(data)
        try:
            wanted = contract.picture(data)
        except UnusableImage:
            wanted = None
        try:
            got = upright_rgb(path, json.loads(json.dumps(contract.to_dict())))
        except Exception as error:
            unsaid |= set() if str(error) else {file}
            refused |= {file} if wanted is not None else set()
            continue
        assert wanted is not None, f"only the example reads {file}"
        assert np.array_equal(got, wanted), file
        read.add(file)
    assert unsaid == set()
    assert REFUSED.get(name, set()) | REFUSED_EVERYWHERE & set(FILES) <= refused
    assert READ.get(name, set()) <= read


def test_it_passes_the_kit(exported: Exported) -> None:
    folder = exported.folder
    expected = json.loads((folder / "conformance/expected.json").read_text(encoding="utf-8"))
    assert expected["decoding"] == "reduced"
    rows = expected["files"]
    assert [row["file"] for row in rows] == [file.name for file in kit_files()]
    paths = [str(folder / "conformance" / row["file"]) for row in rows]
    source = folder / "examples" / "classify.py"
    assert source.read_bytes() == SOURCE.read_bytes()
    assert len(source.read_text(encoding="utf-8").splitlines()) <= 60
    done = subprocess.run(
        [sys.executable, source, folder, *paths], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for row, line in zip(rows, done.stdout.splitlines(), strict=True):
        _, label, probability = line.split("\t")
        assert label == row["label"], row["file"]
        assert abs(float(probability) - max(row["probabilities"])) < 1e-5


def test_what_it_refuses_is_named_without_a_traceback(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(FILES["png_rgb.png"][:900])
    source = exported.folder / "examples" / "classify.py"
    done = subprocess.run(
        [sys.executable, source, exported.folder, path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path}: ")
    assert "Traceback" not in done.stderr
