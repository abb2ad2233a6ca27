"""Steps in which timm brings an image to the network's size, as far as its format can say it."""

from __future__ import annotations

from nunbit.data.preprocess import Preprocess


def timm_crop_mode(contract: Preprocess) -> str | None:
    """Name that timm has for how the contract fits an image to its canvas; None where it has none.

    timm pads with the mean colour of its statistics and with no other; a contract that pads with
    another background cannot be said, and is better left out than written wrongly.
    """
    if contract.fit == "pad":
        fill = {round(255 * mean) for mean in contract.mean}
        return "border" if fill == {contract.background} else None
    return {"crop": "center", "squash": "squash"}[contract.fit]


def timm_note(contract: Preprocess) -> str:
    """Remark for a reader of config.json where timm's format cannot say the contract."""
    return (
        f"images are padded with the grey level {contract.background}, which timm cannot express: "
        "nunbit.json has the whole contract"
    )
