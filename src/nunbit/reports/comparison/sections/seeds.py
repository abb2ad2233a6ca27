"""Several seeds of a configuration: mean, spread, and the difference of two configurations."""

from __future__ import annotations

from nunbit.formatting import p_value, percent, points, points_with_range
from nunbit.reports.comparison.charts import draw_seeds
from nunbit.reports.comparison.inputs import PageInput
from nunbit.reports.kit import Section, render

BASES = {
    "same images": "All runs were tested on the same images. The interval covers what other seeds "
    "and other test images of the same kind would change.",
    "same images seed by seed": "Each seed draws its own test images, and both configurations "
    "share those of each seed, so their difference is taken seed by seed. Parts drawn from the "
    "same data overlap; the interval is widened for it, as are those of the means (Nadeau and "
    "Bengio 2003).",
    "other images": "The runs were tested on different images, so nothing can be paired, and only "
    "the spread over the seeds is compared. Parts drawn from the same data overlap; the interval "
    "is widened for it, as are those of the means (Nadeau and Bengio 2003).",
}


def seeds(given: PageInput) -> Section | None:
    """Mean and spread of each configuration, where one has several seeds."""
    comparison = given.comparison
    rows = comparison.configurations
    if all(row.accuracy.n == 1 for row in rows):
        return None
    described = "; ".join(f"{row.name}: mean {percent(row.accuracy.mean)}" for row in rows)
    body = render(
        "comparison/seeds",
        rows=rows,
        points=points,
        same_images=comparison.same_images,
        chart=draw_seeds(rows, name="seeds", description=f"Accuracy of each run. {described}"),
        compared=[
            {
                "row": row,
                "difference": points_with_range(
                    row.found.difference.value, row.found.difference.ci95
                ),
                "p": p_value(row.found.p_value),
                "p_adjusted": p_value(row.p_adjusted),
            }
            for row in comparison.over_seeds
        ],
        bases=[BASES[basis] for basis in {row.found.basis: None for row in comparison.over_seeds}],
    )
    return Section(name="seeds", title="Over seeds", body=body)
