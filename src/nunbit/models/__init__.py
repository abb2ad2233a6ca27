"""The networks: nunbit's own catalogue, with torchvision's and timm's zoos behind it."""

from __future__ import annotations

from nunbit.models.catalog import list_models, model_info
from nunbit.models.choose import ModelChoice, choose_model, input_size_for
from nunbit.models.create import create_model
from nunbit.models.info import ModelInfo
from nunbit.models.initialise import initialise

__all__ = [
    "ModelChoice",
    "ModelInfo",
    "choose_model",
    "create_model",
    "initialise",
    "input_size_for",
    "list_models",
    "model_info",
]
