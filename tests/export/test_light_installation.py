"""`pip install nunbit` alone, in an empty environment: small, without torch, and it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

import nunbit
from tests.end_to_end.commands import nunbit as run_nunbit
from tests.serve.server import serving
from tests.surface.readme import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MAX_BYTES = 280e6
"""Of the whole environment, pip included."""


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the built wheel, and what it asks for."""
    place = tmp_path_factory.mktemp("light")
    quiet = ("--quiet", "--disable-pip-version-check")
    wheel = ("wheel", *quiet, "--no-deps", "--wheel-dir", str(place), str(ROOT))
    subprocess.run([sys.executable, "-m", "pip", *wheel], check=True, timeout=300)
    venv.create(place / "env", with_pip=True)
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    (built,) = place.glob("nunbit-*.whl")
    in_light(place / "env", "-m", "pip", "install", *quiet, *constraints, str(built))
    return place / "env"


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export, carried away from the run that it comes from."""
    place = tmp_path_factory.mktemp("trained")
    settings = ("--model", "lenet5", "--epochs", "1")
    run_nunbit(
        "train", "digits", *settings, "--out", "run", "--quiet", cwd=place, cache=place / "cache"
    )
    run_nunbit("export", "run", "--quiet", cwd=place, cache=place / "cache")
    return place / "run-onnx"


def in_light(
    env: Path, *arguments: str, code: int = 0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    python = env / ("Scripts" if os.name == "nt" else "bin") / "python"
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *arguments],
        capture_output=True,
        text=True,
        env=kept,
        cwd=cwd,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def test_it_is_small_and_without_torch(light: Path) -> None:
    files = (path for path in light.rglob("*") if path.is_file() and not path.is_symlink())
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    done = in_light(light, "-m", "pip", "list", "--format", "json")
    names = {package["name"].lower() for package in json.loads(done.stdout)}
    assert "nunbit" in names
    assert not names & {"torch", "torchvision", "timm", "scipy", "scikit-learn", "matplotlib"}


def test_its_answers_are_those_of_the_run(light: Path, export: Path) -> None:
    expected = json.loads((export / "conformance/expected.json").read_text(encoding="utf-8"))
    rows = [row for row in expected["files"] if "label" in row]
    files = [str(export / "conformance" / row["file"]) for row in rows]
    code = (
        "import json, sys, nunbit\n"
        "classifier = nunbit.load(sys.argv[1])\n"
        "print(json.dumps(classifier.predict_proba(sys.argv[2:]).tolist()))\n"
    )
    got = np.array(json.loads(in_light(light, "-c", code, str(export), *files).stdout))
    assert np.abs(got - np.array([row["probabilities"] for row in rows])).max() < 1e-5
    run = nunbit.load(export.parent / "run")
    assert np.abs(got - run.predict_proba(files)).max() < 1e-5


def test_commands_that_use_a_model_work(light: Path, export: Path, tmp_path: Path) -> None:
    picture = str(export / "conformance/png_rgb.png")
    done = in_light(light, "-m", "nunbit", "predict", str(export), picture, cwd=tmp_path)
    assert "png_rgb.png" in done.stdout
    in_light(light, "-m", "nunbit", "--help")


def test_a_command_that_trains_says_what_it_needs(light: Path, tmp_path: Path) -> None:
    done = in_light(light, "-m", "nunbit", "train", "digits", code=2, cwd=tmp_path)
    assert "python -m pip install 'nunbit[train]'" in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_server_needs_one_extra_more(light: Path, export: Path) -> None:
    (built,) = light.parent.glob("nunbit-*.whl")
    quiet = ("--quiet", "--disable-pip-version-check")
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    in_light(light, "-m", "pip", "install", *quiet, *constraints, f"{built}[serve]")
    done = in_light(light, "-m", "pip", "list", "--format", "json")
    assert "torch" not in {package["name"].lower() for package in json.loads(done.stdout)}
    python = light / ("Scripts" if os.name == "nt" else "bin") / "python"
    picture = (export / "conformance/png_rgb.png").read_bytes()
    expected = nunbit.load(export).predict_proba([picture])[0]
    # PYTHONPATH would bring this checkout's modules.
    alone = {"PYTHONPATH": ""}
    with serving(export, before="import sys\n", environment=alone, python=python) as served:
        with served.client() as client:
            said = client.post("/predict", content=picture, params={"top_k": 10}).json()
            assert client.get("/").status_code == 200
        assert served.end() == 0
    scores = {row["label"]: row["score"] for row in said}
    assert np.abs([scores[str(k)] for k in range(10)] - expected).max() < 1e-5
