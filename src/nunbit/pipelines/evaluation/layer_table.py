"""The network of a bundle, layer by layer."""

from __future__ import annotations

from nunbit.bundle import Bundle
from nunbit.errors import UsageError
from nunbit.models.catalog import model_info
from nunbit.models.summary import Summary, summarise


def layer_table(bundle: Bundle) -> Summary | None:
    """What `nunbit summary` shows of it; None where a pass without values cannot be watched."""
    shape = bundle.preprocess.shape
    # The zoos' networks hide more from a pass in earnest, such as a fused attention.
    own = model_info(bundle.architecture).origin == "nunbit"
    try:
        return summarise(bundle.model, shape, name=bundle.architecture, with_real_tensors=own)
    except UsageError:
        return None
