"""torch's optimisers without torch's compiler.

`torch.optim` imports the compiler, for a second of every process, only to ask it to leave the
optimiser's own methods alone. A network that is compiled has it imported anyway; what it compiles
is the network, never the optimiser.

Remove when making an optimiser and taking a step no longer import torch._dynamo.
"""

from __future__ import annotations

import inspect
from typing import TypeVar, cast

import torch
from torch.optim import Optimizer

Kind = TypeVar("Kind", bound=Optimizer)
_METHODS = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """The same kind of optimiser, whose methods run as they were written, not as torch wraps them.

    What is left out asks the compiler for something, times a step for torch's profiler, or runs
    hooks on steps. Of no use to an optimiser that is itself compiled or has hooks.
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in _METHODS}
    step = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[Kind], type(kind.__name__, (kind,), {**methods, "step": step}))
