from __future__ import annotations

from pathlib import Path

import pytest

import nunbit
from nunbit.data.sources import known
from nunbit.errors import UsageError
from nunbit_labs.data_paths import lab_data


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has none of the data sets, and no network."""
    monkeypatch.setattr(known, "SYSTEM_FOLDER", tmp_path / "nothing")
    monkeypatch.setattr(known, "user_folder", lambda: tmp_path / "cache")

    def refuse(*arguments: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(known, "fetch", refuse)
    return tmp_path


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_a_stand_in_is_read_as_the_real_files_are(name: str, nowhere: Path) -> None:
    data = lab_data(name, quick=True, images=200, folder=nowhere / "data")
    assert (data.kind, bool(data), data.real) == ("stand-in", True, False)
    found = nunbit.load_data(data.source)
    assert len(found.classes) == 10
    assert {path.partition("/")[0] for path in found.samples.paths} == {"train", "test"}
    assert lab_data(name, quick=True, images=200, folder=nowhere / "data") == data


def test_what_cannot_be_had_is_missing_in_a_full_run(nowhere: Path) -> None:
    data = lab_data("mnist", quick=False, images=0, folder=nowhere)
    assert not data
    assert "could not be downloaded" in data.why


def test_a_quick_run_takes_a_part_of_the_real_images(fashion_mnist: Path, tmp_path: Path) -> None:
    data = lab_data("fashion-mnist", quick=True, images=100, folder=tmp_path)
    assert data.kind == "part"
    found = nunbit.load_data(data.source)
    assert found.classes[9] == "Ankle boot"
    assert len(found) == 120
    assert lab_data("fashion-mnist", quick=False, images=0, folder=tmp_path).real


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="have no data set 'imagenet'"):
        lab_data("imagenet", quick=True, images=1, folder=tmp_path)
