"""Operations made of operations."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Generator, Tensor

from nunbit.data.augment.operation import Operation, apply_by_index, random_integers


@dataclass(frozen=True, kw_only=True)
class Combined(Operation, ABC):
    """Operation that holds operations of its own."""

    operations: tuple[Operation, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for anything that is not an operation, and for an empty tuple."""
        super().__post_init__()
        if not self.operations:
            raise ValueError("operations is empty")
        for operation in self.operations:
            if not isinstance(operation, Operation):
                raise ValueError(f"{operation!r} is not an operation on images")


@final
@dataclass(frozen=True, kw_only=True)
class Compose(Combined):
    """Several operations one after the other, each with its own probability."""

    name: ClassVar[str] = "compose"

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        for operation in self.operations:
            images = operation(images, generator)
        return images


@final
@dataclass(frozen=True, kw_only=True)
class OneOf(Combined):
    """One of several operations for each image, each as often; it then has its own probability."""

    name: ClassVar[str] = "one-of"

    def change(self, images: Tensor, generator: Generator) -> Tensor:
        which = random_integers(images, generator, 0, len(self.operations) - 1)
        changes = [
            lambda some, _, operation=operation: operation(some, generator)
            for operation in self.operations
        ]
        return apply_by_index(images, which, changes)
