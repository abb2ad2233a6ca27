"""CSV files that people open in a spreadsheet: no cell is a formula, and every text comes back."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nunbit.cli import main
from nunbit.data.csv_io import csv_bytes, read_own_csv
from nunbit.data.sources import load_samples
from nunbit.data.split import read_manifest
from nunbit.formatting import neutral_cell, plain_cell
from tests.fixtures_data import write_images

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
TEXTS = st.one_of(
    st.text(max_size=8), st.text(alphabet="='+-@\t\r\n\",; ab", min_size=1, max_size=6)
)


@given(TEXTS)
def test_every_text_comes_back_and_none_is_a_formula(text: str) -> None:
    written = neutral_cell(text)
    assert not written.startswith(FORMULAS)
    assert plain_cell(written) == text


@pytest.mark.parametrize("cell", ["-5", "=1", "@x", "cat", "'quoted'", "'", "", "it's"])
def test_cells_of_older_files_are_read_as_they_are(cell: str) -> None:
    assert plain_cell(cell) == cell


@given(st.lists(st.lists(TEXTS.filter(bool), min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_file_comes_back(rows: list[list[str]]) -> None:
    path = io.BytesIO(csv_bytes([["path", "label"], *rows]))

    class File:
        def read_bytes(self) -> bytes:
            return path.getvalue()

    assert [cells for _, cells in read_own_csv(File())] == [  # type: ignore[arg-type]
        ["path", "label"],
        *rows,
    ]


def test_a_run_on_classes_that_look_like_formulas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From folders over split, answers, comparison and fix list; the names stay what they are."""
    monkeypatch.chdir(tmp_path)
    classes = ("=1+1", "@SUM(A1)", "+cat", "'-dog")
    write_images(tmp_path / "data", dict.fromkeys(classes, 8))
    quick = ("--model", "mlp-100", "--epochs", "1", "-q")
    assert main(["train", "data", "--out", "run", *quick]) == 0
    assert main(["train", "data", "--out", "again", "--split", "run/split.csv", *quick]) == 0
    assert main(["compare", "run", "again", "-q"]) == 0
    assert main(["check", "data", "--fix-list", "fix.csv", "-q"]) in (0, 1)
    assert main(["predict", "run", "data", "--csv", "answers.csv", "-q"]) == 0
    assert set(read_manifest(tmp_path / "run" / "split.csv").labels) == set(classes)
    for file in ("run/split.csv", "run/predictions.csv", "fix.csv", "answers.csv"):
        with (tmp_path / file).open(newline="") as opened:
            cells = [cell for row in csv.reader(opened) for cell in row]
        assert not [cell for cell in cells if cell.startswith(FORMULAS)], file
    # A split.csv is a table, too.
    shutil.copy("run/split.csv", "data/split.csv")
    assert set(load_samples(tmp_path / "data" / "split.csv").classes) == set(classes)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_shows_texts(tmp_path: Path) -> None:
    """What it reads and writes again is the same text: computed, =1+1 would be 2."""
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "cat"]
    (tmp_path / "list.csv").write_bytes(csv_bytes([["path"], *([text] for text in texts)]))
    words = ["soffice", "--headless", "--convert-to", "csv", "--outdir", "out", "list.csv"]
    subprocess.run(words, cwd=tmp_path, check=True)
    read = [cells[0] for _, cells in read_own_csv(tmp_path / "out" / "list.csv")]
    assert read == ["path", *texts]
