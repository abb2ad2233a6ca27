"""Streams of random numbers: repeatable for ever, and different from each other."""

from __future__ import annotations

from itertools import product

from nunbit.seeds import Purpose, derive_seed


def test_old_runs_can_be_repeated() -> None:
    assert [derive_seed(0, Purpose.WEIGHTS), derive_seed(7, Purpose.AUGMENTATION, 3, 12)] == [
        2_494_635_221_133_837_528,
        7_400_041_189_138_921_276,
    ]


def test_every_use_has_a_stream_of_its_own() -> None:
    seeds = [
        derive_seed(seed, purpose, epoch, batch)
        for seed, purpose, epoch, batch in product((0, 1, 2**62), Purpose, (1, 2, 3), range(20))
    ]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
