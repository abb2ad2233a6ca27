from __future__ import annotations

import json
from pathlib import Path

import pytest

from nunbit.cli import main
from tests.pipelines.finished_runs import write_images, write_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two runs, of which the second is better, and a third with other test images."""
    home = tmp_path_factory.mktemp("runs")
    data = write_images(home / "insects")
    vgg = {"model.name": "vgg16"}
    return [
        str(write_run(home / "a", data, wrong=range(20))),
        str(write_run(home / "b", data, wrong=[50], settings=vgg)),
        str(write_run(home / "c", data, test=range(30), settings=vgg)),
    ]


def test_the_runs_are_a_table_and_the_verdict_a_sentence(runs: list[str], capsys: Captured) -> None:
    assert main(["compare", *runs[:2]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("run", "right", "accuracy", "(95", "%)"),
        *("parameters", "model", "images/s", "training"),
    ]
    assert lines[1].split()[:4] == ["a", "40", "of", "60"]
    assert lines[1].split()[-5:] == ["1,234", "–", "–", "12", "s"]
    assert lines[2].split()[:4] == ["b", "59", "of", "60"]
    assert lines[4].startswith("b is better than a: 31.7 points (")
    assert lines[5:] == [f"The speed of {name} is not known: its model is gone." for name in "ab"]


def test_a_page_is_written_once(runs: list[str], tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "page.html"
    assert main(["compare", *runs[:2], "--out", str(out)]) == 0
    assert f"page: {out}" in capsys.readouterr().out
    assert "nunbit compare" in out.read_text(encoding="utf-8")
    assert main(["compare", *runs[:2], "--out", str(out)]) == 2
    assert "--out names something that exists already" in capsys.readouterr().err


def test_json_stands_alone_on_stdout(runs: list[str], capsys: Captured) -> None:
    assert main(["compare", *runs[:2], "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["pairs"][0]["better"] == "b"
    assert len(content["pairs"][0]["only_second_right"]) == 20


def test_quiet_prints_nothing(runs: list[str], capsys: Captured) -> None:
    assert main(["compare", *runs[:2], "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_what_cannot_be_compared_is_one_short_block(runs: list[str], capsys: Captured) -> None:
    assert main(["compare", runs[0], runs[2]]) == 2
    said = capsys.readouterr().err
    assert "error: the runs were not tested on the same images: 30 of the 60" in said
    assert "what to do: train them with the parts of one run" in said
    assert main(["compare", runs[0]]) == 2
    assert "error: a comparison needs at least two runs" in capsys.readouterr().err
