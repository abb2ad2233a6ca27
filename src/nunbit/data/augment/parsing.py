"""Reading an augmentation: a preset by name, or a TOML file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nunbit.data.augment.mixing import Mixing
from nunbit.data.augment.operation import Operation
from nunbit.data.augment.parameters import Rule, rules
from nunbit.data.augment.presets import PRESETS, Augmentation
from nunbit.data.augment.registry import COMBINATIONS, MIXINGS, OPERATIONS
from nunbit.documents import DocumentError, read_toml
from nunbit.errors import ConfigError
from nunbit.formatting import quoted
from nunbit.suggest import suggest

_KINDS = {**OPERATIONS, **COMBINATIONS, **MIXINGS}


def load_augmentation(preset: str) -> Augmentation:
    """Load a preset by name, or a TOML file of `[[operations]]` tables: `name` and parameters.

    Tables of `compose` and `one-of` hold `operations` of their own; mixing comes last; the file
    may state its `assumption`.

    Raises:
        ConfigError: for an unknown preset, operation or parameter, and an impossible value.
    """
    if preset in PRESETS:
        return PRESETS[preset]
    path = Path(preset)
    if not path.is_file():
        raise ConfigError(
            f"there is no augmentation preset '{preset}'",
            remedy=suggest(
                preset,
                PRESETS,
                rest=f"presets: auto, {', '.join(PRESETS)}; or give a TOML file",
            ),
        )
    content = _read(path)
    assumption = content.pop("assumption", "stated by its author")
    tables = content.get("operations")
    if len(content) != 1 or not isinstance(tables, list) or not tables:
        found = ", ".join(content) or "nothing"
        raise ConfigError(
            f"the augmentation file holds {found}, not [[operations]] alone",
            path=path,
            remedy="begin each operation with [[operations]]; for none, use the preset none",
        )
    steps = [_build(table, path) for table in tables]
    operations = tuple(step for step in steps if isinstance(step, Operation))
    _check_mixing_is_last(steps, path)
    return Augmentation(
        name=path.stem,
        assumption=str(assumption),
        operations=operations,
        mixing=tuple(step for step in steps if isinstance(step, Mixing)),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except (DocumentError, OSError) as error:
        raise ConfigError(
            f"the augmentation file cannot be read: {error}", path=path, remedy="fix the file"
        ) from None


def _check_mixing_is_last(steps: list[Operation | Mixing], path: Path) -> None:
    mixed = ""
    for step in steps:
        if isinstance(step, Mixing):
            mixed = step.name
        elif mixed:
            raise ConfigError(
                f"{step.name} comes after {mixed}, but images are mixed last",
                path=path,
                remedy=f"move {mixed} to the end",
            )


def _build(table: object, path: Path) -> Operation | Mixing:
    """Build one operation from its table."""
    given = dict(table) if isinstance(table, Mapping) else {}
    name = str(given.pop("name", ""))
    if name not in _KINDS:
        raise ConfigError(
            f"there is no augmentation '{quoted(name)}'",
            path=path,
            remedy=suggest(name, _KINDS, rest=f"operations: {', '.join(_KINDS)}"),
        )
    kind, known = _KINDS[name], rules(_KINDS[name])
    if "share" in given and "share" not in known and "fraction" in known:
        warnings.warn(
            f"{name}: the parameter share is now called fraction", DeprecationWarning, stacklevel=2
        )
        given.setdefault("fraction", given.pop("share"))
    if name in COMBINATIONS:
        given["operations"] = _parts(name, given.pop("operations", None), path)
    for key in given:
        if key not in known and not (name in COMBINATIONS and key == "operations"):
            raise ConfigError(
                f"{name} has no parameter '{quoted(key)}'",
                path=path,
                remedy=suggest(key, known, rest=f"parameters of {name}: {_listed(known)}"),
            )
    try:
        made: Operation | Mixing = kind(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{name}: {quoted(error)}", path=path, remedy=f"parameters of {name}: {_listed(known)}"
        ) from None
    except ConfigError as error:
        raise ConfigError(error.what, path=path, remedy=error.remedy) from None
    return made


def _parts(name: str, tables: object, path: Path) -> tuple[Operation, ...]:
    """Build the operations of a combination."""
    if not isinstance(tables, list) or not tables:
        raise ConfigError(
            f"{name} has no operations of its own",
            path=path,
            remedy="begin each of them with [[operations.operations]]",
        )
    parts = [_build(table, path) for table in tables]
    for part in parts:
        if isinstance(part, Mixing):
            raise ConfigError(
                f"{part.name} cannot be part of {name}: it mixes whole batches",
                path=path,
                remedy="move it to the end of the file, as an operation of its own",
            )
    return tuple(part for part in parts if isinstance(part, Operation))


def _listed(known: Mapping[str, Rule]) -> str:
    return "; ".join(f"{parameter}, {rule.limits}" for parameter, rule in known.items())
