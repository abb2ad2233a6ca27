"""The evidence as one picture: stages, learning curve, plans, and the notes' table.

Colours are Okabe and Ito's, told apart by people with any colour vision; lines differ in their
dashes and markers as well.
"""

from __future__ import annotations

import io
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from nunbit.advisor.plans import (
    ALL,
    HEAD,
    LAST_STAGE,
    SCRATCH,
    Advice,
    HeadScore,
    Proportion,
    depth,
    describe,
)
from nunbit.formatting import rough_duration

BLUE, ORANGE, GREY, INK, SOFT = "#0072b2", "#d55e00", "#767676", "#1a1a1a", "#595959"
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": SOFT,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#b0b0b0",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "nunbit",
}
PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.4g} %")


def draw_advice(advice: Advice, *, form: Literal["png", "svg"] = "png") -> bytes:
    """The picture as a file's content, about 1,600 x 1,200 pixels as PNG."""
    with mpl.rc_context():
        mpl.rcdefaults()  # the reader's matplotlibrc must not change the picture
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(11, 8.2), layout="constrained", facecolor="white")
        stages, curve, plans, table = figure.subplots(2, 2).flat
        figure.suptitle(
            f"{advice.data} with {advice.model}: {describe(advice.recommended)}, expected "
            f"{advice.expected.accuracy}",
            fontsize=12.5,
            x=0.01,
            ha="left",
        )
        _stages(stages, advice)
        _curve(curve, advice)
        _plans(plans, advice)
        _table(table, advice)
        buffer = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(buffer, format=form, dpi=150, metadata=metadata)
        return buffer.getvalue()


def description(advice: Advice) -> str:
    """Description of the picture, for those who do not see it."""
    last = next(s for s in reversed(advice.heads) if s.source == "pretrained")
    pixels = next(s for s in advice.heads if s.source == "pixels")
    plans = "; ".join(f"{describe(plan.plan)} {plan.accuracy}" for plan in advice.plans)
    return (
        f"A simple head on the last stage of {advice.model} is right on {last.accuracy} of the "
        f"images, on raw pixels {pixels.accuracy}. Expected of the plans: {plans}. "
        f"Recommended: {describe(advice.recommended)}."
    )


def _stages(axes: Axes, advice: Advice) -> None:
    axes.set_title("How similar? A head on each stage")
    looks = {"pretrained": (BLUE, "solid", "o"), "untrained": (ORANGE, (0, (4, 2)), "s")}
    for source, (colour, dashes, marker) in looks.items():
        scores = [score for score in advice.heads if score.source == source]
        places = [score.stage for score in scores]
        axes.errorbar(
            places,
            [score.accuracy.estimate for score in scores],
            yerr=_bars(scores),
            color=colour,
            linestyle=dashes,
            marker=marker,
            markersize=5,
            capsize=3,
            label=f"{source} network",
        )
    for score in advice.heads:
        if score.source == "pixels":
            proportion = score.accuracy
            axes.axhspan(proportion.low, proportion.high, color=GREY, alpha=0.18, linewidth=0)
            axes.axhline(proportion.estimate, color=GREY, linestyle=(0, (1, 2)), label="raw pixels")
    axes.set_xlabel("stage, from the input to the head")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _accuracies(axes)
    axes.legend(loc="best", fontsize=9)


def _curve(axes: Axes, advice: Advice) -> None:
    axes.set_title("How much? The head's learning curve")
    images = [point.images for point in advice.curve]
    shares = [point.accuracy for point in advice.curve]
    axes.plot(
        images, [proportion.estimate for proportion in shares], color=BLUE, marker="o", markersize=5
    )
    axes.fill_between(
        images,
        [proportion.low for proportion in shares],
        [proportion.high for proportion in shares],
        color=BLUE,
        alpha=0.15,
        linewidth=0,
    )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(images))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("training images")
    _accuracies(axes)


def _plans(axes: Axes, advice: Advice) -> None:
    axes.set_title("What to expect of each plan")
    plans = sorted(advice.plans, key=lambda plan: (plan.plan == SCRATCH, depth(plan.plan)))
    for place, plan in enumerate(plans):
        chosen = plan.plan == advice.recommended
        proportion = plan.accuracy
        axes.errorbar(
            [proportion.estimate],
            [place],
            xerr=[
                [max(0.0, proportion.estimate - proportion.low)],
                [max(0.0, proportion.high - proportion.estimate)],
            ],
            color=ORANGE if chosen else BLUE,
            marker="D" if chosen else "o",
            markersize=7 if chosen else 5,
            capsize=3,
        )
    axes.set_yticks(
        range(len(plans)),
        [
            f"{describe(plan.plan)}\n{rough_duration(plan.seconds)}"
            + (", recommended" if plan.plan == advice.recommended else "")
            for plan in plans
        ],
    )
    axes.set_ylim(len(plans) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PERCENT)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel("expected accuracy, with its 95 % interval; time of training below the name")


def _table(axes: Axes, advice: Advice) -> None:
    """The notes' two-by-two table with the cell of these data marked."""
    axes.set_title("The two questions")
    axes.set_axis_off()
    middle = next((p.plan for p in advice.plans if p.plan.startswith("stages:")), LAST_STAGE)
    cells = {
        (False, True): HEAD,
        (True, True): LAST_STAGE,
        (False, False): middle,
        (True, False): ALL,
    }
    for (much, similar), plan in cells.items():
        here = (much, similar) == (advice.much.yes, advice.similar.yes)
        column, row = int(much), int(not similar)
        axes.add_patch(
            Rectangle(
                (column, 1 - row),
                0.96,
                0.94,
                facecolor="#fbe5d6" if here else "#f4f4f4",
                edgecolor=ORANGE if here else "#cfcfcf",
                linewidth=2.5 if here else 1,
            )
        )
        words = ("similar, " if similar else "different, ") + (
            "much data" if much else "little data"
        )
        axes.text(column + 0.06, 1.8 - row, words, fontsize=9, color=SOFT)
        axes.text(
            column + 0.06,
            1.42 - row,
            describe(plan).replace(" and ", "\nand "),
            fontsize=11,
            linespacing=1.3,
            weight="bold" if here else "normal",
        )
        if here:
            axes.text(column + 0.06, 1.16 - row, "these images", fontsize=9, color=INK)
    axes.set_xlim(-0.02, 2.0)
    axes.set_ylim(-0.05, 2.0)


def _accuracies(axes: Axes) -> None:
    axes.set_ylabel("accuracy, cross-validated")
    axes.yaxis.set_major_formatter(PERCENT)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))


def _bars(scores: list[HeadScore]) -> list[list[float]]:
    """Lengths of the error bars below and above."""

    def lengths(proportion: Proportion) -> tuple[float, float]:
        return proportion.estimate - proportion.low, proportion.high - proportion.estimate

    pairs = [lengths(score.accuracy) for score in scores]
    return [[max(0.0, below) for below, _ in pairs], [max(0.0, above) for _, above in pairs]]
