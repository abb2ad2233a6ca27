"""onnxruntime for browsers: its two files, found or fetched, and held against their hashes.

They are not on PyPI. Only the pinned version is taken, because the graphs are written for what it
reads, and because a file that runs in other people's browsers is never taken unseen.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from nunbit.documents import read_json
from nunbit.errors import UsageError
from nunbit.files import folder_written_atomically

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
RUNTIME_FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
"""SHA-256 by name, as in the package's folder dist."""
_WITHIN = ("", "dist", "package/dist", f"node_modules/{PACKAGE}/dist")
_SECONDS = 600
_TWO_WAYS = (
    f"install npm, or run `npm pack {PACKAGE}@{VERSION}` on another machine, unpack what it "
    "writes, and give that folder with --runtime"
)


def find_runtime(given: Path | None, *, cache: Path, note: Callable[[str], None]) -> Path:
    """The folder that holds the runtime's files, checked.

    Args:
        given: an unpacked npm package, or its folder dist; None: the cache, or npm.
        cache: where they are kept once fetched.
        note: is told when npm is asked.

    Raises:
        UsageError: when there are none, or other ones than the pinned version's.
    """
    if given is not None:
        return _checked_folder(given)
    kept = cache / PACKAGE / VERSION
    if all(_is_intact(kept, name) for name in RUNTIME_FILES):
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise UsageError(
            f"a web folder needs {PACKAGE} {VERSION}, which is not here, nor is npm to fetch it",
            remedy=_TWO_WAYS,
        )
    note(f"npm fetches {PACKAGE} {VERSION}, once")
    _fetch(npm, kept)
    return kept


def _checked_folder(given: Path) -> Path:
    folder = next((given / w for w in _WITHIN if (given / w / _FIRST).is_file()), None)
    if folder is None:
        raise UsageError(
            f"this is not an unpacked {PACKAGE}: it has no {_FIRST}",
            path=given,
            remedy=_TWO_WAYS,
        )
    for name in RUNTIME_FILES:
        if not _is_intact(folder, name):
            raise UsageError(
                f"{name} is not that of {PACKAGE} {VERSION}{_version_beside(folder)}",
                path=folder / name,
                remedy=_TWO_WAYS,
            )
    return folder


_FIRST = next(iter(RUNTIME_FILES))


def _is_intact(folder: Path, name: str) -> bool:
    try:
        content = (folder / name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == RUNTIME_FILES[name]


def _version_beside(dist: Path) -> str:
    """The other version, where its package names it."""
    try:
        described = read_json(dist.parent / "package.json")
        return f", but of {described['version']}" if described["version"] != VERSION else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _fetch(npm: str, kept: Path) -> None:
    """Ask npm for the package, and keep the files that are needed."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"]
        try:
            done = subprocess.run(
                [*asked, "--pack-destination", folder],
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
            packed = next(Path(folder).glob("*.tgz"), None)
            if done.returncode != 0 or packed is None:
                said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").split("\n")
                raise UsageError(
                    f"npm could not fetch {PACKAGE} {VERSION}: {said[0]}", remedy=_TWO_WAYS
                )
            contents = _unpacked(packed)
        except (OSError, subprocess.TimeoutExpired, tarfile.TarError) as error:
            raise UsageError(
                f"npm could not fetch {PACKAGE} {VERSION}: {error}", remedy=_TWO_WAYS
            ) from error
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(kept, ignore_errors=True)  # what is there is damaged
    with folder_written_atomically(kept) as unfinished:
        for name, content in contents.items():
            (unfinished / name).write_bytes(content)


def _unpacked(packed: Path) -> dict[str, bytes]:
    """The needed files of npm's archive; nothing else of it is written anywhere."""
    contents = {}
    with tarfile.open(packed) as archive:
        for member in archive:
            name = member.name.removeprefix("package/dist/")
            file = archive.extractfile(member) if name in RUNTIME_FILES else None
            if file is not None:
                contents[name] = file.read()
    for name, digest in RUNTIME_FILES.items():
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != digest:
            raise UsageError(
                f"npm gave another {name} than that of {PACKAGE} {VERSION}", remedy=_TWO_WAYS
            )
    return contents
