from __future__ import annotations

from tests.labs.small import small_course

__all__ = ["small_course"]
