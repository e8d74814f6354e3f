"""The pieces that a report's sections are made of."""

from __future__ import annotations

from tokfluence_async.reporting.charts import Chart
from tokfluence_async.reporting.markup import Markup, data_block, element, join

__all__ = ["card", "chart", "tile", "tiles"]


def card(title: str, *content: Markup | str) -> Markup:
    """A framed part with a heading."""
    return element("div", element("h3", title), *content, class_="card")


def tile(name: str, value: str, more: str = "", *, unit: str = "") -> Markup:
    """One figure."""
    shown = (value, " ", element("small", unit)) if unit else (value,)
    parts = [element("div", name, class_="name"), element("div", *shown, class_="value")]
    if more:
        parts.append(element("div", more, class_="more"))
    return element("div", *parts, class_="tile")


def tiles(*content: Markup) -> Markup:
    """Figures in a grid."""
    return element("div", *content, class_="tiles")


def chart(name: str, spec: Chart) -> Markup:
    """A chart, drawn by the page's script.

    Args:
        name: Its name, unique in the page.
        spec: What to draw.
    """
    view = element("div", "", id=f"chart-{name}-view", class_="chart")
    return join([view, data_block(f"chart-{name}", spec)])
