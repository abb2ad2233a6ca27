"""A server under load: nothing is lost or mixed up, and it stays as it was.

The long forms of these tests are slow; each has a short one that proves the same in small.
"""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from nunbit.serve.model import load_model
from nunbit.serve.ranking import ranked
from tests.serve.load import answers_by_picture, calling, counted, many_pictures
from tests.serve.mixture import Mixture
from tests.serve.server import serving
from tests.serve.test_life import other_export  # noqa: F401 - a fixture

slow = pytest.mark.slow
TOKEN = "a-secret-of-24-characters"


@slow
@pytest.mark.timeout(1200)
def test_memory_stays_over_20_000_requests(export: Path) -> None:
    """After the first 1,000 it grows by less than 5 %, and nothing is lost or mixed up."""
    files, requests = many_pictures(40), 20_000
    with serving(export) as served:
        with served.client() as client:
            alone = {k: client.post("/predict", content=file).text for k, file in enumerate(files)}
        assert len(set(alone.values())) == len(files)
        process, early = psutil.Process(served.process.pid), 0
        with calling(served, files, threads=8) as callers:
            callers.wait_for(1000)
            early = process.memory_info().rss
            callers.wait_for(requests)
        late = process.memory_info().rss
        assert callers.outcome.other == []
        assert callers.outcome.not_taken == 0
        found = answers_by_picture(callers.outcome)
        assert found == {number: {alone[number]} for number in found}
        assert served.end() == 0
        assert counted(served) == {200: callers.outcome.answered + len(files)}
    assert late < 1.05 * early, f"{early / 2**20:.1f} MiB became {late / 2**20:.1f} MiB"


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=[slow])])
@pytest.mark.timeout(1200)
def test_no_accepted_request_is_lost_or_mixed_up_at_sigterm(export: Path, times: int) -> None:
    """Whatever the server took, by its own log, was answered, by the callers' count.

    And each answer is, to the bit, that of its picture alone.
    """
    files = many_pictures(10)
    alone = {}
    for number in range(times):
        with serving(export) as served, calling(served, files, threads=6) as callers:
            callers.wait_for(100 + 10 * number)
            assert served.end(signal.SIGTERM) == 0
            callers.stop.set()
            callers.join()
        assert callers.outcome.other == []
        assert counted(served) == {200: callers.outcome.answered}
        assert served.events[-1]["event"] == "ended"
        alone = alone or answers_alone(export, files)
        found = answers_by_picture(callers.outcome)
        assert len(found) == len(files)
        assert {k: [json.loads(text) for text in texts] for k, texts in found.items()} == alone


def answers_alone(export: Path, files: list[bytes]) -> dict[int, list[object]]:
    """The answer to each picture that is asked about by itself, as the server says it."""
    model = load_model(export, name=None, max_pixels=25_000_000)
    found: dict[int, list[object]] = {}
    for number, data in enumerate(files):
        (row,) = model.predictor.predict_canvases([model.reading.canvas(data)])
        best = ranked(row, model.classes, 5)
        found[number] = [[{"label": label, "score": score} for label, score in best]]
    return found


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=[slow])])
@pytest.mark.timeout(1200)
def test_no_request_is_lost_at_a_reload(
    export: Path,
    other_export: Path,  # noqa: F811
    tmp_path: Path,
    times: int,
) -> None:
    files, place = many_pictures(5), tmp_path / "pictures"
    shutil.copytree(export, place)
    secret = {"NUNBIT_TOKEN": TOKEN}
    with serving(place, "--name", "my birds", environment=secret) as served:
        served.headers = {"Authorization": f"Bearer {TOKEN}"}
        with calling(served, files, threads=4) as callers, served.client() as owner:
            for number in range(times):
                callers.wait_for(30 * (number + 1))
                shutil.rmtree(place)
                shutil.copytree(other_export if number % 2 == 0 else export, place)
                assert owner.post("/admin/reload").json()["reloaded"] is True
            callers.wait_for(callers.outcome.answered + 30)
        assert callers.outcome.other == []
        assert callers.outcome.not_taken == 0
        # Each picture has the answers of the two models, and no third.
        assert all(len(texts) <= 2 for texts in answers_by_picture(callers.outcome).values())
        assert len(callers.outcome.seen) > len(files)
        with served.client() as client:
            assert client.get("/v2/models/my%20birds").json()["name"] == "my birds"
            assert client.get("/v2/models/pictures").status_code == 404
            # An idle connection holds nothing up.
            assert served.end(signal.SIGINT) == 0
        assert counted(served) == {200: callers.outcome.answered}


@pytest.mark.parametrize("seconds", [0, pytest.param(300, marks=[slow])])
@pytest.mark.timeout(1200)
def test_random_mixtures_leave_it_as_it_was(export: Path, seconds: int) -> None:
    with serving(export, "--max-mebibytes", "1") as served:
        files = many_pictures(10)
        callers = [Mixture(served, files, seed=seed) for seed in range(3)]
        process = psutil.Process(served.process.pid)
        before, until = process.num_fds(), time.monotonic() + seconds

        def run(caller: Mixture) -> None:
            steps = 0
            while steps < 60 or time.monotonic() < until:
                caller.step()
                steps += 1

        threads = [threading.Thread(target=run, args=(caller,)) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [fault for caller in callers for fault in caller.faults] == []
        statuses = sum((caller.statuses for caller in callers), start=callers[0].statuses)
        assert {200, 413, 422} <= set(statuses)
        with served.client() as client:
            assert client.get("/ready").status_code == 200
            assert "nunbit_pictures_waiting 0.0" in client.get("/metrics").text
        for caller in callers:
            caller.close()
        # Connections of callers that have gone are closed when the server notices.
        while process.num_fds() > before:
            assert client.is_closed
            time.sleep(0.05)
        assert served.end() == 0
        assert served.other == []
