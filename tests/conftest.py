"""What all tests share: no network, no traces outside their own folders, real images on request."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("nunbit", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("nunbit"), derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "nunbit")

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Caches of the tests, and of the processes they start, end with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUNBIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("user-cache")))
        patch.setenv("MPLBACKEND", "agg")
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.delenv("NUNBIT_DATA", raising=False)
        for variable in ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"):  # read by Rich
            patch.delenv(variable, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """A connection to another machine is an error; processes on this one may talk."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        is_local = isinstance(address, tuple) and address[0] in ("127.0.0.1", "::1", "localhost")
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local:
            raise OSError(f"a test tried to reach the network: {address}")
        connect(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(scope="session")
def fashion_mnist() -> Path:
    """Folder of the real Fashion-MNIST; a test that needs it is skipped without it.

    With NUNBIT_REQUIRE_REAL_DATA=1, as in CI, it fails instead.
    """
    folder = Path(os.environ.get("NUNBIT_DATA", "")) / "fashion-mnist"
    for candidate in (folder, FASHION_MNIST):
        if candidate.is_dir():
            return candidate
    message = f"Fashion-MNIST is not in {FASHION_MNIST} (Debian: dataset-fashion-mnist)"
    if os.environ.get("NUNBIT_REQUIRE_REAL_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)
