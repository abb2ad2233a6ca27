"""Corrections: what a list may hold, what it does, and how its faults are reported."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nunbit.data.corrections import (
    Correction,
    apply_corrections,
    corrections_csv,
    read_corrections,
    with_new_labels,
)
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError
from nunbit.formatting import plain_cell
from nunbit.types import Samples, Split

HEADER = "path,action,label,new_label,reason\n"


def pets(*, parts: tuple[str, ...] = ("",) * 4, reasons: tuple[str, ...] = ("",) * 4) -> Samples:
    return Samples(
        name="pets",
        location="pets",
        classes=("cat", "dog"),
        images=ImageArrays(array=np.zeros((4, 2, 2, 1), dtype=np.uint8)),
        paths=("cat/1.png", "cat/2.png", "dog/1.png", "dog/3.png"),
        labels=np.array([0, 0, 1, 1], dtype=np.int64),
        parts=parts,
        groups=("",) * 4,
        reasons=reasons,
        notes=("one note",),
    )


def corrected(tmp_path: Path, text: str, samples: Samples | None = None) -> Samples:
    file = tmp_path / "fix.csv"
    file.write_text(HEADER + text, encoding="utf-8")
    return apply_corrections(samples or pets(), read_corrections(file), path=file)


def test_exclusions_become_reasons_and_relabels_new_labels(tmp_path: Path) -> None:
    before = pets()
    after = corrected(
        tmp_path, "cat/2.png,exclude,cat,,a copy\ndog/1.png,relabel,dog,cat,looks like it\n", before
    )
    assert after.reasons == ("", "excluded by the corrections: a copy", "", "")
    assert after.labels.tolist() == [0, 0, 0, 1]
    assert after.notes == (
        "one note",
        "the corrections in fix.csv exclude 1 image and give 1 image another class",
    )
    assert before.labels.tolist() == [0, 0, 1, 1]
    assert after.images is before.images


def test_corrections_of_the_given_test_part_are_told(tmp_path: Path) -> None:
    samples = pets(parts=("train", "test", "train", "test"))
    after = corrected(tmp_path, "dog/3.png,relabel,dog,cat,\ncat/1.png,exclude,cat,,\n", samples)
    assert after.notes[-1].endswith("another class, 1 of them in the given test part")
    assert after.reasons[0] == "excluded by the corrections"


def test_an_image_without_a_label_can_be_given_one(tmp_path: Path) -> None:
    samples = pets(reasons=("no label", "no label", "torn", ""))
    samples = Samples(**{**vars(samples), "labels": np.array([-1, -1, 1, 1])})
    after = corrected(tmp_path, "cat/1.png,relabel,,dog,\ndog/1.png,relabel,dog,cat,\n", samples)
    assert after.reasons == ("", "no label", "torn", "")
    assert after.labels.tolist() == [1, -1, 0, 1]


FAULTS = {
    "cat/9.png,exclude,cat,,\n": "line 2 of the corrections: cat/9.png is not among the images",
    "cats/1.png,exclude,cat,,\n": "the list must be made for these data",
    "old/3.png,exclude,dog,,\n": "did you mean dog/3.png?",
    "cat/1.png,exclude,dog,,\n": "line 2 of the corrections: cat/1.png is labelled 'cat', "
    "not labelled 'dog'",
    "cat/1.png,exclude,,,\n": "cat/1.png is labelled 'cat', not without a label",
    "cat/1.png,relabel,cat,dgo,\n": "there is no class 'dgo'\n  where: .*fix.csv\n  "
    "what to do: did you mean 'dog'?",
    "cat/1.png,relabel,cat,zebra,\n": "the classes are 'cat', 'dog'",
    "cat/1.png,relabel,cat,cat,\n": "is to be relabelled with the label 'cat' that it has",
    "cat/1.png,relabel,cat,,\n": "is to be relabelled with no new label",
    "cat/1.png,exclude,cat,dog,\n": "is to be excluded and yet has a new label",
    "cat/1.png,exlude,cat,,\n": "no action 'exlude'\n.*\n  what to do: did you mean exclude?",
    "cat/1.png,delete,cat,,\n": "actions: exclude, relabel",
    "cat/1.png,exclude\n": "there are 2 columns, not 5",
    "cat/1.png,exclude,cat,,\n\ncat/2.png,exclude,cat,,\ncat/1.png,relabel,cat,dog,\n": "line 5 of "
    "the corrections: cat/1.png is corrected already in line 2",
    '"cat/1.png,exclude,cat,,\n': "the corrections are damaged",
}


@pytest.mark.parametrize("text", FAULTS)
def test_every_fault_names_its_line_and_changes_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError) as refusal:
        corrected(tmp_path, text)
    assert re.search(FAULTS[text].replace("?", r"\?"), str(refusal.value)), str(refusal.value)
    assert "fix.csv" in str(refusal.value)


@pytest.mark.parametrize("content", ["", "path,label\n", "\x00"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.csv"
    file.write_text(content)
    with pytest.raises(DataError, match=r"not a list of corrections|damaged"):
        read_corrections(file)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_corrections(tmp_path / "nowhere.csv")


def test_what_a_spreadsheet_makes_of_the_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "fix.csv"
    text = (HEADER + "cat/1.png,exclude,cat,,why\n").replace(",", ";").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    (line,) = read_corrections(file)
    assert (line.line, line.correction.path, line.correction.reason) == (2, "cat/1.png", "why")


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(names, st.booleans(), names), unique_by=lambda row: row[0], max_size=6))
def test_any_list_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, bool, str]]
) -> None:
    corrections = [
        Correction(path=path, action="relabel", label="a", new_label="b", reason=reason)
        if relabel
        else Correction(path=path, action="exclude", label="a", reason=reason)
        for path, relabel, reason in rows
    ]
    file = tmp_path_factory.mktemp("lists") / "fix.csv"
    file.write_bytes(corrections_csv(corrections))
    assert [line.correction for line in read_corrections(file)] == corrections
    # Python's own reader agrees that each line is one correction.
    parsed = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert [plain_cell(row["path"]) for row in parsed] == [c.path for c in corrections]


def test_a_path_and_a_new_label_are_enough(tmp_path: Path) -> None:
    """What somebody writes by hand; columns may stand in any order."""
    file = tmp_path / "mine.csv"
    samples = pets()
    with_one_kept = "path,new_label\ndog/1.png,cat\ncat/1.png,cat\n"
    for text in (with_one_kept, "new_label;path\ncat;dog/1.png\n"):
        file.write_text(text)
        after = apply_corrections(samples, read_corrections(file), path=file)
        assert after.labels.tolist() == [0, 0, 0, 1]
        assert after.former_labels == {"dog/1.png": "dog"}
        assert "exclude 0 images and give 1 image another class" in after.notes[-1]
        says_so = "name for 1 image the class that it has" in after.notes[-1]
        assert says_so == (text == with_one_kept)
    file.write_text("path,action\ncat/2.png,exclude\n")
    after = apply_corrections(samples, read_corrections(file), path=file)
    assert after.reasons == ("", "excluded by the corrections", "", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,new_label\ncat/1.png,\n", "line 2 .*is to be relabelled with no new label"),
        ("path,new_label\ncat/1.png,dgo\n", "no class 'dgo'"),
        ("path,new_label\ncat/1.png\n", "there is 1 column, not 2"),
        ("path,action\ncat/1.png,relabel\n", "is to be relabelled with no new label"),
        ("path,label,new_label\ncat/1.png,dog,cat\n", "labelled 'cat', not labelled 'dog'"),
        ("path,path,new_label\ncat/1.png,cat/1.png,dog\n", "must be path,new_label or path,action"),
        ("new_label\ndog\n", "must be path,new_label or path,action"),
        ("path,new_label,certain\ncat/1.png,dog,yes\n", "must be path,new_label or path,action"),
    ],
)
def test_faults_of_a_short_list_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(DataError) as refusal:
        apply_corrections(pets(), read_corrections(file), path=file)
    assert re.search(message, str(refusal.value)), str(refusal.value)


def test_names_that_are_not_unicode_survive(tmp_path: Path) -> None:
    file = tmp_path / "fix.csv"
    name = b"cat/\xff.png".decode("utf-8", "surrogateescape")
    file.write_bytes(
        corrections_csv([Correction(path=name, action="exclude", label="", reason="")])
    )
    assert read_corrections(file)[0].correction.path == name


def test_a_division_made_before_gets_the_new_labels(tmp_path: Path) -> None:
    file = tmp_path / "fix.csv"
    file.write_text(HEADER + "a,relabel,cat,dog,\nb,exclude,cat,,\nc,relabel,cat,dog,\n")
    split = Split(
        paths=("a", "b", "c"),
        labels=("cat", "cat", "emu"),
        parts=("train", "train", "test"),
        groups=("",) * 3,
        sha256=("",) * 3,
        reasons=("",) * 3,
    )
    assert with_new_labels(split, read_corrections(file)).labels == ("dog", "cat", "emu")
    file.write_text("path,new_label\na,dog\nc,cat\n")
    assert with_new_labels(split, read_corrections(file)).labels == ("dog", "cat", "cat")
