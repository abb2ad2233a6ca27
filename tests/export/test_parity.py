"""The gate finds where an export departs: it is tried with exports that are wrong on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from nunbit.errors import ExportError, UnusableImage
from nunbit.export.parity import Canvas, Engine, Gate, Parity, RawFile, check_parity

FILES = [RawFile(name=f"{number}.bin", data=bytes([number])) for number in range(40)]


def canvas(data: bytes) -> Canvas:
    if data[0] == 7:
        raise UnusableImage("seven")
    return np.full((2, 2, 1), data[0], dtype=np.uint8)


def answer(canvases: list[Canvas]) -> np.ndarray:
    values = np.array([float(c.mean()) for c in canvases]) / 100
    return np.stack([values, 1 - values], axis=1)


def parity_of(**changes: object) -> Parity:
    same = {"name": "other", "canvas": canvas, "answer": answer}
    gate = Gate(Engine(name="nunbit", canvas=canvas, answer=answer), [Engine(**(same | changes))])  # type: ignore[arg-type]
    (result,) = gate.run(FILES)
    return result


def test_equal_engines_pass() -> None:
    result = parity_of()
    assert (result.files, result.unusable, result.canvases_equal) == (40, 1, 39)
    assert result.greatest_difference == result.mean_difference == 0
    check_parity([result])


def test_another_network_is_found() -> None:
    result = parity_of(answer=lambda canvases: answer(canvases) + np.array([0.002, -0.002]))
    assert result.greatest_difference == pytest.approx(0.002)
    assert result.mean_difference == pytest.approx(0.002)
    assert {row["step"] for row in result.departures} == {"network"}
    with pytest.raises(ExportError, match=r"answers 39 of 40 files differently.*\n.*0.bin: net"):
        check_parity([result])


def test_answers_that_are_not_numbers_are_found() -> None:
    result = parity_of(answer=lambda canvases: answer(canvases) * np.nan)
    assert len(result.departures) == 39
    with pytest.raises(ExportError, match="answers 39 of 40 files differently"):
        check_parity([result])


def test_other_canvases_are_found_even_where_the_answer_is_the_same() -> None:
    result = parity_of(
        canvas=lambda data: canvas(data) + (data[0] == 3), answer=lambda c: answer(c) * 0 + 0.5
    )
    assert any(
        row["file"] == "3.bin" and row["step"] == "decode or resize" for row in result.departures
    )


def test_a_file_that_only_one_refuses_is_found() -> None:
    def tolerant(data: bytes) -> Canvas:
        return np.full((2, 2, 1), data[0], dtype=np.uint8)

    result = parity_of(canvas=tolerant)
    assert result.departures == [
        {"file": "7.bin", "step": "decode", "what": "only nunbit refuses it: seven"}
    ]


def test_an_engine_that_may_decode_otherwise_is_only_measured() -> None:
    result = parity_of(canvas=lambda data: canvas(data) ^ 1, exact_canvases=False)
    assert (result.canvases_equal, result.greatest_level) == (0, 1)
    assert result.greatest_difference == pytest.approx(0.01)
    check_parity([result])
