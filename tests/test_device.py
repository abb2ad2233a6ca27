"""Devices by name."""

from __future__ import annotations

import pytest

from nunbit.device import resolve_device
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
