"""The sections of the configuration: every setting, its values, its default and its meaning."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from nunbit.evaluation.operating_point import check_rule
from nunbit.suggest import suggest

Auto = Literal["auto"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=4096)]
OptimizerName = Literal["sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw"]
LossName = Literal["cross-entropy", "focal", "binary-cross-entropy", "mean-squared-error"]
ScalingName = Literal["zero-one", "minus-one-one", "imagenet", "z-score"]
ScheduleName = Literal["constant", "cosine", "one-cycle"]
InitialisationName = Literal[
    "default", "glorot-normal", "glorot-uniform", "he-normal", "he-uniform", "whitening"
]
MonitorName = Literal[
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
    "validation_balanced_accuracy",
]


class Section(BaseModel):
    """Base class of all sections: no change after construction, no unknown key."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class DataConfig(Section):
    """The labelled images, and what is done about bad ones."""

    path: str = ""
    """Folder, table or file, or a known name such as `digits`."""
    label_from: str | None = None
    """Pattern that finds the label in file names, such as `{label}.{number}.jpg`."""
    label_map: str | None = None
    """JSON or CSV file that renames classes: old name, new name; or `imagenet`, for words in place
    of WordNet's numbers."""
    group_from: str | None = None
    """Column of a table, or regular expression on the path, that names groups to keep whole."""
    parts: str | None = None
    """Folders that are parts, such as `fold1=train,fold2=test`; `none` where they are classes."""
    exclude: str | None = None
    """Files to leave out: patterns of their names or paths, separated by commas."""
    path_column: str | None = None
    """Column of a table that names the images; without a first line, its number from 1."""
    label_column: str | None = None
    """Column of a table that holds the labels; without a first line, its number from 1."""
    image_root: str | None = None
    """Folder of the images that a table names; the table's own otherwise."""
    header: bool = True
    """Whether the first line of a table names its columns."""
    manifest: str | None = None
    """A `split.csv` to use instead of making a new split."""
    corrections: str | None = None
    """A CSV of images to leave out or to give another class, such as the check's fix list."""
    max_bad_fraction: Fraction = 0.05
    """Training stops when more than this fraction of the images is unusable."""


class SplitConfig(Section):
    """Split of the samples where the data do not give one."""

    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of all samples that becomes the test part."""
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction of the rest that becomes the validation part."""
    max_validation: Annotated[int, Field(ge=1)] = 5000
    """More validation images than this add little certainty; the others train."""
    near_duplicates: Literal["together", "ignore"] = "together"
    """Whether a new split keeps copies of one picture in one part, also those that are re-encoded,
    resized, slightly cropped or brightened; byte-identical ones always are."""


PerChannel = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]


def _two_numbers(value: object) -> object:
    """A range written as text, as in --set pixels.range=0,4095; other values as they are."""
    if isinstance(value, str) and "," in value:
        return tuple(part.strip() for part in value.strip("()[] ").split(","))
    return value


def _ascending(values: tuple[float, float]) -> tuple[float, float]:
    if values[0] >= values[1]:
        raise ValueError("a range is LOW,HIGH, and HIGH is larger")
    return values


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
    """Fraction of the image that crop and squash keep, around the centre; auto is that of
    pretrained weights, else all."""
    interpolation: Literal["auto", "nearest", "bilinear", "bicubic", "lanczos"] = "auto"
    """Filter for resizing, antialiased; auto is that of pretrained weights, else bilinear."""
    scaling: Auto | ScalingName = "auto"
    """What the network sees of a pixel: zero-one and minus-one-one are ranges, imagenet and z-score
    take off a mean and divide by a standard deviation, ImageNet's or the training part's; auto is
    that of pretrained weights, else z-score."""
    mean: Auto | PerChannel = "auto"
    """Mean of each channel, of pixels scaled to 0..1, that normalising takes off, instead of one of
    the scalings."""
    std: Auto | Annotated[PerChannel, AfterValidator(_positive)] = "auto"
    """Standard deviation of each channel that normalising divides by; set it with the mean."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """Grey value that shows through transparency and fills borders."""
    range: Annotated[
        Auto | Literal["full"] | Annotated[tuple[float, float], AfterValidator(_ascending)],
        BeforeValidator(_two_numbers),
    ] = "auto"
    """What becomes black and white in images of more than 8 bits, one range for all of them: `full`
    (0 and 65535) or LOW,HIGH; auto is what headers state or the training images use."""
    decoding: Literal["reduced", "full"] = "reduced"
    """Large JPEGs are decoded at a part of their size, several times faster; `full` decodes them
    whole, as other programs do that use an exported model."""
    frame: Literal["first", "middle", "max", "mean"] = "first"
    """Which page, plane or frame is used of files that have several; `max` and `mean` are over all
    of them."""
    transparency: Literal["show", "ignore"] = "show"
    """`ignore` leaves an alpha channel out, for files in which it is a band such as near infrared;
    that of a GeoTIFF always is one."""
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
        if self.scaling != "auto" and self.mean != "auto":
            raise ValueError("pixels.scaling already says pixels.mean and pixels.std: set one")
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
    initialisation: Auto | InitialisationName = "auto"
    """How weights are drawn; default is the network's own way, whitening takes the first layer's
    from the training images and leaves them so; auto is whitening for networks made for it."""
    test_time_mirror: bool = False
    """Answer with the mean of the logits for an image and for its mirror image: twice the work for
    an answer. Only where a mirror keeps the label."""
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


def _class_weights(value: object) -> object:
    """`NAME=weight, NAME=weight` as a table; words as they are."""
    return _table(value) if isinstance(value, str) and "=" in value else value


ClassWeights = Annotated[
    Literal["none", "balanced"]
    | Annotated[dict[str, Annotated[float, Field(gt=0)]], Field(min_length=1)],
    BeforeValidator(_class_weights),
]
Strengths = Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_table)]


def _operating_point(rule: str) -> str:
    if rule not in ("auto", "none"):
        check_rule(rule)
    return rule


class TrainingConfig(Section):
    """The loop."""

    epochs: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Passes over the training part; auto depends on the number of images."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Train as long as this instead of a number of epochs."""
    batch_size: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Images in a batch; auto is 100 or less for few images."""
    loss: LossName = "cross-entropy"
    """Loss that is minimised; `focal` counts images that are recognised already less."""
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0
    """Exponent of the focal loss: how much less."""
    class_weights: ClassWeights = "none"
    """Weight of each class's images in the loss: `balanced` makes all classes count the same, and
    `NAME=weight, NAME=weight` says it; classes that are not named have 1."""
    sampling: Literal["shuffled", "balanced"] = "shuffled"
    """`balanced` shows every class equally often, images of rare ones several times an epoch."""
    logit_adjustment: Annotated[float, Field(ge=0)] = 0.0
    """1 lets answers count all classes as equally frequent (Menon et al. 2021), values between in
    part; 0 is off."""
    prior_correction: bool = False
    """Bring probabilities back to the data's frequencies after class weights, balanced sampling or
    logit adjustment. They are then true for data like these, and rare classes answered less."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Fraction of the target spread over all classes; above 0 it makes probabilities too modest."""
    operating_point: Annotated[str, AfterValidator(_operating_point)] = "auto"
    """Rule, for two classes, by which the probability is chosen on the validation part from which
    `predict --threshold operating-point` answers the positive one. `youden` takes the largest sum
    of sensitivity and specificity, `sensitivity:0.95` the best specificity at such a sensitivity;
    auto is youden."""
    positive_class: str | None = None
    """The class that an operating point is about; the rarer one in training unless named."""
    optimizer: OptimizerName = "adamw"
    """The optimiser."""
    learning_rate: Auto | Annotated[float, Field(gt=0)] = "auto"
    """Highest learning rate of the schedule; auto is the optimiser's usual one."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of SGD and RMSprop."""
    nesterov: bool = False
    """Nesterov's form of momentum (SGD)."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decay of weights; of biases and normalisation layers too where the next setting says so."""
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
    """Fraction of the run in which the learning rate rises (one-cycle and cosine)."""
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the forward pass; auto is bfloat16 where the processor has matrix units for
    it and the network is of the kind that they are made for."""
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


_STAGES = re.compile(r"stages:[1-9]\d*")
TRANSFER_MODES = ("auto", "none", "head", "last-stage", "stages:N", "all")


def _transfer_mode(mode: str) -> str:
    if _STAGES.fullmatch(mode) or (mode in TRANSFER_MODES and mode != "stages:N"):
        return mode
    modes = f"modes: {', '.join(TRANSFER_MODES)}, where N counts stages from the last one"
    raise ValueError(suggest(mode, TRANSFER_MODES, rest=modes))


class TransferConfig(Section):
    """Use of pretrained weights; without them, none of it applies."""

    mode: Annotated[str, AfterValidator(_transfer_mode)] = "auto"
    """What is trained: `head` alone, on features computed once; `last-stage`, `stages:N` or `all`
    of the network, from the fitted head on; `none`: all, from a new head on. Auto is what the
    adviser recommends after measuring, or none without pretrained weights."""
    head: Literal["logistic", "linear", "mlp"] = "logistic"
    """The head fitted on features: logistic regression whose strength is chosen on the validation
    part, a linear layer, or a network with one hidden layer trained by gradient steps."""
    views: Literal["centre", "mirror", "crops"] = "centre"
    """What the head is fitted on: the images, or also their mirror images; crops adds to both the
    four corners of the images, enlarged."""
    stage_decay: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Factor on the learning rate of each stage before the last one."""
    unfreeze_epochs: Annotated[int, Field(ge=0)] = 0
    """Gradual unfreezing: the last stage first, and one more after so many epochs; 0 starts with
    all stages that are to learn."""
    batch_norm: Literal["auto", "frozen", "trained"] = "auto"
    """Statistics of batch normalisation in the stages that learn: those of the pretrained weights,
    or the batches' own; auto is frozen, because the head was fitted under them. In stages that do
    not learn, they never move."""
    cache_activations: bool = True
    """Run the stages that do not learn once per image, where augmentation and memory allow it."""


class CheckpointConfig(Section):
    """Checkpoints that are kept while training."""

    monitor: MonitorName = "validation_accuracy"
    """The number that decides which epoch is best; plateau and stopping look at it too. Macro F1
    and balanced accuracy count every class the same. A head that is fitted on features has no
    epochs, and is chosen by accuracy."""
    mode: Literal["auto", "min", "max"] = "auto"
    """Better direction of that number; auto is min for a loss, else max."""
    tolerance: Annotated[float, Field(ge=0)] = 1.0
    """Standard errors by which a validation accuracy may lie behind the best and still count as
    equally good: the latest such epoch is kept. 0 keeps the single best."""
    minutes: Annotated[float, Field(gt=0)] = 10.0
    """Interval between two savings within an epoch; the end of an epoch always saves."""
    keep: Literal["none", "every", "improved"] = "none"
    """Epochs that are also kept under a name of their own."""
    template: Template = "epoch{epoch:03d}-{validation_accuracy:.4f}"
    """Folder name of a kept epoch, from the fields of metrics.jsonl."""
    weights_only: bool = True
    """Kept epochs hold weights only, not what resuming needs."""
    deploy: Literal["best", "last"] = "best"
    """The weights that go into the bundle and are evaluated: of the best epoch, or of the last."""
