"""The engine without HTTP: who shares a pass, what an answer depends on, and how it ends."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nunbit.data.preprocess import Preprocess
from nunbit.errors import UnusableImage
from nunbit.predictor import Canvas, Predictor
from nunbit.serve.batch_sizes import exact_batch_sizes
from nunbit.serve.engine import Engine, EngineStopped
from nunbit.serve.kit import KitAnswers
from nunbit.serve.model import ServedModel, load_model
from tests.serve.server import LONG

CONTRACT = Preprocess(height=8, width=8, channels=3, mean=(0.5,) * 3, std=(0.2,) * 3)


class Mean(Predictor):
    """The mean of a canvas and the rest; each pass waits until the test lets it go."""

    classes = ("dark", "bright")
    preprocess = CONTRACT
    thresholds: dict[str, float] = {}  # noqa: RUF012
    operating_point = None

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()

    def _probabilities(self, canvases: Sequence[Canvas], *, of: int) -> NDArray[np.float64]:
        self.begun.set()
        assert self.go.wait(LONG)
        self.sizes.append(len(canvases))
        bright = np.array([canvas.mean() / 255 for canvas in canvases])
        return np.stack([1 - bright, bright], axis=1)


def model_of(predictor: Predictor, sizes: tuple[int, ...] = (4, 2, 1)) -> ServedModel:
    return ServedModel(
        name="mean",
        version="",
        architecture="",
        predictor=predictor,
        reading=predictor.preprocess,
        batch_sizes=sizes,
        kit=KitAnswers(files=0, recorded=False),
    )


def engine_of(predictor: Predictor, sizes: tuple[int, ...] = (4, 2, 1), **how: Any) -> Engine:
    given = {"on_failure": lambda _: None, "on_batch": lambda _: None, **how}
    return Engine(model_of(predictor, sizes), wait_seconds=0.0, **given)


def grey(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (10, 10), (value,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("sizes", "passes"),
    [((4, 2, 1), [1, 4, 4, 1]), ((8, 4, 2, 1), [1, 8, 1]), ((2, 1), [1, 2, 2, 2, 2, 1])],
)
def test_those_who_wait_share_passes_of_the_sizes_that_are_exact(
    sizes: tuple[int, ...], passes: list[int]
) -> None:
    predictor = Mean()
    predictor.go.clear()
    engine = engine_of(predictor, sizes)
    canvases = [np.full((8, 8, 3), value, np.uint8) for value in range(10)]
    first = engine.submit_canvas(canvases[0])
    assert predictor.begun.wait(LONG)  # alone in its pass; the others come meanwhile
    others = [engine.submit_canvas(canvas) for canvas in canvases[1:]]
    predictor.go.set()
    rows = [asked.result(LONG) for asked in (first, *others)]
    engine.close()
    assert [row[1] for row in rows] == [value / 255 for value in range(10)]
    assert predictor.sizes == passes


def test_each_file_gets_its_own_answer_or_reason() -> None:
    engine = engine_of(Mean())
    asked = {value: engine.submit_file(grey(value)) for value in range(0, 256, 15)}
    bad = engine.submit_file(b"a text")
    assert {v: round(255 * a.result(LONG)[1]) for v, a in asked.items()} == {v: v for v in asked}
    with pytest.raises(UnusableImage, match="not an image"):
        bad.result(LONG)
    engine.close()
    with pytest.raises(EngineStopped):
        engine.submit_file(grey(0))


def test_closing_answers_what_was_asked() -> None:
    predictor = Mean()
    engine = engine_of(predictor)
    asked = [engine.submit_file(grey(7)) for _ in range(50)]
    engine.close()
    assert all(each.done() for each in asked)
    assert {round(255 * each.result()[1]) for each in asked} == {7}


def test_who_gives_up_is_not_answered() -> None:
    predictor = Mean()
    predictor.go.clear()
    engine = engine_of(predictor)
    first = engine.submit_canvas(np.zeros((8, 8, 3), np.uint8))
    assert predictor.begun.wait(LONG)
    given_up = engine.submit_canvas(np.zeros((8, 8, 3), np.uint8))
    assert given_up.cancel()
    predictor.go.set()
    first.result(LONG)
    engine.close()
    assert predictor.sizes == [1]


class Broken(Mean):
    def _probabilities(self, canvases: Sequence[Canvas], *, of: int) -> NDArray[np.float64]:
        super()._probabilities(canvases, of=of)
        raise RuntimeError("the kernel is broken")


def test_a_broken_network_ends_the_engine_and_leaves_nobody_waiting() -> None:
    predictor, failures = Broken(), []
    predictor.go.clear()
    engine = engine_of(predictor, on_failure=failures.append)
    asked = [engine.submit_canvas(np.zeros((8, 8, 3), np.uint8))]
    assert predictor.begun.wait(LONG)
    asked += [engine.submit_canvas(np.zeros((8, 8, 3), np.uint8)) for _ in range(9)]
    predictor.go.set()
    for each in asked:
        with pytest.raises(EngineStopped):
            each.result(LONG)
    (failure,) = failures
    assert str(failure) == "the kernel is broken"
    with pytest.raises(EngineStopped):
        engine.submit_file(grey(1))


class NotANumber(Mean):
    def _probabilities(self, canvases: Sequence[Canvas], *, of: int) -> NDArray[np.float64]:
        rows = super()._probabilities(canvases, of=of)
        rows[rows[:, 1] == 0] = np.nan
        return rows


def test_an_answer_that_is_not_a_number_is_a_reason() -> None:
    engine = engine_of(NotANumber())
    dark, bright = engine.submit_file(grey(0)), engine.submit_file(grey(255))
    with pytest.raises(UnusableImage, match="not finite"):
        dark.result(LONG)
    assert bright.result(LONG)[1] == 1
    engine.close()


def test_sizes_that_change_an_answer_are_found() -> None:
    """Networks whose sums come out otherwise in some batches, as kernels' sums do."""

    def outputs(canvases: Sequence[Canvas]) -> NDArray[np.float64]:
        total = np.array([[canvas.sum(dtype=np.float64) / 3] for canvas in canvases])
        if len(canvases) == 8:
            total[-1] = np.nextafter(total[-1], np.inf)  # at one place of one size
        return total

    assert exact_batch_sizes(outputs, CONTRACT) == (4, 2, 1)
    assert exact_batch_sizes(lambda some: outputs(some) * len(some), CONTRACT) == (1,)
    assert exact_batch_sizes(lambda some: outputs(some[:1] * len(some)), CONTRACT) == (1,)


def test_answers_do_not_depend_on_who_shares_the_pass(
    export: Path, pictures: dict[str, bytes]
) -> None:
    """To the bit, of an exported network, at whatever sizes are exact here."""
    model = load_model(export, name=None, max_pixels=25_000_000)
    sizes: list[int] = []
    # It never waits so long: only while others are being decoded.
    engine = Engine(model, wait_seconds=60, on_failure=lambda _: None, on_batch=sizes.append)
    alone = {name: engine.submit_file(data).result(LONG) for name, data in pictures.items()}
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(sorted(pictures))
        asked = {name: engine.submit_file(pictures[name]) for name in order}
        for name, answer in asked.items():
            assert np.array_equal(answer.result(LONG), alone[name]), name
    engine.close()
    assert sum(sizes) == 6 * len(pictures)
    assert max(sizes) == model.batch_sizes[0]


def test_a_bundle_is_served_on_torch(export: Path, pictures: dict[str, bytes]) -> None:
    """Its answers are those of its export, within float32, and exact whoever shares the pass."""
    found = []
    for folder in (export, export.parent / "model"):
        model = load_model(folder, name=None, max_pixels=25_000_000)
        engine = engine_of(model.predictor, model.batch_sizes)
        alone = engine.submit_file(pictures["png_rgb.png"]).result(LONG)
        together = [engine.submit_file(pictures["png_rgb.png"]) for _ in range(9)]
        assert all(np.array_equal(each.result(LONG), alone) for each in together)
        engine.close()
        found.append(alone)
    assert found[0] == pytest.approx(found[1], abs=1e-5)
    assert (model.kit.recorded, model.architecture, model.name) == (
        False,
        "smallcnn",
        export.parent.name,
    )
