"""Write the table of settings in docs/settings.md from the configuration itself."""

from __future__ import annotations

from pathlib import Path

from pydantic.fields import FieldInfo

from nunbit.config import Config, Section

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

Every setting has a name of the form `section.key`. It can be given with `--set section.key=value`,
in a recipe (`--recipe NAME` or a TOML file), or in Python with `settings={"section.key": value}`.
`auto` is decided by the run, and the decision is in the run's `config.toml`.

This page is written by `scripts/write_settings.py`.
"""


def page() -> str:
    """The whole page."""
    top = {k: f for k, f in Config.model_fields.items() if not _is_section(f.annotation)}
    tables = [_table(top, prefix="")]
    for name, field in Config.model_fields.items():
        if _is_section(field.annotation):
            kind: type[Section] = field.annotation
            tables.append(
                f"## {name}\n\n{kind.__doc__}\n\n" + _table(kind.model_fields, f"{name}.")
            )
    return INTRODUCTION + "\n" + "\n".join(tables)


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


def _table(fields: dict, prefix: str) -> str:
    rows = [
        f"| `{prefix}{key}` | `{_shown(field.default)}` | {_meaning(field)} |"
        for key, field in fields.items()
    ]
    return "| setting | default | meaning |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def _meaning(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE} written")
