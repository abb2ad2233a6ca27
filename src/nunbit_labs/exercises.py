"""Exercises: checking an answer by running a test on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from markupsafe import Markup

from nunbit_labs.i18n import Language, word

State: TypeAlias = Literal["right", "wrong", "open"]
SIGNS: dict[State, str] = {"right": "✓", "wrong": "✗", "open": "○"}


@dataclass(frozen=True, kw_only=True)
class CheckedAnswer:
    """Result of checking one answer."""

    name: str
    state: State
    message: str = ""
    """Explanation of what is wrong, or what to do."""

    def html(self, language: Language) -> Markup:
        """One line."""
        return Markup('<p class="checked {}"><strong>{} {} {}</strong>: {}{}</p>').format(
            self.state,
            SIGNS[self.state],
            word("exercise", language),
            self.name,
            word(self.state, language),
            f". {self.message}" if self.message else "",
        )

    def plain(self) -> str:
        """One line."""
        verdict = f"{SIGNS[self.state]} exercise {self.name}: {word(self.state, 'en')}"
        return f"{verdict}. {self.message}" if self.message else verdict


def check(name: str, answer: Any, test: Callable[[Any], object]) -> CheckedAnswer:
    """Check an answer by a test.

    Args:
        name: of the exercise.
        answer: the learner's; None or ... where there is none yet.
        test: gets the answer; says with an AssertionError, or by returning False or a text, that
            it is wrong. An error of another kind counts as wrong, too, because it comes from an
            answer of another kind than was asked for.
    """
    if answer is None or answer is ...:
        return CheckedAnswer(name=name, state="open")
    try:
        verdict = test(answer)
    except AssertionError as error:
        return CheckedAnswer(name=name, state="wrong", message=str(error))
    except Exception as error:  # the learner's code may fail in any way
        return CheckedAnswer(name=name, state="wrong", message=f"{type(error).__name__}: {error}")
    if isinstance(verdict, str) and verdict:
        return CheckedAnswer(name=name, state="wrong", message=verdict)
    return CheckedAnswer(name=name, state="wrong" if verdict is False else "right")
