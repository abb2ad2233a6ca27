"""The networks: nunbit's own catalogue, with torchvision's and timm's zoos behind it."""

from __future__ import annotations

from nunbit.models.create import create_model

__all__ = ["create_model"]
