"""How each of torch's operations moves the part of the image that its result sees.

One rule for each kind of operation, found by the operation's name in the aten library, which every
network comes down to; branches need no special care, for a rule sees all tensors that meet in it.
Operations without a rule give `UNKNOWN`, which the summary does not pass over in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nunbit.models.summary import layout, mixing, windows
from nunbit.models.summary.seen import (
    UNKNOWN,
    CannotFollowError,
    Look,
    Rule,
    Seen,
    Unknown,
    tensors_in,
)


def fields_after(
    operation: Any, arguments: Sequence[Any], look: Look, results: Sequence[Tensor]
) -> list[Seen]:
    """The field of each result of an operation on tensors of known fields."""
    inputs = [look(tensor) for tensor in tensors_in(arguments)]
    if all(field is None for field in inputs):
        return [None] * len(results)
    name = operation.overloadpacket.__name__.rstrip("_").lstrip("_")
    rule = RULES.get(name)
    if rule is None and torch.Tag.pointwise in operation.tags:
        rule = mixing.pointwise
    if rule is None or any(isinstance(field, Unknown) for field in inputs):
        return [None if name.endswith("_like") else UNKNOWN] * len(results)
    try:
        found = rule(arguments, look, results)
    except CannotFollowError:
        found = UNKNOWN
    return found if isinstance(found, list) else [found] * len(results)


_KINDS: dict[Rule, str] = {
    mixing.pointwise: "hardswish native_dropout where addcmul addcdiv lerp copy",
    mixing.same: "to_copy detach contiguous lift_fresh_copy lift_fresh alias as_strided dropout",
    windows.convolution: "convolution convolution_overrideable",
    windows.pooling(4): "max_pool2d_with_indices max_pool3d_with_indices",
    windows.pooling(None): "avg_pool1d avg_pool2d avg_pool3d",
    windows.adaptive_pooling: "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d "
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d",
    windows.padded: "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d "
    "replication_pad1d replication_pad2d replication_pad3d",
    layout.reshaped: "view unsafe_view reshape reshape_alias flatten unsqueeze squeeze",
    layout.expand: "expand",
    layout.permute: "permute",
    layout.transpose: "transpose t",
    mixing.reduce: "mean sum amax amin linalg_vector_norm norm var std var_mean logsumexp max min",
    mixing.along: "softmax safe_softmax log_softmax cumsum",
    mixing.layer_norm: "native_layer_norm",
    mixing.group_norm: "native_group_norm",
    mixing.batch_norm: "native_batch_norm cudnn_batch_norm native_batch_norm_legit_no_training",
    mixing.product: "mm bmm addmm baddbmm",
    mixing.attention: "scaled_dot_product_flash_attention scaled_dot_product_efficient_attention "
    "scaled_dot_product_flash_attention_for_cpu scaled_dot_product_cudnn_attention",
    layout.cat: "cat",
    layout.stack: "stack",
    layout.sliced: "slice",
    layout.split: "split split_with_sizes unsafe_split",
    layout.select: "select",
    layout.unbind: "unbind",
    layout.roll: "roll",
    layout.indexed: "index",
}
RULES: Mapping[str, Rule] = {name: rule for rule, names in _KINDS.items() for name in names.split()}
"""Rule of each operation by its name in aten, without underscores at its ends."""
