"""One proposal for each image, whatever several findings say about it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nunbit.checks.finding import Finding
from nunbit.checks.fix_list import proposals
from nunbit.data.corrections import Correction
from tests.checks.cases import made_diagnosis

PATHS = tuple(f"{i}.png" for i in range(6))
SAMPLES = made_diagnosis(
    paths=PATHS, labels=(0, 0, 0, 0, 0, 1), classes=("a", "b"), parts=("train",) * 6
).samples


def exclude(row: int, reason: str = "why") -> Correction:
    return Correction(path=PATHS[row], action="exclude", label="a", reason=reason)


def relabel(row: int, new: str = "b", reason: str = "looks so") -> Correction:
    return Correction(path=PATHS[row], action="relabel", label="a", new_label=new, reason=reason)


def finding(
    *corrections: Correction, groups: tuple[tuple[int, ...], ...] = (), kind: str = ""
) -> Finding:
    return Finding(
        kind=kind,
        severity="warning",
        title="t",
        count=len(corrections),
        corrections=corrections,
        groups=groups,
    )


def test_leaving_out_wins_over_a_new_class_in_either_order() -> None:
    for findings in ([finding(relabel(0)), finding(exclude(0))], [finding(exclude(0), relabel(0))]):
        assert proposals(findings, SAMPLES) == (exclude(0),)


def test_of_two_new_classes_the_first_is_proposed() -> None:
    assert proposals([finding(relabel(0, "b")), finding(relabel(0, "c"))], SAMPLES) == (
        relabel(0, "b"),
    )


def test_equal_proposals_are_one_with_both_reasons() -> None:
    found = proposals(
        [finding(exclude(1, "dark"), exclude(1, "a copy"), exclude(1, "dark"))], SAMPLES
    )
    assert found == (exclude(1, "dark; a copy"),)


def test_two_findings_about_the_same_copies_leave_one_of_them() -> None:
    first = finding(exclude(0), groups=((0, 1),))
    second = finding(exclude(1), groups=((0, 1),))
    assert proposals([first, second], SAMPLES) == (exclude(0),)


def test_of_every_pair_in_a_ring_of_copies_one_stays() -> None:
    chain = [finding(exclude(i), groups=((i, (i + 1) % 3),)) for i in range(3)]
    assert proposals(chain, SAMPLES) == (exclude(0),)


def test_a_finding_that_wants_all_copies_gone_gets_it() -> None:
    contradiction = finding(exclude(0), exclude(1), groups=((0, 1),))
    assert proposals([contradiction], SAMPLES) == (exclude(0), exclude(1))


def test_copies_that_a_new_class_reconciles_all_stay() -> None:
    """Row 5 is the only b; as an a it agrees with its copy, and nothing must be left out."""
    contradiction = finding(exclude(4), exclude(5), groups=((4, 5),), kind="copies-across-classes")
    suspected = finding(relabel(5, "a"))
    for order in ([contradiction, suspected], [suspected, contradiction]):
        assert proposals(order, SAMPLES) == (relabel(5, "a"),)
    # Another class does not help.
    assert [c.action for c in proposals([contradiction, finding(relabel(5, "c"))], SAMPLES)] == [
        "exclude",
        "exclude",
    ]


def test_very_many_copies_of_one_image_take_no_time() -> None:
    """Looking through all of a group for each of its images is quadratic."""
    paths = tuple(f"{i:05}.png" for i in range(30_000))
    samples = made_diagnosis(
        paths=paths, labels=(0,) * len(paths), classes=("a",), parts=("train",) * len(paths)
    ).samples
    gone = [Correction(path=p, action="exclude", label="a", reason="copy") for p in paths[1:]]
    group = tuple(range(len(paths)))
    assert len(proposals([finding(*gone, groups=(group,))], samples)) == len(gone)


def test_the_list_is_sorted_by_path() -> None:
    assert [c.path for c in proposals([finding(exclude(4), relabel(2))], SAMPLES)] == [
        "2.png",
        "4.png",
    ]


pairs = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda p: p[0] != p[1]), max_size=8
)


@given(pairs)
def test_copies_never_all_disappear(found: list[tuple[int, int]]) -> None:
    findings = [finding(exclude(gone), groups=((gone, kept),)) for gone, kept in found]
    chosen = {c.path for c in proposals(findings, SAMPLES)}
    for gone, kept in found:
        assert {PATHS[gone], PATHS[kept]} - chosen
    assert len(chosen) == len(proposals(findings, SAMPLES))
