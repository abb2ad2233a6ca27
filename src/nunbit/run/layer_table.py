"""The network of a bundle, layer by layer."""

from __future__ import annotations

from nunbit.bundle import Bundle
from nunbit.errors import UsageError
from nunbit.models.summary import Summary, summarise


def layer_table(bundle: Bundle) -> Summary | None:
    """What `nunbit summary` shows of it; None where a pass without values cannot be watched."""
    contract = bundle.preprocess
    shape = (contract.channels, contract.height, contract.width)
    try:
        return summarise(bundle.model, shape, name=bundle.architecture)
    except UsageError:
        return None
