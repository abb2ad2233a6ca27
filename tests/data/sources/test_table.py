from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import hypothesis.strategies as st
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from nunbit.data.sources import load_samples
from nunbit.data.storage import FilesBelow
from nunbit.errors import ConfigError, DataError
from tests.fixtures_data import write_files


def write_table(folder: Path, text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    write_files(folder, "a.jpg", "b.jpg", "sub/c.jpg")
    (folder / name).write_text(text, encoding=encoding, newline="")
    return folder / name


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_separators_and_encodings(
    tmp_path: Path, separator: str, encoding: str, line_end: str
) -> None:
    rows = [("path", "label"), ("sub/c.jpg", "café"), ("a.jpg", "tea"), ("b.jpg", "tea")]
    text = "".join(separator.join(row) + line_end for row in rows)
    samples = load_samples(write_table(tmp_path, text, encoding=encoding))
    assert samples.paths == ("a.jpg", "b.jpg", "sub/c.jpg")
    assert samples.classes == ("café", "tea")
    assert samples.labels.tolist() == [1, 1, 0]
    assert samples.reasons == ("", "", "")
    assert samples.name == "table"
    assert isinstance(samples.images, FilesBelow)
    assert samples.images.file(2) == tmp_path / "sub/c.jpg"


@pytest.mark.parametrize("path_column", ["path", "File", "FILENAME", "image", "file_name"])
@pytest.mark.parametrize("label_column", ["label", "Class", "TARGET"])
def test_column_names(tmp_path: Path, path_column: str, label_column: str) -> None:
    text = f"id,{label_column},{path_column}\n1,x,a.jpg\n2,y,b.jpg\n"
    assert load_samples(write_table(tmp_path, text)).classes == ("x", "y")


def test_two_columns_that_would_do_are_told(tmp_path: Path) -> None:
    text = "path,class,label\na.jpg,0,cat\nb.jpg,1,dog\n"
    samples = load_samples(write_table(tmp_path, text))
    assert samples.classes == ("cat", "dog")
    assert samples.notes == ("the label is read from column 'label', not 'class'",)


def test_numeric_labels_are_text(tmp_path: Path) -> None:
    text = "path,label\na.jpg,007\nb.jpg,10\nsub/c.jpg,9\n"
    assert load_samples(write_table(tmp_path, text)).classes == ("007", "9", "10")


def test_words_that_mean_nothing_elsewhere_are_labels(tmp_path: Path) -> None:
    text = "path,label\na.jpg,NA\nb.jpg,None\nsub/c.jpg,nan\n"
    assert load_samples(write_table(tmp_path, text)).classes == ("NA", "None", "nan")


def test_rows_that_cannot_be_used_keep_their_reason(tmp_path: Path) -> None:
    text = "path,label\na.jpg,x\nb.jpg,y\ngone.jpg,x\nsub/c.jpg,\nsub,x\n,y\n"
    samples = load_samples(write_table(tmp_path, text))
    assert dict(zip(samples.paths, samples.reasons, strict=True)) == {
        "(line 7)": "no path in the table",
        "a.jpg": "",
        "b.jpg": "",
        "gone.jpg": "file is missing",
        "sub": "not a regular file",
        "sub/c.jpg": "no label in the table",
    }
    assert samples.labels[samples.paths.index("sub/c.jpg")] == -1
    assert samples.label_name(samples.paths.index("gone.jpg")) == "x"


def test_short_rows_and_blank_lines(tmp_path: Path) -> None:
    text = "path,label,group\na.jpg,x\n\n  \nb.jpg,y,g\n"
    samples = load_samples(write_table(tmp_path, text))
    assert samples.groups == ("", "g")


def test_long_row(tmp_path: Path) -> None:
    text = "path,label\na.jpg,x\nb.jpg,y,z\n"
    with pytest.raises(DataError, match="line 3 has 3 cells, the first line 2") as caught:
        load_samples(write_table(tmp_path, text))
    assert "double quotes" in caught.value.remedy


def test_quoted_cells(tmp_path: Path) -> None:
    write_files(tmp_path, "x, y.jpg")
    text = 'path,label\n"x, y.jpg","say ""hi"""\nb.jpg,y\n'
    samples = load_samples(write_table(tmp_path, text))
    assert samples.classes == ('say "hi"', "y")
    assert "x, y.jpg" in samples.paths


@pytest.mark.parametrize("odd", ["\x0c", "\x1c", "\x85", "\u2028"])
def test_only_line_ends_end_a_row(tmp_path: Path, odd: str) -> None:
    write_files(tmp_path, f"x{odd}y.jpg")
    samples = load_samples(write_table(tmp_path, f"path,label\nx{odd}y.jpg,one\nb.jpg,two\n"))
    assert samples.paths == ("b.jpg", f"x{odd}y.jpg")
    assert samples.classes == ("one", "two")
    assert samples.reasons == ("", "")


def test_repeated_row_counts_once(tmp_path: Path) -> None:
    text = "path,label\na.jpg,x\n./a.jpg,x\nb.jpg,y\n"
    samples = load_samples(write_table(tmp_path, text))
    assert samples.paths == ("a.jpg", "b.jpg")
    assert samples.notes == (
        "1 path appears in the table more than once, saying the same: 'a.jpg'",
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.jpg,x,,\na.jpg,y,,", "lines 2 and 3 with different class: 'x' and 'y'"),
        ("a.jpg,x,train,\na.jpg,x,test,", "different part: 'train' and 'test'"),
        ("a.jpg,x,,p\na.jpg,x,,q", "different group: 'p' and 'q'"),
    ],
)
def test_contradicting_rows(tmp_path: Path, rows: str, message: str) -> None:
    text = f"path,label,split,group\n{rows}\nb.jpg,y,,\n"
    with pytest.raises(DataError) as caught:
        load_samples(write_table(tmp_path, text))
    assert message in str(caught.value)
    assert "'a.jpg' appears in" in str(caught.value)


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("val", "validation"),
        ("VALID", "validation"),
        ("validation", "validation"),
        ("dev", "validation"),
        ("test", "test"),
        ("testing", "test"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("column", ["split", "Part", "set"])
def test_parts(tmp_path: Path, word: str, part: str, column: str) -> None:
    text = f"path,label,{column}\na.jpg,x,{word}\nb.jpg,y,train\nsub/c.jpg,x,train\n"
    assert load_samples(write_table(tmp_path, text)).parts == (part, "train", "train")


def test_unknown_part(tmp_path: Path) -> None:
    text = "path,label,split\na.jpg,x,train\nb.jpg,y,holdout\n"
    with pytest.raises(DataError, match="line 3 says 'holdout' for the part") as caught:
        load_samples(write_table(tmp_path, text))
    assert "train, training, val, valid, validation, dev, test, testing" in caught.value.remedy


def test_the_manifest_of_a_run_is_a_table(tmp_path: Path) -> None:
    text = (
        "path,label,split,group,sha256,reason\n"
        "a.jpg,x,train,g1,00,\n"
        "b.jpg,y,test,g2,00,\n"
        "sub/c.jpg,x,excluded,g1,00,truncated: 3 bytes missing\n"
    )
    samples = load_samples(write_table(tmp_path, text.replace("b.jpg,y,test", "b.jpg,y,train")))
    assert samples.reasons == ("", "", "excluded by the table: truncated: 3 bytes missing")
    assert samples.parts == ("train", "train", "")
    assert samples.groups == ("g1", "g2", "g1")


def test_group_column_by_name(tmp_path: Path) -> None:
    text = "path,label,Patient\na.jpg,x,p1\nb.jpg,y,p2\n"
    samples = load_samples(write_table(tmp_path, text), group_from="patient")
    assert samples.groups == ("p1", "p2")


def test_group_by_pattern_on_the_path(tmp_path: Path) -> None:
    text = "path,label\na.jpg,x\nsub/c.jpg,y\n"
    samples = load_samples(write_table(tmp_path, text), group_from=r"(sub)/")
    assert samples.groups == ("", "sub")
    assert "1 path has no group" in samples.notes[0]


def test_unknown_group_column(tmp_path: Path) -> None:
    text = "path,label,patient\na.jpg,x,p1\nb.jpg,y,p2\n"
    with pytest.raises(ConfigError, match="no column 'pateint'") as caught:
        load_samples(write_table(tmp_path, text), group_from="pateint")
    assert caught.value.remedy == "did you mean 'patient'?"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty"),
        ("path,label\n", "no rows"),
        ("a.jpg,x\nb.jpg,y\n", "the first line looks like data: 'a.jpg' is one of the files"),
        ("one,two\nu.jpg,x\nv.jpg,y\n", "no column for the path; its columns are 'one', 'two'"),
        ("path,animal,sex\na.jpg,x,m\n", "no column for the label"),
        ("path,label,label\na.jpg,x,y\n", "two columns have one name: 'label'"),
        ('path,label\n"a.jpg,x\n', "cannot be read at line"),
        ("path,label\nu.jpg,x\nv.jpg,y\n", "no file that the table names can be used"),
        ("path,label\na.jpg,x\nb.jpg,x\n", "only one class, 'x'"),
        ("path,label\na.jpg,Cat\nb.jpg,cat\n", "differ only in upper and lower case"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    table = write_table(tmp_path, text)
    with pytest.raises(DataError) as caught:
        load_samples(table)
    assert message in str(caught.value)
    assert str(table) in str(caught.value)


def test_other_encoding(tmp_path: Path) -> None:
    table = write_table(tmp_path, "path,label\na.jpg,café\nb.jpg,x\n", encoding="latin-1")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        load_samples(table)
    assert "CSV UTF-8" in caught.value.remedy


def test_paths_from_other_systems(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "é.jpg")
    write_files(tmp_path, decomposed)
    text = f"path,label\nsub\\c.jpg,x\n é.jpg ,y\n{tmp_path / 'a.jpg'},x\n"
    samples = load_samples(write_table(tmp_path, text))
    assert set(samples.paths) == {"sub/c.jpg", decomposed, "a.jpg"}
    assert set(samples.reasons) == {""}


def test_absolute_paths_elsewhere(tmp_path: Path) -> None:
    write_files(tmp_path / "else", "z.jpg")
    text = f"path,label\na.jpg,x\n{tmp_path / 'else/z.jpg'},y\n"
    samples = load_samples(write_table(tmp_path / "data", text))
    assert samples.paths == ("../else/z.jpg", "a.jpg")
    assert set(samples.reasons) == {""}


def test_other_columns_are_kept_as_text_in_the_order_of_the_paths(tmp_path: Path) -> None:
    text = (
        "path,label,Camera,year,class,group,\n"
        "sub/c.jpg,x, Nikon D5 ,2001,0,g,a\n"
        "a.jpg,y,,2003,1,,b\n"
        "b.jpg,y,Leica,2002,1,,c\n"
    )
    samples = load_samples(write_table(tmp_path, text))
    assert samples.paths == ("a.jpg", "b.jpg", "sub/c.jpg")
    # A column that could have been the label, and one without a name, say nothing of their own.
    assert samples.columns == {
        "Camera": ("", "Leica", "Nikon D5"),
        "year": ("2003", "2002", "2001"),
    }


def test_of_a_repeated_path_the_first_row_is_kept(tmp_path: Path) -> None:
    text = "path,label,camera\na.jpg,x,one\n./a.jpg,x,two\nb.jpg,y,three\n"
    samples = load_samples(write_table(tmp_path, text))
    assert samples.columns == {"camera": ("one", "three")}


def test_columns_that_hold_groups_are_no_other_columns(tmp_path: Path) -> None:
    text = "path,label,patient\na.jpg,x,1\nb.jpg,y,2\n"
    samples = load_samples(write_table(tmp_path, text), group_from="patient")
    assert samples.groups == ("1", "2")
    assert samples.columns == {}


def test_parquet(tmp_path: Path) -> None:
    write_files(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    frame = pd.DataFrame(
        {
            "path": ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
            "label": [1.0, 10.0, 9.0, None],
            "split": pd.Categorical(["train", "train", "train", "train"]),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    samples = load_samples(tmp_path / "t.parquet")
    assert samples.classes == ("1", "9", "10")
    assert samples.reasons == ("", "", "", "no label in the table")
    assert samples.parts == ("train",) * 4


def test_numbers_in_parquet_are_written_as_in_text(tmp_path: Path) -> None:
    write_files(tmp_path, "a.jpg", "b.jpg")
    frame = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": [0.1, 2.0]})
    frame.to_parquet(tmp_path / "t.parquet")
    assert load_samples(tmp_path / "t.parquet").classes == ("0.1", "2")


def test_parquet_with_bytes_that_are_no_images(tmp_path: Path) -> None:
    pq.write_table(pa.table({"hash": [b"\x89PNG"], "label": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="'hash' holds no text"):
        load_samples(tmp_path / "t.parquet")


def test_damaged_parquet(tmp_path: Path) -> None:
    write_files(tmp_path, "t.parquet")
    with pytest.raises(DataError, match="Parquet file cannot be read"):
        load_samples(tmp_path / "t.parquet")


CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Cs", "Cc")),
    min_size=1,
    max_size=8,
).filter(lambda text: bool(text.strip()))


@given(labels=st.lists(CELL, min_size=2, max_size=6), separator=st.sampled_from(",;\t"))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], separator: str
) -> None:
    wanted = [unicodedata.normalize("NFC", label).strip() for label in labels]
    if len({name.casefold() for name in wanted}) < max(2, len(set(wanted))):
        return
    root = tmp_path_factory.mktemp("csv")
    write_files(root, *(f"{row}.jpg" for row in range(len(labels))))
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator)
    writer.writerow(["path", "label"])
    writer.writerows((f"{row}.jpg", label) for row, label in enumerate(labels))
    (root / "t.csv").write_bytes(buffer.getvalue().encode())
    samples = load_samples(root / "t.csv")
    assert [samples.label_name(row) for row in range(len(samples))] == wanted
