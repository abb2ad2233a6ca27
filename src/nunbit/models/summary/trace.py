"""One pass of an empty image through a network, watched operation by operation.

The pass runs on torch's "meta" device, which computes shapes and no values: it takes a fraction of
a second for any network, needs no memory, and leaves weights, statistics and mode as they were.
Networks that cannot run there are run with real tensors. A process that has no other use for that
device does well to ask for that: torch's first pass there imports its compiler, for one or two
seconds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.hooks import RemovableHandle
from torch.utils.weak import WeakIdKeyDictionary

from nunbit.models.meta_tensors import TRACE_ERRORS, meta_tensors, reference_tensor
from nunbit.models.mode import evaluation_mode
from nunbit.models.summary.fields import image_field
from nunbit.models.summary.multiply_adds import multiply_adds, unfused_attention
from nunbit.models.summary.rules import UNKNOWN, Seen, fields_after


@dataclass(kw_only=True)
class Call:
    """One use of one module during the pass."""

    name: str
    module: nn.Module
    turn: int
    """1 for the module's first use, 2 for the next."""
    multiply_adds: int = 0
    """Count of its own operations; those of modules within it are theirs."""
    input_shape: tuple[int, ...] = ()
    input_field: Seen = None
    outputs: list[tuple[int, ...]] = field(default_factory=list)
    """Shape of every tensor of the result, the batch of one included."""
    output_field: Seen = None


def trace(
    model: nn.Module,
    inputs: Sequence[Tensor],
    *,
    follow: bool = True,
    with_real_tensors: bool = False,
) -> list[Call]:
    """The uses of all modules in the order in which they begin.

    `inputs` are what the network takes, for one image; only their shapes count. With `follow`,
    the first is an image [1, C, ...], and what each value sees of it is followed.
    `with_real_tensors` computes with values, zeros, where the model has any. In evaluation mode;
    the model's own mode is given back. Raises one of `TRACE_ERRORS` if the network cannot work on
    such inputs.
    """
    if not with_real_tensors or is_empty(model):
        try:
            return _run(model, inputs, follow=follow, on_meta=True)
        except TRACE_ERRORS:
            if is_empty(model):
                raise
    return _run(model, inputs, follow=follow, on_meta=False)


def is_empty(model: nn.Module) -> bool:
    """Tell whether the model has been built without values."""
    return any(parameter.is_meta for parameter in model.parameters())


def _run(model: nn.Module, inputs: Sequence[Tensor], *, follow: bool, on_meta: bool) -> list[Call]:
    home = reference_tensor(model)
    device = torch.device("meta") if on_meta else home.device
    given = tuple(torch.zeros(tensor.shape, device=device, dtype=home.dtype) for tensor in inputs)
    watch = _Watch(given[0] if follow else None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(evaluation_mode(model))
        stack.enter_context(watch.hooked(model))
        stack.enter_context(torch.no_grad())
        stack.enter_context(unfused_attention())
        stack.enter_context(watch)
        if on_meta:
            functional_call(model, meta_tensors(model), given)
        else:
            model(*given)
    return watch.calls


_tensors_as_keys = cast(Callable[[], MutableMapping[Tensor, Any]], WeakIdKeyDictionary)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts every operation for the module that runs it, and follows what its tensors see."""

    def __init__(self, image: Tensor | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []
        self._open: list[Call] = []
        self._fields: MutableMapping[Tensor, Seen] = _tensors_as_keys()
        self._viewed: MutableMapping[Tensor, Tensor] = _tensors_as_keys()
        if image is not None:
            self._fields[image] = image_field(tuple(image.shape))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler only to keep it away from `__torch_dispatch__`."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
        if self._open:
            self._open[-1].multiply_adds += multiply_adds(func, args, tensors)
        for tensor, seen in zip(
            tensors, fields_after(func, args, self._look, tensors), strict=True
        ):
            self._fields[tensor] = seen
            if func.is_view:
                self._viewed[tensor] = self._viewed.get(args[0], args[0])
            elif func._schema.is_mutable and seen is not None and tensor in self._viewed:
                # A part was written to: no rule says what the whole then sees.
                self._fields[self._viewed[tensor]] = UNKNOWN
        return result

    def _look(self, tensor: Any) -> Seen:
        return self._fields.get(tensor) if isinstance(tensor, Tensor) else None

    @contextlib.contextmanager
    def hooked(self, model: nn.Module) -> Iterator[None]:
        """Hooks on every module that end with the block, whatever happens in it."""
        handles: list[RemovableHandle] = []
        turns: dict[nn.Module, int] = {}

        def begin(name: str) -> Any:
            def hook(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
                turns[module] = turns.get(module, 0) + 1
                call = Call(name=name, module=module, turn=turns[module])
                given = [v for v in tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
                if given:
                    call.input_shape = tuple(given[0].shape)
                    call.input_field = self._look(given[0])
                self.calls.append(call)
                self._open.append(call)

            return hook

        def end(_: nn.Module, __: Any, result: Any) -> None:
            call = self._open.pop()
            tensors = [value for value in tree_leaves(result) if isinstance(value, Tensor)]
            call.outputs = [tuple(tensor.shape) for tensor in tensors]
            call.output_field = self._look(tensors[0]) if tensors else None

        try:
            for name, module in model.named_modules():
                handles.append(module.register_forward_pre_hook(begin(name), with_kwargs=True))
                handles.append(module.register_forward_hook(end))
            yield
        finally:
            for handle in handles:
                handle.remove()
