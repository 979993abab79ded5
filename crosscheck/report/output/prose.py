"""Markdown of our own as part of a page; what stands in it is text, never HTML."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token


def set_prose(text: str) -> Markup:
    """Markdown as HTML: tables have headers and captions, and scroll by themselves where a window is narrow."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("th_open", lambda *_: '<th scope="col">')
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", lambda *_: "</table>\n</div>\n")
    return Markup(reader.render(text))  # noqa: S704  # escaped by the reader


def _table_open(_: object, tokens: Sequence[Token], place: int, *_rest: object) -> str:
    """Markdown has no captions: a table's is the heading that it stands under, numbered from the second one on."""
    begins, heading = [
        (at, inner.content)
        for at, (outer, inner) in enumerate(pairwise(tokens[:place]))
        if outer.type == "heading_open"
    ][-1]
    number = 1 + sum(token.type == "table_open" for token in tokens[begins:place])
    heading += f" ({number})" if number > 1 else ""
    opened = '<div class="wide" role="region" aria-label="{0}" tabindex="0">\n<table>\n<caption>{0}</caption>\n'
    return Markup(opened).format(heading)  # noqa: S704  # a constant; the heading is escaped by `format`
