"""Files and folders that are wholly there or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from nunbit.errors import UsageError
from nunbit.files import (
    check_can_write,
    folder_written_atomically,
    remove_leftovers,
    write_atomically,
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_replaced_at_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, "one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == {"a.txt"}


def test_a_file_has_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x", encoding="utf-8")
    write_atomically(tmp_path / "ours", "x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_a_folder_has_the_rights_that_any_new_folder_has(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with folder_written_atomically(tmp_path / "ours") as folder:
        (folder / "within").mkdir()
        (folder / "within" / "x").write_text("1", encoding="utf-8")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1
    assert names(tmp_path / "ours" / "within") == {"x"}


def test_the_process_wide_mask_of_rights_is_left_alone(tmp_path: Path, monkeypatch) -> None:
    # Changing it, even for a moment, opens what another thread creates just then to everybody.
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the mask was changed"))
    write_atomically(tmp_path / "a.txt", "one")
    with folder_written_atomically(tmp_path / "folder"):
        pass


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == {"a.txt"}


def test_a_folder_appears_when_its_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with folder_written_atomically(target) as folder:
        (folder / "x").write_text("1", encoding="utf-8")
        assert not target.exists()
    assert names(target) == {"x"}
    assert names(target.parent) == {"target"}


def test_a_failing_block_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_text("1", encoding="utf-8")
    previous = tmp_path / "previous"

    def fail() -> None:
        with folder_written_atomically(target, keep_previous=previous) as folder:
            (folder / "new").write_text("2", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == {"target"}
    assert names(target) == {"old"}


def test_the_folder_before_is_kept_and_the_one_before_that_goes(tmp_path: Path) -> None:
    target, previous = tmp_path / "target", tmp_path / "previous"
    for number in range(3):
        with folder_written_atomically(target, keep_previous=previous) as folder:
            (folder / str(number)).write_text("", encoding="utf-8")
    assert names(target) == {"2"}
    assert names(previous) == {"1"}


def test_an_existing_folder_is_not_replaced_unasked(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(FileExistsError), folder_written_atomically(target) as folder:
        (folder / "theirs").write_text("y", encoding="utf-8")
    assert names(target) == {"mine"}
    assert names(tmp_path) == {"target"}


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".last.abc.tmp").mkdir()
    (tmp_path / ".last.abc.tmp" / "x").write_text("", encoding="utf-8")
    (tmp_path / ".metrics.jsonl.def.tmp").write_text("", encoding="utf-8")
    for kept in ("tmp", ".hidden", "last.tmp"):
        (tmp_path / kept).write_text("", encoding="utf-8")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == {"tmp", ".hidden", "last.tmp"}
    remove_leftovers(tmp_path / "missing")


def test_a_file_in_pieces_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def pieces(*, broken: bool) -> Iterator[bytes]:
        yield b"one "
        if broken:
            raise ValueError("no more")
        yield b"two"

    file = tmp_path / "a.csv"
    write_atomically(file, pieces(broken=False))
    assert file.read_bytes() == b"one two"
    with pytest.raises(ValueError, match="no more"):
        write_atomically(file, pieces(broken=True))
    assert file.read_bytes() == b"one two"
    assert names(tmp_path) == {"a.csv"}


def test_a_place_to_read_only_is_noticed_before_the_work(tmp_path: Path, monkeypatch) -> None:
    check_can_write(tmp_path / "new" / "deeper")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="below a file"):
        check_can_write(tmp_path / "file" / "new")
    allowed = os.access  # for root, everything is
    monkeypatch.setattr(os, "access", lambda path, how: path != tmp_path and allowed(path, how))
    with pytest.raises(UsageError, match="nothing may be written here") as refusal:
        check_can_write(tmp_path / "new" / "deeper", option="--csv")
    assert refusal.value.path == str(tmp_path)
    assert "--csv" in refusal.value.remedy
    assert {item.name for item in tmp_path.iterdir()} == {"file"}
