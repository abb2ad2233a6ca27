"""onnxruntime for browsers is taken in one version only, wherever it comes from."""

from __future__ import annotations

import hashlib
import io
import stat
import tarfile
from pathlib import Path

import pytest

from nunbit.cli import main
from nunbit.errors import UsageError
from nunbit.export import web_runtime
from nunbit.export.web_runtime import PACKAGE, VERSION, find_runtime
from tests.surface.readme import ROOT

CONTENTS = {"ort.wasm.bundle.min.mjs": b"export {};", "ort-wasm-simd-threaded.wasm": b"\0asm"}


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few bytes in the place of the real ones."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(web_runtime, "RUNTIME_FILES", hashes)


def write_package(folder: Path, *, version: str = VERSION, changed: bytes = b"") -> Path:
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(f'{{"version": "{version}"}}')
    for name, content in CONTENTS.items():
        (folder / "dist" / name).write_bytes(content + changed)
    return folder


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole path; a program npm put there is what is run."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write_npm(folder: Path, *, packed: Path | None, code: int = 0) -> None:
    """An npm that copies `packed` to where it is told, or fails."""
    program = folder / "npm"
    lines = ["#!/bin/sh", 'for last; do :; done; echo "$@" > "$0.asked"']
    if packed is not None:
        lines.append(f'/bin/cp "{packed}" "$last/"')
    program.write_text("\n".join([*lines, "echo offline >&2", f"exit {code}"]) + "\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def write_archive(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("within", ["", "package", f"node_modules/{PACKAGE}"])
def test_an_unpacked_package_is_found(within: str, tmp_path: Path) -> None:
    package = write_package(tmp_path / within)
    for given in (tmp_path, package, package / "dist"):
        assert find_runtime(given, cache=tmp_path / "cache", note=print) == package / "dist"


def test_another_version_is_named(tmp_path: Path) -> None:
    package = write_package(tmp_path, version="1.2.3", changed=b"!")
    with pytest.raises(UsageError, match=rf"not that of {PACKAGE} {VERSION}, but of 1\.2\.3"):
        find_runtime(package, cache=tmp_path / "cache", note=print)


def test_a_folder_without_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an unpacked") as raised:
        find_runtime(tmp_path, cache=tmp_path / "cache", note=print)
    assert f"npm pack {PACKAGE}@{VERSION}" in str(raised.value.remedy)


def test_without_npm_both_ways_are_told(tmp_path: Path, npm: Path) -> None:
    with pytest.raises(UsageError, match="nor is npm") as raised:
        find_runtime(None, cache=tmp_path / "cache", note=print)
    assert "install npm" in str(raised.value.remedy)
    assert "--runtime" in str(raised.value.remedy)


def test_npm_is_asked_once(tmp_path: Path, npm: Path) -> None:
    contents = {f"package/dist/{name}": content for name, content in CONTENTS.items()}
    outside = {"../../escaped": b"x", "package/dist/other.js": b"x"}
    write_npm(npm, packed=write_archive(tmp_path / "a.tgz", contents | outside))
    told: list[str] = []
    kept = find_runtime(None, cache=tmp_path / "cache", note=told.append)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == CONTENTS
    assert f"pack {PACKAGE}@{VERSION}" in (npm / "npm.asked").read_text()
    assert len(told) == 1
    assert not (tmp_path / "escaped").exists()
    (npm / "npm").unlink()
    assert find_runtime(None, cache=tmp_path / "cache", note=told.append) == kept
    assert len(told) == 1


def test_a_damaged_cache_is_fetched_again(tmp_path: Path, npm: Path) -> None:
    contents = {f"package/dist/{name}": content for name, content in CONTENTS.items()}
    write_npm(npm, packed=write_archive(tmp_path / "a.tgz", contents))
    kept = find_runtime(None, cache=tmp_path / "cache", note=print)
    name = next(iter(CONTENTS))
    (kept / name).write_bytes(b"cut")
    assert find_runtime(None, cache=tmp_path / "cache", note=print) == kept
    assert (kept / name).read_bytes() == CONTENTS[name]


def test_what_npm_gives_is_held_against_the_hashes(tmp_path: Path, npm: Path) -> None:
    other = {f"package/dist/{name}": content + b"!" for name, content in CONTENTS.items()}
    write_npm(npm, packed=write_archive(tmp_path / "a.tgz", other))
    with pytest.raises(UsageError, match="npm gave another"):
        find_runtime(None, cache=tmp_path / "cache", note=print)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("code", [0, 1])
def test_an_npm_that_fails_is_quoted(code: int, tmp_path: Path, npm: Path) -> None:
    write_npm(npm, packed=None, code=code)
    with pytest.raises(UsageError, match=r"could not fetch .*: offline"):
        find_runtime(None, cache=tmp_path / "cache", note=print)


def test_the_gate_installs_the_pinned_version() -> None:
    assert f"{PACKAGE}@{VERSION}" in (ROOT / ".ci" / "run").read_text()
    assert f"{PACKAGE}@{VERSION}" in (ROOT / "docs" / "export.md").read_text()


def test_a_runtime_is_for_the_web_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    assert main(["export", str(tmp_path / "run"), "--runtime", str(tmp_path)]) == 2
    assert "--runtime is for --to web" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
