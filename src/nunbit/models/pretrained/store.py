"""Places of weight files on this machine, and what is said when one is missing.

Looked for in $NUNBIT_WEIGHTS or nunbit's own cache, then in the cache of the library that knows
the weights; only then downloaded.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import torch

from nunbit.errors import WeightsError
from nunbit.models.pretrained.reading import first_line

DOWNLOAD_TIMEOUT_SECONDS = 30.0
_DIGEST_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.[a-z]+$")


def weights_folder() -> Path:
    """The folder for files that the user brings, and for downloads from plain addresses."""
    chosen = os.environ.get("NUNBIT_WEIGHTS")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("nunbit")) / "weights"


@dataclass(frozen=True, kw_only=True)
class AddressedFile:
    """A file at a plain address, in torch's habit: a part of its SHA-256 stands in its name."""

    url: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]

    def here(self) -> Path | None:
        """The file in nunbit's folder or torch's cache."""
        places = (weights_folder(), Path(torch.hub.get_dir()) / "checkpoints")
        return next((p / self.name for p in places if (p / self.name).is_file()), None)

    def locate(self) -> Path:
        """The file, downloaded if need be. Raises WeightsError."""
        found = self.here() or self._download()
        if not _digest_of(found).startswith(self._digest):
            raise WeightsError(
                "the file of weights is damaged: its SHA-256 does not begin with "
                f"{self._digest}, as its name says",
                path=found,
                remedy="remove it, and it is fetched again; or put a whole copy there",
            )
        return found

    @property
    def _digest(self) -> str:
        found = _DIGEST_IN_NAME.search(self.name)
        return found[1] if found else ""

    def _download(self) -> Path:
        target = weights_folder() / self.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with impatient():
                # Written under another name and renamed when whole and of the right digest.
                torch.hub.download_url_to_file(
                    self.url, str(target), hash_prefix=self._digest or None, progress=False
                )
        except (OSError, RuntimeError) as error:
            raise missing(target, error, source=self.url) from None
        return target


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a model on the Hugging Face Hub."""

    repository: str
    file: str
    name: str
    """Name of the file where the user brings it: the Hub calls nearly all alike."""

    def here(self) -> Path | None:
        """The file in nunbit's folder or the Hub's cache."""
        from huggingface_hub import try_to_load_from_cache

        own = weights_folder() / self.name
        if own.is_file():
            return own
        cached = try_to_load_from_cache(self.repository, self.file)
        return Path(cached) if isinstance(cached, str) else None

    def locate(self) -> Path:
        """The file, downloaded if need be. Raises WeightsError."""
        from huggingface_hub import hf_hub_download

        if (found := self.here()) is not None:
            return found
        try:
            with impatient():
                return Path(hf_hub_download(self.repository, self.file))
        except Exception as error:  # the errors of three HTTP libraries, by the Hub's version
            source = f"{self.file} of {self.repository} on the Hugging Face Hub"
            raise missing(weights_folder() / self.name, error, source=source) from None


def missing(target: Path, error: Exception, *, source: str) -> WeightsError:
    """The error for a file that is not here and cannot be downloaded."""
    return WeightsError(
        f"the file of weights {target.name} is not here, and cannot be downloaded: "
        f"{first_line(error)}",
        path=target,
        remedy=f"fetch {source} on a connected machine and put it there under this name "
        "(NUNBIT_WEIGHTS names another folder)",
    )


@contextmanager
def impatient() -> Iterator[None]:
    """Give up on a connection that is silent for long; torch and the Hub wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
