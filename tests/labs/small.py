"""A small lab of the tests' own, in a folder that takes the course's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from nunbit_labs import course

LAB = """\
# ---
# jupyter:
#   nunbit:
#     minutes: 2
#     quick_seconds: 3
# ---

# %% [markdown]
# # 07 · A small lab
#
# What it is about, with $x^2$.

# %%
from nunbit_labs import Published, open_lab

lab = open_lab("07_small")
print("first")
lab.seeds(5, quick=2)

# %% [markdown]
# ## The part
#
# > **Predict first.** `code`?

# %% tags=["hide-input"]
lab.compare("two", 1 + 1, Published(2, digits=0), comparable=True)
lab.compare("accuracy", [0.9, 0.92], Published(0.95, digits=1, unit="%"), goal="higher")

# %% exercise="sum"
answer = None

# %%
lab.check("sum", answer, lambda value: value == 4)
"""
KOREAN = """\
# 07 · 작은 실습

무엇을 다루는지, $x^2$.

+++

## 부분

> **먼저 예측해 보세요.** `code`?
"""
SOLUTION = """\
# %% [markdown]
# Two and two.

# %% exercise="sum"
answer = 2 + 2
"""
NAME = "07_small"


def write_small_lab(
    folder: Path, *, lab: str = LAB, korean: str = KOREAN, solution: str = SOLUTION
) -> Path:
    """The lab with its translation and solution."""
    for place, content in {
        f"{NAME}.py": lab,
        f"ko/{NAME}.md": korean,
        f"solutions/{NAME}.py": solution,
        f"ko/solutions/{NAME}.md": "2 더하기 2.\n",
    }.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def small_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one lab, and a working folder of its own."""
    folder = write_small_lab(tmp_path / "course")
    monkeypatch.setattr(course, "PACKAGED", folder)
    monkeypatch.chdir(tmp_path)
    return folder
