"""The configuration of a run: frozen, typed, written to and read from TOML.

It stops at the door of each stage: only the spine and the command line know it; modules take plain
arguments. A value `auto` is decided by the run from the data, and the decision is written into the
run's `config.toml`.
"""

from __future__ import annotations

import contextlib
import difflib
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from nunbit.errors import ConfigError

Auto = Literal["auto"]
T = TypeVar("T")
Fraction = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=4096)]
OptimizerName = Literal["sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw"]
LossName = Literal["cross-entropy", "binary-cross-entropy", "mean-squared-error"]
ScheduleName = Literal["constant", "cosine", "one-cycle"]
InitialisationName = Literal[
    "default", "glorot-normal", "glorot-uniform", "he-normal", "he-uniform"
]
MonitorName = Literal["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


class Section(BaseModel):
    """What all sections share: no change after construction, no unknown key."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class DataConfig(Section):
    """Where the labelled images come from."""

    path: str = ""
    """Folder, table or file, or a known name such as `digits`."""
    label_from: str | None = None
    """Pattern that finds the label in file names, such as `{label}.{number}.jpg`."""
    label_map: str | None = None
    """JSON or CSV file that renames classes: old name, new name."""
    group_from: str | None = None
    """Column of a table, or regular expression on the path, that names groups to keep whole."""
    manifest: str | None = None
    """A `split.csv` to use instead of making a new split."""
    max_bad_fraction: Fraction = 0.05
    """Training stops when more than this share of the images is unusable."""


class SplitConfig(Section):
    """How the samples are divided where the data do not say."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of all samples that becomes the test part."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rest that becomes the validation part."""
    max_validation: Annotated[int, Field(ge=1)] = 5000
    """More validation images than this add little certainty; the others train."""


PerChannel = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if min(values) <= 0:
        raise ValueError("a standard deviation is more than 0")
    return values


class PixelsConfig(Section):
    """The input contract, and where decoded pixels may be kept."""

    image_size: Auto | Side | tuple[Side, Side] = "auto"
    """Side of the square input in pixels, or (height, width)."""
    colour: Literal["auto", "grey", "rgb"] = "auto"
    """Channels of the input: one or three."""
    fit: Literal["auto", "crop", "pad", "squash"] = "auto"
    """How another aspect ratio is fitted: cut the long side, add borders, or distort; auto is that
    of pretrained weights, else crop."""
    crop_share: Auto | Annotated[float, Field(gt=0, le=1)] = "auto"
    """Share of the image that crop and squash keep, around the centre; auto is that of pretrained
    weights, else all."""
    interpolation: Literal["auto", "nearest", "bilinear", "bicubic", "lanczos"] = "auto"
    """Filter for resizing, antialiased; auto is that of pretrained weights, else bilinear."""
    mean: Auto | PerChannel = "auto"
    """Mean of each channel, of pixels scaled to 0..1, that normalising takes off; auto is that of
    pretrained weights, else of the training part."""
    std: Auto | Annotated[PerChannel, AfterValidator(_positive)] = "auto"
    """Standard deviation of each channel that normalising divides by; auto as for the mean."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """Grey value that shows through transparency and fills borders."""
    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    """Images with more pixels than this are excluded."""
    ram_budget_bytes: Auto | Annotated[int, Field(ge=0)] = "auto"
    """Decoded pixels stay in memory up to this size; auto is half of the free memory."""
    disk_budget_bytes: Auto | Annotated[int, Field(ge=0)] = "auto"
    """Size of the cache of decoded pixels; auto is a quarter of the free disk."""
    workers: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Processes that decode; auto is the number of usable cores."""

    @model_validator(mode="after")
    def _statistics_together(self) -> PixelsConfig:
        if (self.mean == "auto") != (self.std == "auto") or len(self.mean) != len(self.std):
            raise ValueError("pixels.mean and pixels.std belong together: set both, or neither")
        return self


class AugmentConfig(Section):
    """Random changes of training images."""

    preset: str = "auto"
    """A preset's name, or a TOML file that lists operations."""


class ModelConfig(Section):
    """The network."""

    name: str = "auto"
    """A name of the catalogue, of torchvision or of timm."""
    dropout: Auto | Fraction | tuple[Fraction, ...] = "auto"
    """Replaces the published dropout probability, of all layers or one by one; auto keeps it."""
    initialisation: InitialisationName = "default"
    """How weights are drawn."""
    pretrained: str = "none"
    """Weights to start from: a model of torchvision or timm, `efficientnet-lite0`, a run's folder
    or a file; their own preprocessing comes with them."""
    pretrained_strict: bool = True
    """Weights that do not fit are an error; else what fits is taken, and the rest is listed."""


def _table(value: object) -> object:
    """`pattern=strength, pattern=strength` as a table; other values as they are."""
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition("=") for part in value.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("write it as layer=strength, layer=strength")
    return {pattern.strip(): strength for pattern, _, strength in pairs}


Strengths = Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_table)]


class TrainingConfig(Section):
    """The loop."""

    epochs: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Passes over the training part; auto depends on the number of images."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Train as long as this instead of a number of epochs."""
    batch_size: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Images in a batch; auto is 100 or less for few images."""
    loss: LossName = "cross-entropy"
    """What is minimised."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target spread over all classes; more than 0 makes probabilities too modest."""
    optimizer: OptimizerName = "adamw"
    """The optimiser."""
    learning_rate: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Highest learning rate of the schedule; auto is the optimiser's usual one."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD and RMSprop."""
    nesterov: bool = False
    """Nesterov's form of momentum (SGD)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Of weights, and of biases and normalisation layers where the next setting says so."""
    decay_biases_and_norms: bool = False
    """Whether weight decay acts on biases and normalisation layers too."""
    l1: Strengths = {}
    """Strength of the penalty on absolute weights per layer: a table from layer name, in which `*`
    stands for anything, to strength, or `head.*=1e-5, features.0=1e-4`."""
    l2: Strengths = {}
    """Strength of the penalty on squared weights per layer, written in the same way."""
    schedule: ScheduleName = "one-cycle"
    """Learning rate over the run."""
    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the run in which the learning rate rises (one-cycle and cosine)."""
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the forward pass; auto is bfloat16 where the processor has matrix units for it."""
    channels_last: bool = True
    """Memory layout of images and weights."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of an exponential moving average of the weights; 0 keeps none."""
    plateau_patience: Annotated[int, Field(ge=0)] = 0
    """Epochs without improvement before the learning rate is reduced; 0 never reduces."""
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor of each reduction on a plateau."""
    plateau_minimum: Annotated[float, Field(ge=0)] = 0.0
    """The learning rate is not reduced below this."""
    stopping_patience: Annotated[int, Field(ge=0)] = 0
    """Epochs without improvement before training stops; 0 never stops early."""


def _fillable(template: str) -> str:
    fields = (*get_args(MonitorName), "learning_rate", "seconds", "images_per_second")
    try:
        template.format(epoch=1, **dict.fromkeys(fields, 0.5))
    except (LookupError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f"it cannot be filled in ({error}); fields: epoch, {', '.join(fields)}"
        ) from None
    return template


Template = Annotated[str, AfterValidator(_fillable)]


class CheckpointConfig(Section):
    """What is kept while training."""

    monitor: MonitorName = "validation_accuracy"
    """The number that decides which epoch is best; plateau and stopping look at it too."""
    mode: Literal["auto", "min", "max"] = "auto"
    """Whether less or more of it is better; auto is min for a loss, max for an accuracy."""
    minutes: Annotated[float, Field(gt=0)] = 10.0
    """Between two savings within an epoch; the end of an epoch always saves."""
    keep: Literal["none", "every", "improved"] = "none"
    """Whether epochs are also kept under a name of their own."""
    template: Template = "epoch{epoch:03d}-{validation_accuracy:.4f}"
    """Folder name of a kept epoch, from the fields of metrics.jsonl."""
    weights_only: bool = True
    """Kept epochs hold weights only, not what resuming needs."""
    deploy: Literal["best", "last"] = "best"
    """Which weights go into the bundle and are evaluated."""


class Config(Section):
    """The whole configuration of one run."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Drives split, initial weights, order and augmentation."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`."""
    deterministic: bool = False
    """On a GPU, use only deterministic algorithms (slower)."""
    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    pixels: PixelsConfig = PixelsConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _one_length(self) -> Config:
        if self.training.minutes is not None and self.training.epochs != "auto":
            raise ValueError("training.epochs and training.minutes exclude each other: set one")
        return self

    def with_settings(self, settings: Mapping[str, object]) -> Config:
        """The same configuration with some dotted keys replaced.

        Raises:
            ConfigError: for an unknown key or an impossible value.
        """
        return build_config(self.model_dump(exclude_none=True), settings, origin="the settings")

    def to_toml(self) -> str:
        """The configuration as TOML; `read_toml` gives it back."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def decided(value: T | Auto) -> T:
    """A setting that the run has decided by now; raises ValueError where it is still `auto`."""
    if value == "auto":
        raise ValueError("a setting is still auto")
    return value


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
        ConfigError: when the file is missing, is no TOML or holds an unknown key.
    """
    return build_config(_read_toml(path), {}, origin=str(path))


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
    try:
        return Config.model_validate(nested)
    except ValidationError as error:
        raise _explained(error, origin) from None


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
    if isinstance(values, dict):  # else validation says that a section is no single value
        values[key] = _list(value)


def _list(value: object) -> object:
    """A list written as text, as in --set pixels.image_size=[48,64]; other values as they are."""
    if isinstance(value, str) and value.startswith("["):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"list = {value}")["list"]
    return value


def _find_recipe(recipe: str) -> Path:
    path = Path(recipe)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = resources.files("nunbit") / "recipes" / f"{recipe}.toml"
    if not shipped.is_file():
        near = difflib.get_close_matches(recipe, recipe_names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(
            f"there is no recipe '{recipe}'",
            remedy=f"{hint}recipes: {', '.join(recipe_names())}; or give a TOML file",
        )
    return Path(str(shipped))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "the configuration file does not exist", path=path, remedy="check the path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(
            f"the configuration file cannot be read: {error}", path=path, remedy="mend the file"
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
    near = difflib.get_close_matches(dotted, known, n=1, cutoff=0.5)
    leaf = dotted.rpartition(".")[2]
    same_leaf = [key for key in known if key.rpartition(".")[2] == leaf]
    suggestion = next(iter(same_leaf + near), "")
    hint = f"did you mean {suggestion}? " if suggestion else ""
    return ConfigError(
        f"there is no setting '{dotted}' (in {origin})",
        remedy=f"{hint}a run's config.toml lists every setting",
    )


def _explained(error: ValidationError, origin: str) -> ConfigError:
    first = error.errors()[0]
    keys = [str(part) for part in first["loc"]]
    dotted = ".".join(keys[:2]) if keys and keys[0] in _section_names() else ".".join(keys[:1])
    if first["type"] == "extra_forbidden":
        return _unknown(dotted, origin)
    # A union such as `auto` or a number reports each alternative; the user needs them together.
    reasons = dict.fromkeys(
        item["msg"].removeprefix("Value error, ")
        for item in error.errors()
        if item["loc"][:2] == first["loc"][:2]
    )
    subject = f"{dotted} = {first['input']!r}" if dotted else "The configuration"
    return ConfigError(
        f"{subject} is not possible (in {origin}): {'; or '.join(reasons)}",
        remedy="choose a value that fits",
    )
