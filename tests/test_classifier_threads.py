"""One classifier that many threads ask: right answers, and nothing global changed."""

from __future__ import annotations

import ast
import gc
import random
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from torch import nn

import nunbit
from nunbit.backbone.graph import follow
from nunbit.models import create_model
from nunbit.models.mode import evaluation_mode
from tests.test_classifier import classifier, picture

THREADS = 8


def in_threads(work: Callable[[int], object]) -> None:
    """Call work(0) … work(THREADS - 1) at the same moment; the first failure is raised."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> None:
        barrier.wait(60)
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(begin, number) for number in range(THREADS)]:
            done.result()


def everything_global(model: nn.Module) -> dict[str, object]:
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "gradients": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "modes": [module.training for module in model.modules()],
        "random numbers": (
            torch.get_rng_state().tolist(),
            repr(np.random.get_state()),  # noqa: NPY002
            random.getstate(),
        ),
        "garbage": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "Pillow": (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS),
        "warnings": list(warnings.filters),
        "calls": (nn.Module.__call__, nn.Module.__getattr__),
    }


@pytest.mark.parametrize("training", [False, True])
def test_each_answer_belongs_to_its_picture(
    training: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nunbit.classifier.MANY_IMAGES", 5)  # some make the network faster
    ours = classifier(temperature=0.2)
    pictures = [np.full((33, 47, 3), (10 * n, 255 - 10 * n, n * n % 256), "u1") for n in range(24)]
    canvases = np.stack([ours.preprocess.canvas_from_array(one) for one in pictures])
    for _ in range(30):  # its statistics become those of the pictures, so that they tell them apart
        ours.model.train()(ours.deployed.images(torch.from_numpy(canvases)))
    ours.model.eval()
    expected = np.concatenate([ours.predict_proba(one) for one in pictures])
    # A mix-up must show: the pictures' answers differ by more than rounding.
    distance = np.abs(expected[:, None] - expected[None]).max(axis=2) + np.eye(24)
    assert distance.min() > 1e-4
    files = []
    for number, one in enumerate(pictures):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(one).save(files[-1])
    ours.model.train(training)
    before = everything_global(ours.model)

    def ask(thread: int) -> None:
        order = np.random.default_rng(thread).permutation(24)
        for some in np.split(order, [1, 2, 8, 18]):
            given = {
                0: [pictures[i] for i in some],
                1: [files[i].read_bytes() for i in some],
                2: [Image.fromarray(pictures[i]) for i in some],
                3: [files[i] for i in some],
            }[thread % 4]
            np.testing.assert_allclose(ours.predict_proba(given), expected[some], atol=1e-5)
        answers = ours.predict_files([files[i] for i in order[:7]])
        found = [answer.probabilities for answer in answers]
        np.testing.assert_allclose(found, expected[order[:7]], atol=1e-5)

    in_threads(ask)
    assert everything_global(ours.model) == before


def test_a_new_network_is_followed_while_others_answer() -> None:
    """torch.fx replaces the call of every module of the process for the time it follows one."""
    ours = classifier()
    image = picture(0)
    expected = ours.predict_proba(image)
    call = nn.Module.__call__

    def work(number: int) -> None:
        for _ in range(3):
            if number % 2:
                network = create_model("smallcnn", classes=2, channels=1, height=16, width=16)
                assert follow(network) is not None
            else:
                for _ in range(10):
                    np.testing.assert_allclose(ours.predict_proba(image), expected, atol=1e-6)

    in_threads(work)
    assert nn.Module.__call__ is call


def test_modes_come_back_when_the_last_thread_leaves() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Dropout(), nn.ReLU()))
    model[1].eval()
    before = [module.training for module in model.modules()]
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with evaluation_mode(model):
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with evaluation_mode(model):
        thread.start()
        assert inside.wait(60)
    assert not any(module.training for module in model.modules())
    leave.set()
    thread.join()
    assert [module.training for module in model.modules()] == before


def test_only_the_command_line_and_the_pipelines_tune_the_process() -> None:
    """Memory, garbage, threads: a library that is imported leaves them to its host."""
    tuning = {
        *("keep_freed_memory", "collect_garbage_rarely", "mallopt"),
        *("gc.set_threshold", "gc.freeze", "gc.disable"),
        *("torch.set_num_threads", "torch.set_num_interop_threads"),
    }
    source = Path(nunbit.__file__).parent
    calling = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in tuning:
                calling.add(path.relative_to(source).as_posix())
    calling.remove("training/speedups/process.py")
    assert {file.partition("/")[0] for file in calling} == {"cli", "pipelines"}
