from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nunbit.data import decode_rows
from nunbit.data.storage import ImageArrays, ImageFiles
from nunbit.errors import DataError
from tests.data.photos import (
    CONTRACT,
    MANY,
    opened,
    photos,
    workers_of_this_process,
)


@pytest.fixture
def with_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_rows, "_best_way", lambda *_: "processes")


@pytest.mark.parametrize("how", ["inline", "threads", "processes"])
def test_all_ways_give_the_same(tmp_path: Path, how: decode_rows.How) -> None:
    photos(tmp_path / "photos")
    (tmp_path / "photos" / "damaged.png").write_bytes(b"no image")
    files = ImageFiles(files=tuple(sorted((tmp_path / "photos").iterdir())))
    none = np.array([], dtype=np.int64)
    batches = [*np.array_split(np.arange(len(files)), 5), none]
    digests = ["" for _ in files.files]
    found = list(
        decode_rows.decode_batches(
            files, batches, preprocess=CONTRACT, sha256=digests, workers=2, how=how
        )
    )
    expected = [decode_rows.decode_rows(CONTRACT, files, rows, digests) for rows in batches]
    assert [len(result.pixels) for result in found] == [len(rows) for rows in batches]
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert one.reasons == other.reasons
    assert sum(reason != "" for result in found for reason in result.reasons) == 1


def test_the_way_follows_from_the_time_an_image_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    images = ImageArrays(array=np.zeros((6, 8, 8, 3), dtype=np.uint8))
    job = (CONTRACT, images, range(6), [""] * 6)
    monkeypatch.setattr(decode_rows, "SECONDS_FOR_THREADS", 0.0)
    assert decode_rows._best_way([job], 6) == "threads"
    monkeypatch.setattr(decode_rows, "SECONDS_FOR_THREADS", 100.0)
    assert decode_rows._best_way([job], 6) == "inline"
    assert decode_rows._best_way([job], None) == "processes"
    assert decode_rows._best_way([job], 10**9) == "processes"
    assert decode_rows._best_way([], 0) == "inline"


@pytest.mark.usefixtures("with_processes")
def test_decoding_processes_end_with_the_stream(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    assert workers_of_this_process() == []
    list(pixels.stream(np.array_split(np.arange(MANY), 7)))
    assert workers_of_this_process() == []
    abandoned = pixels.stream(np.array_split(np.arange(MANY), 7))
    next(abandoned)
    if sys.platform == "linux":
        assert len(workers_of_this_process()) == 2
    abandoned.close()  # type: ignore[attr-defined]
    assert workers_of_this_process() == []


def test_few_images_are_decoded_without_processes(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    stream = pixels.stream([np.arange(10), np.arange(10)])
    next(stream)
    assert workers_of_this_process() == []


def test_decoding_runs_only_a_little_ahead(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)
    asked = []

    def batches() -> Iterator[np.ndarray[Any, Any]]:
        for row in range(MANY):
            asked.append(row)
            yield np.array([row])

    stream = pixels.stream(batches())
    for taken in range(1, 6):
        next(stream)
        time.sleep(0.05)
        assert len(asked) <= taken + 4


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.usefixtures("with_processes")
def test_a_killed_decoding_process_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    pixels = opened(photos(tmp_path / "photos"), tmp_path, ram_bytes=0, disk_bytes=0)

    stream = pixels.stream(np.arange(10) for _ in range(1000))
    next(stream)
    os.kill(workers_of_this_process()[0], signal.SIGKILL)
    with pytest.raises(DataError, match="was ended from outside") as failure:
        list(stream)
    assert failure.value.remedy == "use fewer decoding workers or a smaller image size"
    assert workers_of_this_process() == []


STREAM = """
import signal
import sys
from pathlib import Path
import numpy as np
from nunbit.data.decode_rows import decode_batches
from nunbit.data.storage import ImageFiles
from tests.data.photos import CONTRACT, workers_of_this_process
# A shell lets what it starts in the background ignore interrupts, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
files = ImageFiles(files=tuple(sorted(Path(sys.argv[1]).iterdir())))
batches = (np.arange(len(files)) for _ in range(100_000))
digests = [""] * len(files)
for _ in decode_batches(
    files, batches, preprocess=CONTRACT, sha256=digests, workers=2, how="processes"
):
    print(*workers_of_this_process(), flush=True)
"""


def ignores_interrupts(process: Path) -> bool:
    """Whether a process of /proc ignores SIGINT."""
    status = (process / "status").read_text(encoding="ascii")
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(mask, 16) >> (signal.SIGINT - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_decoding_processes_do_not_outlive_their_parent(
    tmp_path: Path, ending: signal.Signals
) -> None:
    photos(tmp_path / "photos")
    command = [sys.executable, "-W", "error", "-c", STREAM, str(tmp_path / "photos")]
    with subprocess.Popen(
        command,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stdout is not None
        workers = [Path("/proc") / number for number in run.stdout.readline().split()]
        assert len(workers) == 2
        if ending == signal.SIGINT:
            while not all(ignores_interrupts(worker) for worker in workers):
                time.sleep(0.01)  # a process that still starts up has not got so far
            os.killpg(run.pid, ending)  # as a terminal does: to every process of the group
        else:
            run.send_signal(ending)
        _, errors = run.communicate()
        assert run.returncode == -ending
        assert ("KeyboardInterrupt" in errors) == (ending == signal.SIGINT)
    patience = time.monotonic() + 240
    while any(worker.exists() for worker in workers):
        assert time.monotonic() < patience, "decoding processes were left behind"
        time.sleep(0.05)
