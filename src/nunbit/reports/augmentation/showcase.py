"""Every operation there is, with its usual parameters, for looking at."""

from __future__ import annotations

from nunbit.data.augment import COMBINATIONS, MIXINGS, OPERATIONS, Augmentation, Operation
from nunbit.errors import ConfigError


def showcase() -> tuple[Augmentation, tuple[str, ...]]:
    """All operations, and what had to be left out and why.

    An operation that needs a package which is not installed is left out.
    """
    operations: list[Operation] = []
    missing = []
    for kind in OPERATIONS.values():
        try:
            operations.append(kind())
        except ConfigError as error:
            missing.append(f"{error.what}; {error.remedy}")
    parts = tuple(OPERATIONS[name](probability=1.0) for name in ("horizontal-flip", "rotation"))
    operations += [kind(operations=parts) for kind in COMBINATIONS.values()]
    everything = Augmentation(
        name="all",
        assumption="nothing: this is every operation there is, to choose from",
        operations=tuple(operations),
        mixing=tuple(kind() for kind in MIXINGS.values()),
    )
    return everything, tuple(missing)
