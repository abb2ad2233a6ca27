"""Problems of a request, as the caller reads them: a status, a code, and what to do."""

from __future__ import annotations

from nunbit.errors import UnusableImage
from nunbit.serve.answers import to_json

_ENORMOUS = "enormous"
"""First word of `UnusableImage` about too many pixels."""


class Problem(Exception):
    """One request cannot be answered; the server goes on."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        remedy: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Say what is wrong.

        Args:
            status: of HTTP.
            code: the reason in one word of a closed set, for programs and for counting.
            message: for people.
            remedy: what the caller can do.
            headers: further ones of the answer.
        """
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.remedy, self.headers = remedy, headers or {}

    @property
    def body(self) -> bytes:
        """JSON: error, code, what_to_do."""
        said = {"error": self.message, "code": self.code, "what_to_do": self.remedy}
        return to_json(said)


def unusable(error: UnusableImage, *, which: str = "the picture") -> Problem:
    """The problem of a picture that cannot be decoded."""
    if error.what.startswith(_ENORMOUS):
        return Problem(
            413,
            "too_many_pixels",
            f"{which} is {error.what}",
            remedy="make the picture smaller and send it again",
        )
    return Problem(
        422,
        "unusable_picture",
        f"{which} cannot be used: {error.what}",
        remedy="send the bytes of one whole picture file, such as a JPEG or a PNG",
    )


def too_large(limit: int) -> Problem:
    """The problem of a body beyond the limit."""
    return Problem(
        413,
        "too_many_bytes",
        f"the request has more than {limit / 2**20:g} MiB",
        remedy="send fewer or smaller pictures at a time",
        headers={"Connection": "close"},
    )


def wrong_kind(message: str, remedy: str) -> Problem:
    """The problem of a body of another type than the address takes."""
    return Problem(415, "wrong_content_type", message, remedy=remedy)


def malformed(message: str, remedy: str) -> Problem:
    """The problem of a body that does not say what it should."""
    return Problem(422, "malformed_request", message, remedy=remedy)


def too_busy(what: str, *, seconds: int = 1) -> Problem:
    """The problem of a server that has enough to do."""
    return Problem(
        429,
        "too_busy",
        what,
        remedy="wait as long as Retry-After says and send it again",
        headers={"Retry-After": str(seconds)},
    )


def not_ready(status: str) -> Problem:
    """The problem of a server that is loading or ending."""
    return Problem(
        503,
        "not_ready",
        f"the server is {status}",
        remedy="wait as long as Retry-After says and send it again; /ready tells when",
        headers={"Retry-After": "1"},
    )


def too_slow(seconds: float, *, body_came: bool) -> Problem:
    """The problem of a request that took longer than it may."""
    if not body_came:
        return Problem(
            408,
            "slow_request",
            f"the request did not come within {seconds:g} s",
            remedy="send it faster, or fewer pictures at a time",
            headers={"Connection": "close"},
        )
    return Problem(
        503,
        "too_slow",
        f"there was no answer within {seconds:g} s",
        remedy="wait as long as Retry-After says and send it again, or send fewer pictures",
        headers={"Retry-After": "5"},
    )
