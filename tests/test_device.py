"""Devices by name."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch
from torch import nn

from nunbit.device import MAX_LINEAR_INPUTS, fast_precision, resolve_device
from nunbit.errors import UsageError


@pytest.mark.parametrize("name", ["", "cup", "cuda:99", "meta"])
def test_a_device_that_cannot_compute_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"the device '{name}' cannot be used") as caught:
        resolve_device(name)
    assert "\n" not in caught.value.what
    assert "--device cpu" in caught.value.remedy


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_a_device_that_is_there_is_taken(name: str) -> None:
    assert resolve_device(name).type


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the C library of GNU")
def test_freed_memory_is_used_again() -> None:
    measured = """
import resource, sys
import numpy as np
from nunbit.training.speedups.process import keep_freed_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.empty(64 << 20, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

first = faults()
assert keep_freed_memory()
faults()
print(first, faults())
"""
    # In a process of its own: what is set here stays set.
    done = subprocess.run([sys.executable, "-c", measured], check=True, capture_output=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 100


@pytest.mark.parametrize(
    ("layer", "units", "expected"),
    [
        (nn.Conv2d(8, 16, 3), True, "bfloat16"),
        (nn.Conv2d(8, 16, 3), False, "float32"),
        (nn.Conv2d(1, 16, 3), True, "bfloat16"),  # one channel is not one kernel per channel
        (nn.Conv2d(8, 8, 3, groups=8), True, "float32"),
        (nn.Conv2d(8, 8, 3, groups=2), True, "bfloat16"),
        (nn.Linear(9216, 10), True, "bfloat16"),
        (nn.Linear(MAX_LINEAR_INPUTS + 1, 2), True, "float32"),
    ],
)
def test_a_cpu_computes_in_bfloat16_what_its_matrix_units_are_for(
    layer: nn.Module, units: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nunbit.device._has_matrix_units", lambda: units)
    model = nn.Sequential(nn.Identity(), layer)
    assert fast_precision(torch.device("cpu"), model) == expected
