"""nunbit: labelled images in, a classifier out that its owner can trust, understand and ship.

    data = nunbit.load_data("photos/")
    run = nunbit.train(data, epochs=10)
    classifier = nunbit.load(run.folder)
    classifier.predict(["new.jpg"])

Everything is imported at its first use, so that the command line answers at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nunbit.api import Data as Data
    from nunbit.api import compare as compare
    from nunbit.api import feature_maps as feature_maps
    from nunbit.api import filters as filters
    from nunbit.api import load_data as load_data
    from nunbit.api import train as train
    from nunbit.classifier import Classifier as Classifier
    from nunbit.errors import NunbitError as NunbitError
    from nunbit.evaluation.comparison.values import Comparison as Comparison
    from nunbit.loading import load as load
    from nunbit.models.catalog import list_models as list_models
    from nunbit.models.create import create_model as create_model
    from nunbit.models.summary import summarise as summarise
    from nunbit.pipelines.evaluation.checkpoints import EvaluatedCheckpoint as EvaluatedCheckpoint
    from nunbit.pipelines.evaluation.checkpoints import checkpoint_names as checkpoint_names
    from nunbit.pipelines.evaluation.checkpoints import evaluate_checkpoints as evaluate_checkpoints
    from nunbit.pipelines.evaluation.checkpoints import load_checkpoint as load_checkpoint
    from nunbit.pipelines.train import Run as Run

_HOME = {
    "Classifier": "nunbit.classifier",
    "Comparison": "nunbit.evaluation.comparison.values",
    "Data": "nunbit.api",
    "EvaluatedCheckpoint": "nunbit.pipelines.evaluation.checkpoints",
    "NunbitError": "nunbit.errors",
    "Run": "nunbit.pipelines.train",
    "checkpoint_names": "nunbit.pipelines.evaluation.checkpoints",
    "compare": "nunbit.api",
    "create_model": "nunbit.models.create",
    "evaluate_checkpoints": "nunbit.pipelines.evaluation.checkpoints",
    "feature_maps": "nunbit.api",
    "filters": "nunbit.api",
    "list_models": "nunbit.models.catalog",
    "load": "nunbit.loading",
    "load_checkpoint": "nunbit.pipelines.evaluation.checkpoints",
    "load_data": "nunbit.api",
    "summarise": "nunbit.models.summary",
    "train": "nunbit.api",
}

__all__ = [
    "Classifier",
    "Comparison",
    "Data",
    "EvaluatedCheckpoint",
    "NunbitError",
    "Run",
    "__version__",
    "checkpoint_names",
    "compare",
    "create_model",
    "evaluate_checkpoints",
    "feature_maps",
    "filters",
    "list_models",
    "load",
    "load_checkpoint",
    "load_data",
    "summarise",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nunbit' has no attribute {name!r}")
    from nunbit.extras import extras_named

    with extras_named():
        value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
