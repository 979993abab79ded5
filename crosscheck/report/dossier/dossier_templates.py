"""The templates of the dossier, and what their macros say in plain text: screen, paper and page say the same."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from crosscheck.figures.kinds import KINDS
from crosscheck.report.output.file_names import page_of
from crosscheck.report.output.html import environment, render_text
from crosscheck.report.plots.funnels import KEY, write_figure

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def dossier_templates() -> Environment:
    """The templates of every page with the filters `page` (the name of a page) and `amount` (a figure of a kind)."""
    found = environment("dossier")
    found.filters |= {"page": page_of, "amount": _amount}
    found.globals |= {"key_of_funnels": KEY}
    return found


def say(macro: str, *arguments: object) -> str:
    """What a macro of the dossier's parts says, as plain text."""
    # A template keeps the filters that it was compiled with, so they are given before anything else reads it.
    dossier_templates()
    return render_text("dossier", "parts.html", macro, *arguments)


def _amount(figure: float, kind: str) -> str:
    return write_figure(figure, KINDS[kind].unit if kind in KINDS else "")
