"""Write the tables of docs/augmentation.md from the operations and presets themselves."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from nunbit.data.augment import COMBINATIONS, MIXINGS, OPERATIONS, PRESETS, Mixing, Operation
from nunbit.data.augment.parameters import Configured, description, rules

PAGE = Path(__file__).resolve().parents[1] / "docs" / "augmentation.md"


def page(text: str) -> str:
    """The page with its tables as they should be; everything else stays."""
    for name, table in {
        "presets": presets(),
        "operations": operations(OPERATIONS),
        "combinations": operations(COMBINATIONS),
        "mixing": operations(MIXINGS),
    }.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, found = marked.subn(lambda match, t=table: f"{match[1]}{t}{match[2]}", text)
        if found != 1:
            raise ValueError(f"the page has {found} places for {name}")
    return text


def presets() -> str:
    """A row for each preset."""
    rows = [
        f"| `{preset.name}` | {preset.assumption} | "
        f"{', '.join(map(_step, (*preset.operations, *preset.mixing))) or 'nothing'} |"
        for preset in PRESETS.values()
    ]
    return _table("preset", "assumes that", "does", rows=rows)


def _step(step: Operation | Mixing) -> str:
    """An operation with the parameters that are not its usual ones."""
    usual = type(step)()
    changed = [
        f"{name} {_value(getattr(step, name))}"
        for name in rules(type(step))
        if getattr(step, name) != getattr(usual, name)
    ]
    return f"`{step.name}`" + (f" ({', '.join(changed)})" if changed else "")


def operations(kinds: dict[str, type[Configured]]) -> str:
    """A row for each operation: what it does, and its parameters."""
    rows = [
        f"| `{name}` | {description(kind)} | {'<br>'.join(_parameters(kind))} |"
        for name, kind in kinds.items()
    ]
    return _table("name", "does", "parameters", rows=rows)


def _parameters(kind: type[Configured]) -> list[str]:
    """Name, usual value, limits and meaning of each; meanings that all share are left out."""
    usual = {field.name: field.default for field in dataclasses.fields(kind)}
    texts = []
    for name, rule in rules(kind).items():
        text = f"`{name}` = {_value(usual[name])}"
        shared = name in ("probability", "border") or (name == "fill" and "border" in usual)
        text += "" if shared else f": {rule.limits}; {rule.meaning}"
        texts.append(text)
    return texts


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return f"`{value}`" if isinstance(value, str) else f"{value:.4g}"


def _table(*names: str, rows: list[str]) -> str:
    head = f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n"
    return head + "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE} written")
