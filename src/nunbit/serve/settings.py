"""Limits of a server, and where and for whom it listens."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from nunbit.errors import UsageError

MIN_TOKEN = 16
"""Characters; a shorter one could be guessed."""
MAX_NAME = 200
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one request, and of all of them together."""

    body_bytes: int = 64 << 20
    """Bytes of one request, counted as they come and before anything is parsed."""
    buffered_bytes: int = 256 << 20
    """Bytes of the bodies of all requests that are held in memory at a time."""
    files: int = 64
    """Pictures in one request."""
    pixels: int = 25_000_000
    """Pixels of one picture, by its header, before it is decoded."""
    waiting: int = 256
    """Pictures that are decoded or wait for an answer at a time."""
    requests: int = 256
    """Requests that are worked on at a time."""
    seconds: float = 30.0
    """Time of one request, from its first line to its answer."""
    wait_seconds: float = 0.002
    """Time for which a picture waits for others that are being decoded, to share a pass with
    them."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Rules on who may ask: address, token, and the names that the server goes by."""

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    """Text that callers send as `Authorization: Bearer TOKEN`; None on loopback only."""
    names: tuple[str, ...] = ()
    """Further names in addresses by which callers reach the server, such as a proxy's."""


def check_access(access: Access) -> None:
    """Raise UsageError where a server would be open to everybody, or its token is a poor one."""
    token = access.token
    if token is None and not is_loopback(access.host):
        raise UsageError(
            f"{access.host} can be reached from other computers, and no token is given",
            remedy="set NUNBIT_TOKEN (or --token) to a secret of at least "
            f"{MIN_TOKEN} characters, or leave --host out",
        )
    if token is not None and (len(token) < MIN_TOKEN or not _is_plain(token)):
        raise UsageError(
            f"a token has at least {MIN_TOKEN} characters: letters, digits and signs, no spaces",
            remedy="python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one",
        )


def check_name(name: str) -> str:
    """The name that a model is served under. Raises UsageError for what no address can hold."""
    if not name or len(name) > MAX_NAME or "/" in name or not name.isprintable():
        raise UsageError(
            f"a model's name has 1 to {MAX_NAME} printable characters and no slash",
            remedy="give one with --name",
        )
    return name


def is_loopback(host: str) -> bool:
    """Tell whether only this computer reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_plain(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token
