"""Templates of the report."""

from __future__ import annotations

from markupsafe import Markup

from nunbit.reports import kit as page


def render(template: str, /, **values: object) -> Markup:
    """HTML of one of the report's templates; every value is escaped unless it is Markup."""
    return page.render("nunbit.reports.run", template, **values)
