"""The bundle: weights that never travel without their input contract and class names.

A folder in the layout that the Hugging Face Hub and timm read:

    config.json         architecture, num_classes, label_names, pretrained_cfg (and, for timm's
                        architectures, model_args): timm.create_model("local-dir:FOLDER",
                        pretrained=True) loads it
    model.safetensors   the weights
    README.md           the model card
    nunbit.json         what only nunbit knows: class names, the whole input contract, whether
                        mirror images are asked about too, calibration temperature, thresholds,
                        the operating point of two classes, hashes of the weights and the data,
                        versions; and a digest of all of it that shapes an answer

Only JSON, text and safetensors are written and read: opening a bundle never runs code from it,
never downloads anything and reads no file outside of its folder. The digest tells files that do
not belong together; it is not a signature, and does not say who wrote them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from nunbit.bundle.checks import check_names, check_options, is_finite, short
from nunbit.bundle.digest import FORMAT, READABLE, digest_of, with_digest
from nunbit.bundle.timm_config import timm_crop_mode, timm_note
from nunbit.data.preprocess import Preprocess
from nunbit.documents import DocumentError, parse_json
from nunbit.errors import BundleError, NunbitError
from nunbit.evaluation.operating_point import OperatingPoint
from nunbit.files import folder_written_atomically, write_atomically
from nunbit.formatting import listed
from nunbit.models.catalog import model_info
from nunbit.models.create import create_model
from nunbit.models.info import ModelInfo, Shape
from nunbit.models.pretrained import find_weights
from nunbit.models.zoo import timm_arguments, timm_layout
from nunbit.predictor import threshold_for
from nunbit.types import ClassNames

CONFIG, WEIGHTS, CARD, CONTRACT = "config.json", "model.safetensors", "README.md", "nunbit.json"
_TOGETHER = "restore the folder as it was written: its files belong together"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A trained network with everything that using it needs.

    Raises ValueError if the parts do not fit together.
    """

    model: nn.Module
    """Network from float [B, C, H, W], normalised, to logits [B, K]."""
    architecture: str
    """Name that `create_model` accepts."""
    model_options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `create_model`; what is left out follows from `classes` and `preprocess`."""
    mirrored: bool = False
    """True if an answer is the mean of the logits for an image and for its mirror image."""
    classes: ClassNames
    preprocess: Preprocess
    card: str = ""
    """Text of README.md."""
    temperature: float = 1.0
    """Logits are divided by it before the softmax."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Confidence thresholds by the accuracy above them, such as "0.95"."""
    operating_point: OperatingPoint | None = None
    """Threshold of a model of two classes; None where none was chosen."""
    data_hash: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (is_finite(self.temperature) and self.temperature > 0):
            raise ValueError(f"a temperature is positive, not {short(self.temperature)}")
        for accuracy, threshold in self.thresholds.items():
            if not (is_finite(threshold) and 0 <= threshold <= 1):
                raise ValueError(
                    f"a threshold is a confidence from 0 to 1, not {short(threshold)} (for an "
                    f"accuracy of {short(accuracy)})"
                )
        if self.operating_point is not None and (
            len(self.classes) != 2 or self.operating_point.positive not in self.classes
        ):
            raise ValueError("the operating point is not of these two classes")
        if not isinstance(self.mirrored, bool):
            raise ValueError(f"mirrored is true or false, not {short(self.mirrored)}")
        _complete_options(self.model_options, self.classes, self.preprocess)

    def threshold(self, accuracy: float) -> float:
        """The confidence from which answers reach an accuracy, such as 0.95.

        Raises UsageError naming the accuracies that there are thresholds for.
        """
        return threshold_for(self.thresholds, accuracy)


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle as a new folder, which appears whole or not at all.

    Raises BundleError if something is already there; ValueError for what `load_bundle` would
    refuse: options that it does not know, class names that are empty or repeated.
    """
    info = model_info(bundle.architecture)
    check_options(bundle.model_options)
    check_names(list(bundle.classes))
    hub_config = _json(_hub_config(bundle, info))
    try:
        with folder_written_atomically(folder) as unfinished:
            (unfinished / CONFIG).write_text(hub_config, encoding="utf-8")
            (unfinished / CARD).write_text(bundle.card or f"# {folder.name}\n", encoding="utf-8")
            # Not save_file, whose files are closed to everybody but their owner.
            weights = safetensors.torch.save(_weights(bundle.model), {"format": "pt"})
            (unfinished / WEIGHTS).write_bytes(weights)
            digest = hashlib.sha256(weights).hexdigest()
            contract = _json(_contract(bundle, info, weights_sha256=digest))
            (unfinished / CONTRACT).write_text(contract, encoding="utf-8")
    except FileExistsError as error:
        raise BundleError(
            "something is already there, and a model is never written over it",
            path=folder,
            remedy="choose another folder, or move this one away",
        ) from error


def calibrate_bundle(
    folder: Path,
    bundle: Bundle,
    *,
    temperature: float,
    thresholds: Mapping[str, float],
    operating_point: OperatingPoint | None = None,
) -> Bundle:
    """Give the bundle that lies in `folder` its temperature and thresholds; weights stay as is.

    Returns `bundle` with them, and with the operating point where one is given. Raises ValueError
    for a temperature that is not positive; BundleError where `folder` holds no bundle.
    """
    calibrated = replace(
        bundle,
        temperature=temperature,
        thresholds=thresholds,
        operating_point=operating_point,
    )
    contract = _read_contract(folder)
    contract |= {"temperature": temperature, "thresholds": dict(thresholds)}
    contract |= _operating_point(calibrated)
    write_atomically(folder / CONTRACT, _json(with_digest(contract)))
    return calibrated


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle back, its network on the CPU in evaluation mode.

    Raises BundleError naming the file that is missing, damaged, foreign or of a newer nunbit, or
    that does not belong to the others.
    """
    contract = _read_contract(folder)
    config = _read_json(folder, CONFIG)
    try:
        preprocess = Preprocess.from_dict(contract["preprocess"])
        classes = check_names(config["label_names"])
        options = _complete_options(_options_from_json(contract), classes, preprocess)
        bundle = Bundle(
            model=create_model(contract["architecture"], **options, generator_seed=0),
            architecture=contract["architecture"],
            model_options=options,
            mirrored=contract["format"] != 1 and contract["mirrored"],
            classes=classes,
            preprocess=preprocess,
            card=_read(folder, CARD).decode("utf-8"),
            temperature=contract["temperature"],
            thresholds=contract["thresholds"],
            operating_point=OperatingPoint.from_dict(contract.get("operating_point"), classes),
            data_hash=str(contract["data_hash"]),
            versions={str(name): str(version) for name, version in contract["versions"].items()},
        )
        digest = digest_of(contract) if contract["format"] >= FORMAT else None
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, NunbitError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise BundleError(
            f"{CONTRACT} and {CONFIG} do not describe a model: {what}",
            path=folder,
            remedy=_TOGETHER,
        ) from error
    if digest is not None:
        _check_digest(folder, contract, digest, classes)
    _load_weights(bundle.model, folder, contract)
    bundle.model.eval()
    return bundle


def pretrained_bundle(name: str) -> Bundle:
    """The bundle of pretrained weights under their own network, classes and input contract.

    `name` is what `nunbit.models.pretrained.find_weights` takes. Raises UsageError for an unknown
    name; BundleError for weights that do not say how they are to be used; WeightsError for weights
    that are missing or damaged.
    """
    weights = find_weights(name)
    wanted = weights.input
    if weights.architecture is None or wanted is None or not weights.classes:
        raise BundleError(
            f"the weights {weights.name} do not say how images become their input, or what their "
            "classes are called",
            path=name,
            remedy="give a run's folder, or a model of torchvision or timm with named classes",
        )
    preprocess = Preprocess.from_dict(asdict(wanted))
    options = _complete_options({}, weights.classes, preprocess)
    model = create_model(weights.architecture, **options, generator_seed=0, pretrained=name)
    return Bundle(
        model=model.eval(),
        architecture=weights.architecture,
        model_options=options,
        classes=weights.classes,
        preprocess=preprocess,
    )


def _complete_options(
    options: Mapping[str, Any], classes: ClassNames, preprocess: Preprocess
) -> dict[str, Any]:
    """The arguments of `create_model` with what follows from the classes and the contract."""
    implied = {
        "classes": len(classes),
        "channels": preprocess.channels,
        "height": preprocess.height,
        "width": preprocess.width,
    }
    for name, value in implied.items():
        if options.get(name) not in (None, value):
            raise ValueError(
                f"the network is built for {name} {options[name]}, but it is given {value}"
            )
    return {k: v for k, v in options.items() if k != "generator_seed"} | implied


def _check_digest(
    folder: Path, contract: Mapping[str, Any], digest: str, classes: ClassNames
) -> None:
    """Raise BundleError where the two JSON files do not belong together, or one was changed."""
    if contract["classes"] != list(classes):
        raise BundleError(
            "the class names are not those that the model was written with",
            path=folder / CONFIG,
            remedy=_TOGETHER,
        )
    if contract.get("digest") != digest:
        raise BundleError(
            f"{CONTRACT} was changed after the model was written: its digest is another",
            path=folder / CONTRACT,
            remedy=_TOGETHER,
        )


def _hub_config(bundle: Bundle, info: ModelInfo) -> dict[str, Any]:
    """config.json: what the Hub and timm understand of the bundle."""
    preprocess = bundle.preprocess
    shape = Shape(*preprocess.shape)
    config: dict[str, Any] = {
        "architecture": info.name.rpartition("/")[2],
        "library_name": info.origin,
        "num_classes": len(bundle.classes),
        "label_names": list(bundle.classes),
    }
    pretrained: dict[str, Any] = {
        "input_size": list(shape),
        "mean": list(preprocess.mean),
        "std": list(preprocess.std),
        "interpolation": preprocess.interpolation,
        "crop_pct": preprocess.crop_share,
        "num_classes": len(bundle.classes),
    }
    if (crop_mode := timm_crop_mode(preprocess)) is None:
        pretrained["notes"] = [timm_note(preprocess)]
    else:
        pretrained["crop_mode"] = crop_mode
    if info.origin == "timm":
        config["architecture"] = config["architecture"].partition(".")[0]
        config["model_args"] = timm_arguments(info, shape)
        pretrained |= timm_layout(info)
    return {**config, "pretrained_cfg": pretrained}


def _contract(bundle: Bundle, info: ModelInfo, *, weights_sha256: str) -> dict[str, Any]:
    """nunbit.json."""
    return with_digest(
        {
            "format": FORMAT,
            "architecture": info.name,
            "model_options": _complete_options(
                bundle.model_options, bundle.classes, bundle.preprocess
            ),
            "classes": list(bundle.classes),
            "preprocess": bundle.preprocess.to_dict(),
            "mirrored": bundle.mirrored,
            "temperature": bundle.temperature,
            "thresholds": dict(bundle.thresholds),
            **_operating_point(bundle),
            "data_hash": bundle.data_hash,
            "weights_sha256": weights_sha256,
            "versions": dict(bundle.versions),
        }
    )


def _operating_point(bundle: Bundle) -> dict[str, Any]:
    point = bundle.operating_point
    return {} if point is None else {"operating_point": point.to_dict()}


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """The state of the model as safetensors takes it: on the CPU, contiguous, nothing shared.

    Tied weights are written once for each of their names, so that every reader finds all names.
    """
    return {
        name: torch.clone(tensor.detach().cpu(), memory_format=torch.contiguous_format)
        for name, tensor in model.state_dict().items()
    }


def _load_weights(model: nn.Module, folder: Path, contract: Mapping[str, Any]) -> None:
    path = folder / WEIGHTS
    if not path.is_file():
        raise _missing(path)
    if _sha256(path) != contract.get("weights_sha256"):
        raise BundleError(
            "the weights are damaged, or not those that the bundle was written with",
            path=path,
            remedy=_TOGETHER,
        )
    fresh = {name: tensor.clone() for name, tensor in model.named_buffers()}
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise BundleError(
            f"the weights do not belong to {contract['architecture']}: {error}",
            path=path,
            remedy=_TOGETHER,
        ) from error
    for name, tensor in model.state_dict().items():
        # A buffer may be a mask of minus infinities, if a fresh network has the same one.
        if not bool(tensor.isfinite().all()) and not (
            name in fresh and torch.equal(tensor, fresh[name])
        ):
            raise BundleError(
                f"the weights are of no use: {name} holds numbers that are not finite",
                path=path,
                remedy="train again, or take another checkpoint",
            )


def _read_contract(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise BundleError("there is no such model folder", path=folder)
    if not (folder / CONTRACT).exists() and (folder / CONFIG).exists():
        raise BundleError(
            f"this model was not written by nunbit: it has no {CONTRACT}, which says how images "
            "become its input",
            path=folder,
        )
    contract = _read_json(folder, CONTRACT)
    if contract.get("format") not in READABLE:
        raise BundleError(
            f"the bundle has format {short(contract.get('format'))}, and this nunbit reads "
            f"{listed([str(number) for number in READABLE])}",
            path=folder / CONTRACT,
            remedy="install the version of nunbit that wrote it, or a later one",
        )
    return contract


def _options_from_json(contract: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples; `create_model` takes no lists."""
    given: Mapping[str, Any] = contract["model_options"]
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    check_options(options)
    return options


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        value = parse_json(_read(folder, name))
    except DocumentError as error:
        raise BundleError(
            f"{name} is damaged: {error}", path=folder / name, remedy=_TOGETHER
        ) from error
    if not isinstance(value, dict):
        raise BundleError(f"{name} is not a JSON object", path=folder / name, remedy=_TOGETHER)
    return value


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise _missing(folder / name) from error
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror}", path=folder / name) from error


def _missing(path: Path) -> BundleError:
    return BundleError(f"{path.name} is missing from the model", path=path, remedy=_TOGETHER)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
