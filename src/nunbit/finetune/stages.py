"""Stages of a pretrained network: to which one each parameter and each module belongs.

A network is a row of stages and a head. Stages are counted from 0 in the order of the data flow;
the head has the number that comes after the last of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import nn

StageOf: TypeAlias = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Stages of the parameters and modules of one network; names hold for its copies too."""

    count: int
    """Stages without the head."""
    of_parameter: StageOf
    """Stage of every parameter, by name; `count` for those of the head."""
    of_module: StageOf
    """The last stage that a module takes part in. Modules without weights that no stage uses, such
    as the dropout of a head, are left out."""

    def learning(self, mode: str) -> int:
        """Number of stages, counted from the last, that are trained in a mode of transfer.

        `mode` is head, last-stage, stages:N or all. More stages than there are means all of them.
        """
        wanted = {"head": 0, "last-stage": 1, "all": self.count}
        number = wanted[mode] if mode in wanted else int(mode.removeprefix("stages:"))
        return min(number, self.count)

    def scales(self, decay: float) -> dict[str, float]:
        """Factor on the learning rate of every parameter, by name.

        The head and the last stage have 1, and each stage before `decay` times that of the next:
        what early stages know, edges and textures, serves most images (Howard and Ruder 2018,
        "Universal language model fine-tuning", section 3.2).
        """
        last = self.count - 1
        return {name: decay ** max(0, last - stage) for name, stage in self.of_parameter.items()}


def stages_of(model: nn.Module, prefixes: Sequence[nn.Module]) -> Stages:
    """The stages of a network.

    Args:
        model: the network.
        prefixes: for each stage, a module with all that an image passes through up to the stage's
            end; its parameters and modules are those of `model`.
    """
    parameters = _first_found([set(map(id, prefix.parameters())) for prefix in prefixes])
    modules = _first_found([set(map(id, prefix.modules())) for prefix in prefixes])
    head = len(prefixes)
    of_module: dict[str, int] = {}
    for name, module in model.named_modules():
        used = [parameters.get(id(p), head) for p in module.parameters()]
        used += [
            modules[id(part)]
            for part in module.modules()
            if id(part) in modules and next(part.children(), None) is None
        ]
        if used:
            of_module[name] = max(used)
    return Stages(
        count=head,
        of_parameter={n: parameters.get(id(p), head) for n, p in model.named_parameters()},
        of_module=of_module,
    )


def _first_found(members: Sequence[set[int]]) -> dict[int, int]:
    """Member to the number of the first set that holds it."""
    found: dict[int, int] = {}
    for number, ids in enumerate(members):
        for member in ids:
            found.setdefault(member, number)
    return found
