"""Archives of class folders, written by zipfile and tarfile, read without unpacking."""

from __future__ import annotations

import io
import os
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nunbit.data.sources import load_samples
from nunbit.data.sources.archives import tar_images
from nunbit.errors import DataError, UnusableImage
from nunbit.types import Samples

Pairs = Sequence[tuple[str, bytes]]


def png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), number, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [(f"{'cat' if n % 2 else 'dog'}/{n}.png", png(n)) for n in range(8)]


def zipped(path: Path, pairs: Pairs, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in pairs:
            archive.writestr(name, content)
    return path


def tarred(path: Path, pairs: Pairs) -> Path:
    ending = path.suffix.lstrip(".").replace("tar", "")
    with tarfile.open(path, f"w:{ending}") as archive:
        for name, content in pairs:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def stored(path: Path, pairs: Pairs) -> Path:
    return zipped(path, pairs, zipfile.ZIP_STORED)


WRITERS: dict[str, Callable[[Path, Pairs], Path]] = {
    "a.zip": zipped,
    "b.zip": stored,
    "c.tar": tarred,
    "d.tar.gz": tarred,
    "e.tar.bz2": tarred,
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Pairs], Path]:
    """Writes an archive of some kind."""
    return lambda pairs: WRITERS[request.param](tmp_path / request.param, pairs)


def check(samples: Samples) -> None:
    assert samples.classes == ("cat", "dog")
    assert samples.paths == tuple(sorted(name for name, _ in PICTURES))
    for row, path in enumerate(samples.paths):
        assert samples.images.read(row) == dict(PICTURES)[path]
        assert samples.images.name(row) == path.rpartition("/")[2]
        assert samples.label_name(row) == path.partition("/")[0]
    assert not any(samples.reasons)


def test_class_folders(write: Callable[[Pairs], Path]) -> None:
    archive = write(PICTURES)
    samples = load_samples(archive)
    check(samples)
    some = pickle.loads(pickle.dumps(samples.images.take([3, 1])))
    assert some.read(0) == samples.images.read(3)
    assert some.file(1) == archive
    assert [file.name for file in archive.parent.iterdir()] == [archive.name]


def test_a_folder_above_all_others_and_what_systems_leave_behind(
    write: Callable[[Pairs], Path],
) -> None:
    inner = [(f"data/pets/{name}", content) for name, content in PICTURES]
    litter = [
        ("__MACOSX/pets/cat/._1.png", b"x"),
        ("pets/.DS_Store", b"x"),
        ("pets/Thumbs.db", b""),
    ]
    samples = load_samples(write([*inner, *litter]))
    check(samples)
    notes = " ".join(samples.notes)
    assert "the folder 'data/pets' of the archive holds all others" in notes
    assert "3 hidden files or folders ignored" in notes


def test_parts_and_options(write: Callable[[Pairs], Path]) -> None:
    pairs = [
        (f"{'test' if n < 2 else 'train'}/{name}", content)
        for n, (name, content) in enumerate(PICTURES)
    ]
    archive = write([*pairs, ("train/cat/5_mask.png", png(9))])
    samples = load_samples(archive, exclude="*_mask.png")
    assert samples.classes == ("cat", "dog")
    assert samples.parts.count("test") == 2
    assert [r for r in samples.reasons if r] == ["excluded by the pattern '*_mask.png'"]
    with pytest.raises(DataError, match="a mask or an annotation") as failure:
        load_samples(archive)
    assert '--exclude "*_mask.*"' in failure.value.remedy


def test_what_lies_within_is_not_named_to_be_given(write: Callable[[Pairs], Path]) -> None:
    archive = write([(f"fold{n}/{name}", content) for n in (1, 2) for name, content in PICTURES])
    with pytest.raises(DataError) as failure:
        load_samples(archive)
    assert failure.value.remedy.startswith("unpack the archive first; then give")
    assert "--parts fold1=train,fold2=test" in failure.value.remedy
    assert len(load_samples(archive, parts="fold1=train,fold2=test")) == 16


def test_no_path_leads_out(write: Callable[[Pairs], Path]) -> None:
    beyond = [("../cat/a.png", png(1)), ("/cat/b.png", png(2)), ("dog/../../c.png", png(3))]
    samples = load_samples(write([*PICTURES, *beyond]))
    check(samples)
    assert any("3 paths lead out of the archive" in note for note in samples.notes)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_a_path_twice_the_last_counts(write: Callable[[Pairs], Path]) -> None:
    samples = load_samples(write([("cat/1.png", png(77)), *PICTURES]))
    check(samples)
    assert any("1 path appears in the archive more than once" in note for note in samples.notes)


def test_backslashes_and_names_beyond_ascii(write: Callable[[Pairs], Path]) -> None:
    samples = load_samples(write([("Öl\\1.png", png(1)), ("été/2.png", png(2))]))
    assert samples.classes == ("Öl", "été")


def test_names_of_macos_are_utf8_without_the_flag(tmp_path: Path) -> None:
    name = "é/1.png"
    archive = zipped(tmp_path / "a.zip", [(name, png(1)), ("b/2.png", png(2))])
    data = archive.read_bytes()
    # The flag stands at 6 in the first header and at 8 in its entry of the directory.
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(signature)
        flags = int.from_bytes(data[start + at : start + at + 2], "little") & ~0x800
        data = data[: start + at] + flags.to_bytes(2, "little") + data[start + at + 2 :]
    archive.write_bytes(data)
    assert zipfile.ZipFile(archive).namelist()[0] != name
    assert load_samples(archive).classes == ("b", "é")


def test_links_and_odd_members_have_a_reason(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", PICTURES)
    with tarfile.open(archive, "a") as opened:
        link = tarfile.TarInfo("cat/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        opened.addfile(link)
        pipe = tarfile.TarInfo("cat/pipe.png")
        pipe.type = tarfile.FIFOTYPE
        opened.addfile(pipe)
    samples = load_samples(archive)
    reasons = dict(zip(samples.paths, samples.reasons, strict=True))
    assert "not followed" in reasons["cat/link.png"]
    assert "not a regular file" in reasons["cat/pipe.png"]
    with pytest.raises(UnusableImage):
        samples.images.read(samples.paths.index("cat/link.png"))
    info = zipfile.ZipInfo("dog/link.png")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    other = zipped(tmp_path / "b.zip", PICTURES)
    with zipfile.ZipFile(other, "a") as opened_zip:
        opened_zip.writestr(info, "/etc/hostname")
        opened_zip.writestr("cat/packed.png", png(5), zipfile.ZIP_LZMA)
    samples = load_samples(other)
    reasons = dict(zip(samples.paths, samples.reasons, strict=True))
    assert "not followed" in reasons["dog/link.png"]
    assert "packed by method 14" in reasons["cat/packed.png"]


def test_damage_is_told_for_each_image(tmp_path: Path) -> None:
    archive = stored(tmp_path / "a.zip", PICTURES)
    data = bytearray(archive.read_bytes())
    at = data.index(dict(PICTURES)["cat/3.png"])
    data[at + 40] ^= 0xFF
    archive.write_bytes(bytes(data))
    samples = load_samples(archive)
    record = samples.images.facts(samples.paths.index("cat/3.png"))
    assert "the archive is damaged here" in record.reason
    others = [row for row, path in enumerate(samples.paths) if path != "cat/3.png"]
    assert not any(samples.images.facts(row).reason for row in others)


@pytest.mark.parametrize("name", [*WRITERS])
def test_a_cut_archive_is_one_clear_error(name: str, tmp_path: Path) -> None:
    archive = WRITERS[name](tmp_path / name, PICTURES)
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(DataError, match="archive cannot be read") as failure:
        load_samples(archive)
    assert failure.value.path == str(archive)
    archive.write_bytes(os.urandom(1000))
    with pytest.raises(DataError):
        load_samples(archive)


def test_what_is_unpacked_in_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A packed tar of zeros is small on disk; the bound is on what becomes of it."""
    archive = tarred(tmp_path / "a.tar.gz", [*PICTURES, ("cat/big.png", bytes(1 << 20))])
    load_samples(archive)
    monkeypatch.setattr(tar_images, "MAX_HELD_BYTES", 1 << 19)
    with pytest.raises(DataError, match="holds more than") as failure:
        load_samples(archive)
    assert "gzip -dk" in failure.value.remedy


def test_a_zip_that_says_less_than_it_holds(tmp_path: Path) -> None:
    """The directory's size bounds what is unpacked, whatever the packed bytes become."""
    archive = zipped(tmp_path / "a.zip", [*PICTURES, ("cat/9.png", bytes(1 << 20))])
    data = archive.read_bytes()
    size = (1 << 20).to_bytes(4, "little")
    archive.write_bytes(data.replace(size, (64).to_bytes(4, "little")))
    samples = load_samples(archive)
    with pytest.raises(UnusableImage, match="damaged"):
        samples.images.read(samples.paths.index("cat/9.png"))


def test_a_folder_with_one_archive_names_it(tmp_path: Path) -> None:
    zipped(tmp_path / "pets.zip", PICTURES)
    with pytest.raises(DataError, match=r"an archive, 'pets\.zip'") as failure:
        load_samples(tmp_path)
    assert "pets.zip" in failure.value.remedy


def test_other_archives_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(DataError) as failure:
        load_samples(tmp_path / "a.7z")
    assert failure.value.remedy == "unpack it and give the folder"
