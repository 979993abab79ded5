"""What every page is made of: templates that escape by themselves, one style sheet.

A page is one file: its style stands in it, and a content security policy lets it fetch nothing and run nothing. So it
can be opened from the file system, mailed and filed, and looks the same in ten years.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crosscheck.report.output.rank_bands import describe_effect, describe_place
from crosscheck.rulebook.to_english import in_words
from crosscheck.vocabulary import ORG_TYPES_IN_WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_SHARED: Final = "page"


@cache
def environment(folder: str) -> Environment:
    """The templates of one kind of page, which may extend and include those of every page.

    Text is escaped, an unknown name is an error. Filters: `words` (a code as people write it), `sentence` (words as
    they begin one), `ended` (words as they end one), `percent` (of a share, by default without decimals), `signed`,
    `day` (a date), `place` (the band of a declaration), `organisation` (a type of organisation), `effect` (decibans in
    words).
    """
    found = Environment(
        loader=FileSystemLoader([TEMPLATES / folder, TEMPLATES / _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "words": in_words,
        "sentence": sentence,
        "ended": end_sentence,
        "percent": percent,
        "signed": sign,
        "day": write_day,
        "place": describe_place,
        "organisation": name_type,
        "effect": describe_effect,
    }
    style = read_style(folder)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    found.globals |= {"style": Markup(style), "style_digest": digest}  # noqa: S704  # our own style sheet
    return found


def read_style(folder: str) -> str:
    """The style of a kind of page: that of every page, and after it its own where it has one."""
    sheets = (TEMPLATES / name / "style.css" for name in (_SHARED, folder))
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets if sheet.is_file())


def render(folder: str, template: str, fields: Mapping[str, object]) -> str:
    """One page as HTML, from a template of a kind of page."""
    return environment(folder).get_template(template).render(fields)


def render_text(folder: str, template: str, macro: str, *arguments: object) -> str:
    """What a macro of a template says, as plain text: so screen and paper say the same."""
    said = getattr(environment(folder).get_template(template).module, macro)(*arguments)
    return str(Markup(said).striptags())  # noqa: S704  # the macro has escaped what it was given


def sentence(words: str) -> str:
    """Words as they begin a sentence."""
    return words[:1].upper() + words[1:]


def end_sentence(words: str) -> str:
    """Words as a sentence ends."""
    return words if words.endswith((".", "?", "!")) else f"{words}."


def name_type(org_type: str) -> str:
    """A type of organisation as people write it, for example Acute trust; one of another vocabulary in its words."""
    return sentence(ORG_TYPES_IN_WORDS.get(org_type, in_words(org_type)))


def write_day(day: date) -> str:
    """A day as people write it, for example 31 December 2008."""
    return f"{day:%-d %B %Y}"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share as a percentage; an en dash where there is none."""
    return "–" if share is None else f"{share:.{decimals}%}"


def sign(number: float, decimals: int = 1) -> str:
    """A number with its sign; a true minus, which no line break parts from its digits."""
    return f"{number:+.{decimals}f}".replace("-", "−")
