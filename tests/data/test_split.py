"""The honest split: shares, groups, copies, given parts, manifests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nunbit.data.split import (
    Fractions,
    apply_manifest,
    make_split,
    read_manifest,
    small_classes,
    write_manifest,
)
from nunbit.data.storage import ImageArrays
from nunbit.errors import DataError
from nunbit.types import Samples, Split


def make_samples(
    labels: list[int],
    *,
    parts: list[str] | None = None,
    groups: list[str] | None = None,
    order: list[int] | None = None,
) -> Samples:
    n = len(labels)
    order = order or list(range(n))
    return Samples(
        name="test",
        location="a test",
        classes=tuple(f"c{k}" for k in range(max(labels, default=0) + 1)),
        images=ImageArrays(array=np.zeros((n, 2, 2, 1), dtype=np.uint8)),
        paths=tuple(f"{i:05d}" for i in order),
        labels=np.array([labels[i] for i in order], dtype=np.int64),
        parts=tuple((parts or [""] * n)[i] for i in order),
        groups=tuple((groups or [""] * n)[i] for i in order),
        reasons=("",) * n,
    )


def digests(n: int) -> list[str]:
    return [f"sha{i}" for i in range(n)]


def split_of(samples: Samples, sha256: list[str] | None = None, seed: int = 0, **sizes) -> Split:
    return make_split(
        samples,
        sha256=sha256 or digests(len(samples)),
        reasons=samples.reasons,
        fractions=Fractions(**sizes),
        seed=seed,
    )


def test_shares_are_those_asked_for_in_every_class() -> None:
    split = split_of(make_samples([0] * 100 + [1] * 50), test=0.2, validation=0.25)
    counts = Counter(zip(split.labels, split.parts, strict=True))
    assert counts == {
        ("c0", "test"): 20,
        ("c0", "validation"): 20,
        ("c0", "train"): 60,
        ("c1", "test"): 10,
        ("c1", "validation"): 10,
        ("c1", "train"): 30,
    }


def test_the_validation_part_is_capped() -> None:
    split = split_of(make_samples([0, 1] * 500), max_validation=50)
    assert split.counts == {"train": 750, "validation": 50, "test": 200, "excluded": 0}


labelled = st.lists(st.integers(0, 4), min_size=1, max_size=80)


@settings(deadline=None)
@given(labels=labelled, seed=st.integers(0, 2**32), data=st.data())
def test_any_split_is_complete_and_keeps_copies_and_groups_whole(labels, seed, data) -> None:
    n = len(labels)
    groups = data.draw(st.lists(st.sampled_from(["", "a", "b", "c", "d"]), min_size=n, max_size=n))
    copies = data.draw(st.lists(st.integers(0, n), min_size=n, max_size=n))
    sha256 = [f"sha{k}" for k in copies]
    split = split_of(make_samples(labels, groups=groups), sha256, seed)
    assert sum(split.counts.values()) == n
    assert split.counts["excluded"] == 0
    assert split.counts["train"] >= 1
    for column in (groups, sha256):
        seen: dict[str, set[str]] = {}
        for value, part in zip(column, split.parts, strict=True):
            if value:
                seen.setdefault(value, set()).add(part)
        assert all(len(parts) == 1 for parts in seen.values())
    assert len(split.leaked_test_indices) == 0
    # Each class that is tested is also learned.
    trained = {c for c, p in zip(split.labels, split.parts, strict=True) if p == "train"}
    assert set(split.labels) == trained


@settings(deadline=None)
@given(labels=labelled, seed=st.integers(0, 2**32), data=st.data())
def test_the_order_of_listing_does_not_matter(labels, seed, data) -> None:
    order = data.draw(st.permutations(range(len(labels))))
    sha256 = digests(len(labels))
    straight = split_of(make_samples(labels), sha256, seed)
    shuffled = split_of(make_samples(labels, order=order), [sha256[i] for i in order], seed)
    assert dict(zip(straight.paths, straight.parts, strict=True)) == dict(
        zip(shuffled.paths, shuffled.parts, strict=True)
    )


def test_the_seed_changes_the_split_and_only_the_seed() -> None:
    samples = make_samples([0, 1] * 50)
    assert split_of(samples, seed=1) == split_of(samples, seed=1)
    assert split_of(samples, seed=1).parts != split_of(samples, seed=2).parts


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_small_class_always_keeps_one_image_for_training(size: int) -> None:
    split = split_of(make_samples([0] * 40 + [1] * size))
    parts = Counter(p for c, p in zip(split.labels, split.parts, strict=True) if c == "c1")
    wanted = {1: {"train": 1}, 2: {"train": 1, "validation": 1}}
    assert parts == wanted.get(size, {"train": size - 2, "validation": 1, "test": 1})
    assert ("c1" in small_classes(split)) == (size < 3)


def test_large_groups_are_drawn_at_random_and_not_by_size() -> None:
    groups = [f"g{i}" for i in range(10) for _ in range(10)]
    tested = set()
    for seed in range(20):
        split = split_of(make_samples([0] * 100, groups=groups), seed=seed)
        parts = dict(zip(groups, split.parts, strict=True))
        tested |= {g for g, p in parts.items() if p == "test"}
        assert split.counts["test"] == 20
    assert len(tested) == 10


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_a_few_large_groups_is_still_tested(seed: int) -> None:
    # Each group is more than twice of what a tenth, or the cap on validation, asks for.
    groups = [f"g{i}" for i in range(5) for _ in range(100)]
    samples = make_samples([0, 1] * 250, groups=groups)
    split = split_of(samples, seed=seed, test=0.05, max_validation=10)
    assert split.counts == {"train": 300, "validation": 100, "test": 100, "excluded": 0}
    assert small_classes(split) == {}


def test_the_smallest_of_groups_that_are_too_large_is_taken() -> None:
    groups = [f"g{size}" for size in (60, 70, 80, 90) for _ in range(size)]
    for seed in range(5):
        split = split_of(make_samples([0] * 300, groups=groups), seed=seed, test=0.05)
        assert {g for g, p in zip(groups, split.parts, strict=True) if p == "test"} == {"g60"}


def test_given_parts_are_kept_and_the_missing_one_is_carved_from_training() -> None:
    given_parts = ["train"] * 80 + ["test"] * 20
    split = split_of(make_samples([0, 1] * 50, parts=given_parts), validation=0.25)
    assert split.parts[80:] == ("test",) * 20
    assert split.counts == {"train": 60, "validation": 20, "test": 20, "excluded": 0}


def test_a_test_part_carved_beside_a_given_validation_part_does_not_leak() -> None:
    given_parts = ["train"] * 90 + ["validation"] * 10
    sha256 = digests(90) + digests(10)  # each validation image has a copy in training
    for seed in range(10):
        split = split_of(make_samples([0] * 100, parts=given_parts), sha256, seed)
        assert split.counts["test"] > 0
        assert len(split.leaked_test_indices) == 0


def test_rows_without_a_part_follow_their_copies() -> None:
    given_parts = ["test"] * 5 + [""] * 45
    sha256 = digests(5) + digests(5) + [f"other{i}" for i in range(40)]
    split = split_of(make_samples([0] * 50, parts=given_parts), sha256)
    assert split.parts[:10] == ("test",) * 10
    assert len(split.leaked_test_indices) == 0


def test_leaks_between_given_parts_are_counted() -> None:
    given_parts = ["train"] * 6 + ["test"] * 4
    sha256 = [*digests(6), "sha0", "sha1", "new", "newer"]
    split = split_of(make_samples([0, 1] * 5, parts=given_parts), sha256)
    assert list(split.leaked_test_indices) == [6, 7]


def test_excluded_samples_keep_their_reason() -> None:
    samples = make_samples([0] * 10)
    reasons = ["truncated: x", *[""] * 9]
    split = make_split(samples, sha256=digests(10), reasons=reasons, fractions=Fractions(), seed=0)
    assert split.parts[0] == "excluded"
    assert split.reasons[0] == "truncated: x"
    assert split.counts["excluded"] == 1


def test_nothing_usable_is_an_error() -> None:
    samples = make_samples([0] * 3)
    with pytest.raises(DataError, match="no usable image is left"):
        make_split(samples, sha256=digests(3), reasons=["bad"] * 3, fractions=Fractions(), seed=0)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(deadline=None)
@given(data=st.lists(st.tuples(names, names, names), min_size=1, max_size=10))
def test_a_manifest_comes_back_as_it_was(data, tmp_path_factory) -> None:
    split = Split(
        paths=tuple(f"{i}/{path}" for i, (path, _, _) in enumerate(data)),
        labels=tuple(label for _, label, _ in data),
        parts=tuple("excluded" if reason else "train" for _, _, reason in data),
        groups=("",) * len(data),
        sha256=tuple(digests(len(data))),
        reasons=tuple(reason for _, _, reason in data),
    )
    path = tmp_path_factory.mktemp("manifest") / "split.csv"
    write_manifest(path, split)
    assert read_manifest(path) == split


def test_a_file_name_that_is_no_unicode_survives(tmp_path: Path) -> None:
    split = split_of(make_samples([0]))
    odd = Split(**{**split.__dict__, "paths": (b"caf\xe9.png".decode("utf-8", "surrogateescape"),)})
    write_manifest(tmp_path / "split.csv", odd)
    assert read_manifest(tmp_path / "split.csv").paths == odd.paths


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n", "not a split manifest"),
        ("", "not a split manifest"),
        ("path,label,split,group,sha256,reason\nx,y,training,,,\n", "line 2"),
        ("path,label,split,group,sha256,reason\nx,y,train,,\n", "line 2"),
        ('path,label,split,group,sha256,reason\n"' + "x,y,train,,,\n" * 20_000, "is damaged"),
        ("path,label,split,group,sha256,reason\n" + "x,y,train,,,\n" * 2, "x appears in"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "split.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        read_manifest(path)
    assert caught.value.path == str(path)


def test_a_manifest_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    split = split_of(make_samples([0, 1] * 5))
    write_manifest(tmp_path / "split.csv", split)
    text = (tmp_path / "split.csv").read_text(encoding="utf-8")
    (tmp_path / "saved.csv").write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert read_manifest(tmp_path / "saved.csv") == split


def apply(samples: Samples, manifest: Split, sha256: list[str], reasons: list[str]) -> Split:
    return apply_manifest(
        samples, manifest, sha256=sha256, reasons=reasons, manifest_path=Path("split.csv")
    )


def test_a_manifest_is_applied_by_path() -> None:
    samples = make_samples([0, 1] * 10)
    manifest = split_of(samples, seed=3)
    again = apply(samples, manifest, digests(20), [""] * 20)
    assert again == manifest
    worse = apply(samples, manifest, digests(20), ["truncated", *[""] * 19])
    assert worse.parts[0] == "excluded"
    assert worse.parts[1:] == manifest.parts[1:]


def test_the_part_in_a_manifest_decides_and_an_exclusion_has_a_reason() -> None:
    samples = make_samples([0, 1] * 10)
    manifest = split_of(samples)
    edited = Split(
        **{
            **manifest.__dict__,
            "parts": ("excluded", "excluded", "train", *manifest.parts[3:]),
            "reasons": ("blurred", "", "was excluded once", *[""] * 17),
            "groups": ("a", *[""] * 19),
        }
    )
    again = apply(samples, edited, digests(20), [""] * 20)
    assert again.parts == edited.parts
    assert again.reasons == ("blurred", "excluded by the manifest", *[""] * 18)
    assert again.groups == edited.groups


def test_a_manifest_of_other_data_is_refused() -> None:
    samples = make_samples([0, 1] * 10)
    manifest = split_of(samples)
    changed = ["other", *digests(20)[1:]]
    with pytest.raises(DataError, match="00000 has another content"):
        apply(samples, manifest, changed, [""] * 20)
    more = make_samples([0, 1] * 11)
    with pytest.raises(DataError, match="2 of the images are not in the manifest"):
        apply(more, manifest, digests(22), [""] * 22)
    fewer = make_samples([0, 1] * 9)
    with pytest.raises(DataError, match="2 of the images are no longer there"):
        apply(fewer, manifest, digests(18), [""] * 18)
    relabelled = make_samples([1, 0] * 10)
    with pytest.raises(DataError, match="has another label"):
        apply(relabelled, manifest, digests(20), [""] * 20)


@given(
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=12),
    st.integers(0, 5),
)
def test_pairs_of_copies_are_never_torn_apart(pairs: list[tuple[int, int]], seed: int) -> None:
    samples = make_samples([i % 2 for i in range(40)])
    reasons = ["torn" if i == 7 else "" for i in range(40)]
    split = make_split(
        samples,
        sha256=[f"{i}" for i in range(40)],
        reasons=reasons,
        fractions=Fractions(),
        seed=seed,
        copies=np.array(pairs, dtype=np.int64).reshape(-1, 2),
    )
    for one, other in pairs:
        if 7 not in (one, other):
            assert split.parts[one] == split.parts[other]
    assert split.parts[7] == "excluded"


def test_no_copies_change_nothing() -> None:
    samples = make_samples([i % 2 for i in range(40)])
    options = {
        "sha256": [f"{i}" for i in range(40)],
        "reasons": [""] * 40,
        "fractions": Fractions(),
        "seed": 3,
    }
    without = make_split(samples, **options)
    assert make_split(samples, **options, copies=np.empty((0, 2), dtype=np.int64)) == without


@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_the_split_of_a_seed_is_what_it_always_was(seed: int) -> None:
    """By its definition: images by path, in the order of NumPy's permutation for the bare seed."""
    labels = [0] * 37 + [1] * 20 + [2] * 11
    order = np.random.default_rng(99).permutation(len(labels)).tolist()
    samples = make_samples(labels, order=order)
    found = split_of(samples, seed=seed, test=0.2, validation=0.25)

    rng = np.random.default_rng(seed)
    label_of = {f"{i:05d}": label for i, label in enumerate(labels)}
    left, expected = sorted(label_of), dict.fromkeys(label_of, "train")
    for part, fraction in (("test", 0.2), ("validation", 0.25)):
        wanted = Counter(label_of[path] for path in left)
        wanted = Counter({label: round(fraction * n) for label, n in wanted.items()})
        for position in rng.permutation(len(left)):
            path = left[position]
            if wanted[label_of[path]] > 0:
                wanted[label_of[path]] -= 1
                expected[path] = part
        left = [path for path in left if expected[path] == "train"]
    assert dict(zip(found.paths, found.parts, strict=True)) == expected
