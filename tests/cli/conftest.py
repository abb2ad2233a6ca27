"""Stand-ins for what the commands call, so that their own work is tested alone and at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

FakeModule = Callable[..., ModuleType]


@pytest.fixture
def fake_module(monkeypatch: pytest.MonkeyPatch) -> FakeModule:
    """Put a module with the given attributes in place of a real one."""

    def fake(name: str, **attributes: object) -> ModuleType:
        module = ModuleType(name)
        for key, value in attributes.items():
            setattr(module, key, value)
        parent, _, leaf = name.rpartition(".")
        package = importlib.import_module(parent)  # with the real modules, which it may need
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(package, leaf, module, raising=False)
        return module

    return fake
