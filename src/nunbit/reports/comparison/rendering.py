"""Templates of the comparison's page."""

from __future__ import annotations

from markupsafe import Markup

from nunbit.reports import kit as page


def render(template: str, /, **values: object) -> Markup:
    """HTML of one of the page's templates; every value is escaped unless it is Markup."""
    return page.render("nunbit.reports.comparison", template, **values)
