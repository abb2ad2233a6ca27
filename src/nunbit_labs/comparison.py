"""Our number beside the published one, with a plain verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from markupsafe import Markup

from nunbit.formatting import count, duration
from nunbit_labs.i18n import LANGUAGES, Language, word

Unit: TypeAlias = Literal["", "%", "points"]
Goal: TypeAlias = Literal["equal", "higher", "lower"]
Verdict: TypeAlias = Literal[
    "agrees",
    "within-tolerance",
    "differs",
    "beaten",
    "reached",
    "spread",
    "short",
    "alone",
    "not-run",
    "quick",
]
COURSE = "course notes"


@dataclass(frozen=True)
class Published:
    """A number that others have reported, with where."""

    value: float | str | None
    """Fractions as 0.8693, not 86.93; text for an answer in words; None where there is none."""
    source: str = COURSE
    digits: int = 2
    """Decimals that were published; for fractions, decimals of the percentage."""
    unit: Unit = ""
    """'%' shows fractions as percentages, 'points' shows differences between fractions."""

    def shown(self, value: float) -> str:
        """A number in the published number's own form."""
        if self.unit == "%":
            return f"{100 * value:.{self.digits}f} %"
        if self.unit == "points":
            return f"{100 * value:+.{self.digits}f} points"
        if value and abs(value) < 10.0**-self.digits:
            return f"{value:.2e}"
        return f"{value:,.{self.digits}f}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One row of the table of results."""

    what: str
    """The experiment or quantity, in words."""
    published: Published
    ours: tuple[float, ...] | str | None
    """A number for each seed; text for an answer in words; None where it was not run."""
    goal: Goal
    tolerance: float | None
    """Permitted difference for `equal`; None for half a unit of the last published digit."""
    comparable: bool
    """False for a quick run of what needs a full one."""
    images: int | None
    """Test images that each of our numbers was measured on."""
    seconds: float | None
    """Total of all seeds."""
    remark: str

    @property
    def mean(self) -> float | None:
        """Mean of our numbers."""
        numbers = self._numbers
        return statistics.fmean(numbers) if numbers else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of our numbers over the seeds, from two on."""
        return statistics.stdev(self._numbers) if len(self._numbers) > 1 else None

    @property
    def verdict(self) -> Verdict:
        """Verdict that follows from the numbers."""
        published = self.published.value
        if self.ours is None:
            return "not-run"
        if published is None:
            return "alone"
        if not self.comparable:
            return "quick"
        if isinstance(published, str) or isinstance(self.ours, str):
            return "agrees" if self.ours == published else "differs"
        return self._equal() if self.goal == "equal" else self._against(published)

    def _equal(self) -> Verdict:
        if abs(self._gap) > self._tolerance:
            return "differs"
        return "agrees" if self.tolerance is None else "within-tolerance"

    def _against(self, published: float) -> Verdict:
        sign = 1 if self.goal == "higher" else -1
        gains = [sign * (value - published) for value in self._numbers]
        if min(gains) > 0 and len(gains) > 1:
            return "beaten"
        if statistics.fmean(gains) >= 0:
            return "reached"
        return "spread" if max(gains) >= 0 else "short"

    def verdict_in_words(self, language: Language) -> str:
        """The verdict, with the distance where there is one."""
        if self.verdict == "within-tolerance":
            return word(self.verdict, language, f"{self.tolerance:g}")
        if self.verdict not in ("differs", "short"):
            return word(self.verdict, language)
        if isinstance(self.ours, str) or not isinstance(self.published.value, int | float):
            return word("unequal", language)
        gap = abs(self._gap)
        if self.published.unit:
            points = word("points", language, f"{100 * gap:.2f}")
            return word(self.verdict, language, points)
        return word(self.verdict, language, f"{gap:.3g}")

    def published_in_words(self) -> str:
        """The published number or text."""
        value = self.published.value
        if value is None:
            return "–"
        return value if isinstance(value, str) else self.published.shown(value)

    def ours_in_words(self, language: Language) -> str:
        """Mean, spread and number of seeds."""
        if self.ours is None:
            return "–"
        if isinstance(self.ours, str):
            return self.ours
        assert self.mean is not None
        text = self.published.shown(self.mean)
        if len(self.ours) == 1:
            return text
        low, high = (self.published.shown(value) for value in (min(self.ours), max(self.ours)))
        seeds = f"n = {len(self.ours)} {word('seeds', language)}"
        if low == high:
            return f"{text} ({seeds})"
        assert self.spread is not None
        spread = self.published.shown(self.spread).partition(" ")[0].removeprefix("+")
        return f"{text} ± {spread} ({seeds}, {low} – {high})"

    def html(self, language: Language) -> Markup:
        """A table of one row."""
        return comparison_table([self], language)

    def plain(self) -> str:
        """One line."""
        line = (
            f"{self.what}: published {self.published_in_words()}, "
            f"ours {self.ours_in_words('en')}: {self.verdict_in_words('en')}"
        )
        return f"{line} ({self.remark})" if self.remark else line

    def to_dict(self) -> dict[str, Any]:
        """Content for result.json; `comparison_from` reads it."""
        published = self.published
        return {
            "what": self.what,
            "published": {
                "value": published.value,
                "source": published.source,
                "digits": published.digits,
                "unit": published.unit,
            },
            "ours": list(self.ours) if isinstance(self.ours, tuple) else self.ours,
            "goal": self.goal,
            "tolerance": self.tolerance,
            "comparable": self.comparable,
            "images": self.images,
            "seconds": self.seconds,
            "remark": self.remark,
            "verdict": self.verdict,
        }

    @property
    def _numbers(self) -> tuple[float, ...]:
        return self.ours if isinstance(self.ours, tuple) else ()

    @property
    def _gap(self) -> float:
        assert self.mean is not None
        assert isinstance(self.published.value, int | float)
        return self.mean - self.published.value

    @property
    def _tolerance(self) -> float:
        if self.tolerance is not None:
            return self.tolerance
        # Slightly more, for a number that lies exactly on the edge of the published digits.
        half = 0.5000001 * 10.0**-self.published.digits
        return half / 100 if self.published.unit else half


def comparison_from(content: dict[str, Any]) -> Comparison:
    """Read what `to_dict` wrote. Raises KeyError or TypeError for anything else."""
    fields = {key: value for key, value in content.items() if key != "verdict"}
    fields["published"] = Published(**fields["published"])
    if isinstance(fields["ours"], list):
        fields["ours"] = tuple(fields["ours"])
    return Comparison(**fields)


def comparison_table(rows: Sequence[Comparison], language: Language) -> Markup:
    """All rows as one table of the page."""
    from nunbit.reports.kit import Templates

    assert language in LANGUAGES
    return Templates("nunbit_labs").render(
        "page/comparisons",
        rows=[
            {
                "what": row.what,
                "published": row.published_in_words(),
                "source": word(COURSE, language)
                if row.published.source == COURSE
                else row.published.source,
                "ours": row.ours_in_words(language),
                "verdict": row.verdict_in_words(language),
                "kind": row.verdict,
                "details": _details(row, language),
                "remark": row.remark,
            }
            for row in rows
        ],
        words={key: word(key, language) for key in ("quantity", "published", "ours", "verdict")},
    )


def _details(row: Comparison, language: Language) -> str:
    parts = []
    if row.images:
        parts.append(
            count(row.images, "test image")
            if language == "en"
            else f"{word('images', language)} {row.images:,}"
        )
    if row.seconds:
        parts.append(duration(row.seconds))
    return " · ".join(parts)
