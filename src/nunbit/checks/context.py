"""Context shared by all checks of one data set, each part made once. N samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from nunbit.checks.measurements.embedding import EmbeddingObserver, Features
from nunbit.checks.measurements.observer import Observer
from nunbit.checks.measurements.properties import Properties, properties
from nunbit.data.decoding import Frame
from nunbit.data.inspect import Inspection
from nunbit.data.near_duplicates import HashObserver, NearDuplicates, near_duplicates
from nunbit.progress import SILENT, Progress
from nunbit.types import Samples

Seen = TypeVar("Seen", bound=Observer)


@dataclass(frozen=True, kw_only=True)
class Context:
    """The data, the limits that the user may set, and what the pass over the pixels gathered."""

    samples: Samples
    """Everything that was found."""
    inspection: Inspection
    """Inspection of the files' bytes and headers."""
    reasons: Sequence[str]
    """[N] '' for a usable sample, else why not, after decoding."""
    max_bad_fraction: float = 0.05
    """Fraction of unusable images above which they are an error."""
    test_fraction: float = 0.2
    """Fraction that a new split would test with, where the data give no test part."""
    input_size: tuple[int, int] | None = None
    """Height and width of the network's input; None takes the median image."""
    frame: Frame = "first"
    """Frame of several that the input contract takes."""
    observers: Sequence[Observer] = ()
    """Observers that have looked at every usable image; none before the pass, nor in the quick
    check."""
    progress: Progress = SILENT

    def seen(self, kind: type[Seen]) -> Seen:
        """The observer of a type, after the pass.

        Raises LookupError where the check's `observers` did not ask for one.
        """
        for observer in self.observers:
            if isinstance(observer, kind):
                return observer
        raise LookupError(f"no {kind.__name__} looked at the images")

    @cached_property
    def properties(self) -> Properties:
        """Format, size, date, camera and folder of the usable files."""
        return properties(self.samples, self.inspection, self.reasons)

    @cached_property
    def near_duplicates(self) -> NearDuplicates:
        """Pairs of copies among the images; wants a `HashObserver`."""
        return near_duplicates(self.seen(HashObserver).signatures(), progress=self.progress)

    @cached_property
    def features(self) -> Features:
        """Embedding that measures which images are alike; set for checks that need one."""
        return self.seen(EmbeddingObserver).features()
