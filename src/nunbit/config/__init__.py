"""The configuration of a run: frozen, typed, written to and read from TOML.

Only the command line, the interface in Python and the pipelines know it; what they call takes plain
arguments or a section of its own. The settings themselves are in sections.py. What `auto` means is
decided in resolve.py, and the decisions are written into the run's `config.toml`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from nunbit.config.allowed_values import OPTIONS, allowed_values
from nunbit.config.sections import (
    AugmentConfig,
    CheckpointConfig,
    DataConfig,
    ModelConfig,
    PixelsConfig,
    Section,
    SplitConfig,
    TrainingConfig,
    TransferConfig,
)
from nunbit.documents import DocumentError, parse_toml, read_toml
from nunbit.errors import ConfigError
from nunbit.formatting import quoted
from nunbit.suggest import suggest

__all__ = [
    "CheckpointConfig",
    "Config",
    "PixelsConfig",
    "Section",
    "TransferConfig",
    "build_config",
    "load_config",
    "read_config",
    "recipe_names",
]


class Config(Section):
    """The whole configuration of one run."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Drives split, initial weights, order and augmentation."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`."""
    deterministic: bool = False
    """Use only deterministic algorithms on a GPU (slower)."""
    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    pixels: PixelsConfig = PixelsConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    transfer: TransferConfig = TransferConfig()
    training: TrainingConfig = TrainingConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _one_length(self) -> Config:
        if self.training.minutes is not None and self.training.epochs != "auto":
            raise ValueError("training.epochs and training.minutes exclude each other: set one")
        return self

    def with_settings(self, settings: Mapping[str, object]) -> Config:
        """The same configuration with some dotted keys replaced; what was never set stays unset.

        Raises:
            ConfigError: for an unknown key or an impossible value.
        """
        return build_config(self.model_dump(exclude_unset=True), settings, origin="the settings")

    def to_toml(self) -> str:
        """The configuration as TOML; `read_toml` gives it back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def load_config(*, data: str | None, recipe: str | None, settings: Mapping[str, object]) -> Config:
    """The configuration from a recipe (name or file), then DATA, then single settings.

    Args:
        data: what the user gave as DATA; None takes it from the recipe.
        recipe: a name of `recipe_names()` or a TOML file, such as a run's `config.toml`.
        settings: dotted keys to values, as `{"training.epochs": 5}`; strings are parsed.

    Raises:
        ConfigError: for an unknown recipe or key, or an impossible value.
    """
    tree = {} if recipe is None else _read_toml(_find_recipe(recipe))
    origin = "the settings" if recipe is None else recipe
    merged = dict(settings) if data is None else {**settings, "data.path": data}
    return build_config(tree, merged, origin=origin)


def read_config(path: Path) -> Config:
    """A configuration that `Config.to_toml` wrote.

    Raises:
        ConfigError: when the file is missing, is not TOML or holds an unknown key.
    """
    tree = _read_toml(path)
    try:
        return build_config(tree, {}, origin=str(path))
    except ConfigError as error:
        raise ConfigError(error.what, path=path, remedy=error.remedy) from None


def recipe_names() -> list[str]:
    """Names of the recipes that come with nunbit."""
    folder = resources.files("nunbit") / "recipes"
    return sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml"))


def build_config(tree: Mapping[str, Any], settings: Mapping[str, object], *, origin: str) -> Config:
    """Validate a nested mapping after writing dotted settings into it.

    Raises:
        ConfigError: naming the key, the value and, for a typing error, the nearest key.
    """
    nested: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in tree.items()
    }
    training = nested.get("training")
    if isinstance(training, dict):  # the other way to say how long, said later, wins
        if "training.minutes" in settings:
            training.pop("epochs", None)
        if "training.epochs" in settings:
            training.pop("minutes", None)
    for key, value in settings.items():
        _write(nested, key, value)
    _check_unicode(nested, "")
    try:
        return Config.model_validate(nested)
    except ValidationError as error:
        raise _explained(error, nested, settings, origin) from None


def _check_unicode(value: object, key: str) -> None:
    """Raise ConfigError for a text that config.toml cannot hold, such as a path of other bytes."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_unicode(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ConfigError(
                f"{key} is not valid Unicode: {quoted(ascii(value))}",
                remedy="rename the file or folder, so that its name is UTF-8",
            ) from None


def _write(nested: dict[str, Any], dotted: str, value: object) -> None:
    section, _, key = dotted.partition(".")
    if not key:
        if section in _section_names():
            raise ConfigError(
                f"'{section}' is a section, not a setting",
                remedy=f"name a key in it, such as {_dotted_keys(section)[0]}",
            )
        nested[section] = value
        return
    if section not in _section_names():
        raise _unknown(dotted, "the settings")
    values = nested.setdefault(section, {})
    if isinstance(values, dict):  # else validation says that a section is not a single value
        values[key] = _list(value)


def _list(value: object) -> object:
    """A list written as text, as in --set pixels.image_size=[48,64]; other values as they are."""
    if isinstance(value, str) and value.startswith("["):
        with contextlib.suppress(DocumentError):
            return parse_toml(f"list = {value}")["list"]
    return value


def _find_recipe(recipe: str) -> Path:
    path = Path(recipe)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = resources.files("nunbit") / "recipes" / f"{recipe}.toml"
    if not shipped.is_file():
        names = recipe_names()
        raise ConfigError(
            f"there is no recipe '{recipe}'",
            remedy=suggest(recipe, names, rest=f"recipes: {', '.join(names)}; or give a TOML file"),
        )
    return Path(str(shipped))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except FileNotFoundError:
        raise ConfigError(
            "the configuration file does not exist", path=path, remedy="check the path"
        ) from None
    except (DocumentError, OSError) as error:
        raise ConfigError(
            f"the configuration file cannot be read: {error}", path=path, remedy="fix the file"
        ) from None


def _section_names() -> list[str]:
    return [
        name
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    ]


def _dotted_keys(section: str | None = None) -> list[str]:
    def keys() -> Iterator[str]:
        for name, field in Config.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, Section):
                yield from (f"{name}.{key}" for key in kind.model_fields)
            else:
                yield name

    return [key for key in keys() if section is None or key.startswith(f"{section}.")]


def _unknown(dotted: str, origin: str) -> ConfigError:
    known = _dotted_keys()
    leaf = dotted.rpartition(".")[2]
    same_leaf = [key for key in known if key.rpartition(".")[2] == leaf]
    all_are_listed = "a run's config.toml lists every setting"
    if same_leaf:
        remedy = f"did you mean {same_leaf[0]}? {all_are_listed}"
    else:
        remedy = suggest(dotted, known, rest=all_are_listed, cutoff=0.5)
    return ConfigError(
        f"there is no setting '{quoted(dotted)}' (in {origin})",
        remedy=remedy,
    )


def _explained(
    error: ValidationError, nested: Mapping[str, Any], settings: Collection[str], origin: str
) -> ConfigError:
    """Convert the first setting that does not fit to an error that says what would."""
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"]]
    in_section = bool(keys) and keys[0] in _section_names()
    dotted = ".".join(keys[: 2 if in_section else 1])
    if dotted in settings:
        origin = "the settings"
    if first["type"] == "extra_forbidden":
        return _unknown(dotted, origin)
    # A union such as `auto` or a range reports each alternative; nunbit's own sentences are shown.
    reasons = dict.fromkeys(
        item["msg"].removeprefix("Value error, ")
        for item in error.errors()
        if item["type"] == "value_error" and item["loc"][:2] == first["loc"][:2]
    )
    field = _field(keys)
    if field is None and reasons:  # settings that contradict each other
        return ConfigError(f"{'; '.join(reasons)} (in {origin})", remedy="leave one of them out")
    value = nested[keys[0]][keys[1]] if in_section and len(keys) > 1 else nested[keys[0]]
    option = f" ({OPTIONS[dotted]})" if dotted in OPTIONS else ""
    remedy = f"set {dotted}{option} to {'' if field is None else allowed_values(field)}"
    if field is None:
        remedy = f"{dotted} is a section: name a key in it, such as {_dotted_keys(dotted)[0]}"
    elif reasons and field.annotation is str:
        remedy = "choose a value that fits"
    return ConfigError(
        f"{dotted} = {quoted(repr(value))} is not possible (in {origin})"
        + "".join(f": {reason}" for reason in reasons),
        remedy=remedy,
    )


def _field(keys: Sequence[str]) -> FieldInfo | None:
    """The setting at the place of an error; None for a section or all of them at once."""
    if not keys:
        return None
    field = Config.model_fields[keys[0]]
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind.model_fields[keys[1]] if len(keys) > 1 else None
    return field
