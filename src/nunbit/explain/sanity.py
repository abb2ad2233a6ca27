"""Checks of a map: does it depend on the model, and do its pixels matter?

B images in a batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor, nn

from nunbit.explain.attribution import Explainer, Maps
from nunbit.explain.deletion_insertion import Curves, Reference, curves_of, random_reference
from nunbit.explain.randomized_weights import ALL_LAYERS, DRAWS, Copies
from nunbit.explain.verdict import verdict

__all__ = ["Checks", "Curves", "Reference", "check_attribution", "random_reference"]

TOO_SIMILAR = 0.5
"""Rank correlation with maps of networks that have learned nothing."""
ATTRIBUTIONS = 2 + DRAWS
"""Maps that `check_attribution` makes of each image, beside the model's own."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """Results of the two checks of one map."""

    similarity: dict[str, float]
    """Rank correlation (Spearman) of the map with that of copies whose layers were randomized from
    the output down: "output layer", "upper half of the layers", "all layers" (the mean of three
    copies). 0 where a copy's map is empty."""
    depends_on_model: bool
    """Adebayo et al. 2018 (arXiv 1810.03292): a map that stays when all weights are randomized
    shows the image, not the model. True below 0.5."""
    curves: Curves
    beats_random: bool
    """Petsiuk et al. 2018: taking its pixels away, and bringing them back, does more than pixels in
    random order."""
    trusted: bool
    """Both hold."""
    verdict: str
    """One to three plain sentences."""


def check_attribution(
    explain: Explainer,
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    maps: Maps | None = None,
    rough: Explainer | None = None,
    reference: Reference | None = None,
    seed: int = 0,
) -> tuple[Checks, ...]:
    """Both checks for each image; arguments as `attribution.attribute` takes them.

    `maps` are those of `explain` on `model` where they were made already. `rough` makes coarser
    maps of the same kind, of any network: then such maps of the model and of its copies are
    compared with each other. `reference` is `random_reference` of the same images and targets; it
    and the copies of the model in it are made here where they are not given. The model is not
    changed: what is randomized is a copy.

    For each image it takes `ATTRIBUTIONS` maps (one more of `rough`) and `removal.PASSES_OF_A_MAP`
    passes, and `removal.PASSES` more where `reference` is not given.
    """
    own = explain(model, images, targets) if maps is None else maps
    if own.shape != (len(images), *images.shape[2:]):
        raise ValueError(f"maps are [B, H, W] of the images' size, not {[*own.shape]}")
    if reference is None:
        reference = random_reference(model, images, targets, seed=seed)
    curves = curves_of(model, images, targets, own, reference=reference, seed=seed)
    copies = reference.copies or Copies(model, images[:1], seed=seed)
    if rough is None:
        others = ((words, explain(copy.model, images, targets)) for words, copy in copies)
        similarity = _similarity_by_depth(own, others)
    else:
        others = ((words, rough(copy.faster, images, targets)) for words, copy in copies)
        similarity = _similarity_by_depth(rough(model, images, targets), others)
    return tuple(
        _judged(own[i], curves[i], {depth: float(rho[i]) for depth, rho in similarity.items()})
        for i in range(len(images))
    )


def _similarity_by_depth(
    own: Maps, others: Iterable[tuple[str, Maps]]
) -> dict[str, NDArray[np.float64]]:
    """Depth in words -> [B], the mean over its copies."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for words, maps in others:
        found.setdefault(words, []).append(rank_correlation(own, maps))
    return {words: np.mean(rows, axis=0) for words, rows in found.items()}


def rank_correlation(one: Maps, other: Maps) -> NDArray[np.float64]:
    """Spearman's of each pair of maps [B, H, W], [B]; 0 where a map is flat or not finite."""
    found = np.zeros(len(one))
    for i, pair in enumerate(zip(one, other, strict=True)):
        flat = [values.ravel() for values in pair]
        if all(np.isfinite(values).all() and np.ptp(values) > 0 for values in flat):
            found[i] = np.corrcoef(rankdata(flat[0]), rankdata(flat[1]))[0, 1]
    return found


def _judged(own: NDArray[np.float32], curves: Curves, similarity: dict[str, float]) -> Checks:
    empty = not np.isfinite(own).all() or np.ptp(own) == 0
    depends = not empty and similarity[ALL_LAYERS] < TOO_SIMILAR
    beats = not empty and curves.gain > curves.gain_needed
    return Checks(
        similarity=similarity,
        depends_on_model=depends,
        curves=curves,
        beats_random=beats,
        trusted=depends and beats,
        verdict=verdict(
            curves, similarity[ALL_LAYERS], empty=empty, depends=depends, beats_random=beats
        ),
    )
