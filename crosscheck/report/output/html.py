"""What every page is made of: templates that escape by themselves, one style sheet, and the same page on paper.

A page is one file: its style stands in it, and a content security policy lets it fetch nothing and run nothing. So it
can be opened from the file system, mailed and filed, and looks the same in ten years.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crosscheck.errors import CrosscheckError
from crosscheck.report.output.rank_bands import describe_effect, describe_place
from crosscheck.rulebook.to_english import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_SHARED: Final = "page"

# The same page gives the same PDF: the format otherwise records when it was made (July 2009, as the review).
_MADE: Final = "1246406400"


class PaperError(CrosscheckError):
    """A PDF was asked for where the libraries that set type are not installed."""

    headline = "No PDF can be made on this machine."


@cache
def environment(folder: str) -> Environment:
    """The templates of one kind of page, which may extend and include those of every page.

    Text is escaped, an unknown name is an error. Filters: `words` (a code as people write it), `sentence` (words as
    they begin one), `percent` (of a share, by default without decimals), `signed`, `place` (the band of a declaration),
    `effect` (decibans in words).
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
        "sentence": _sentence,
        "percent": _percent,
        "signed": sign,
        "place": describe_place,
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


def render(folder: str, template: str, told: Mapping[str, object]) -> str:
    """One page as HTML, from a template of a kind of page."""
    return environment(folder).get_template(template).render(told)


def write_pdf(html: str, file: Path) -> None:
    """Set a page as PDF that a screen reader can follow (PDF/UA-1); the same page gives the same bytes.

    Raises:
        PaperError: the libraries that set type are missing; the message says what to install.
    """
    os.environ.setdefault("SOURCE_DATE_EPOCH", _MADE)
    try:
        import weasyprint
    except OSError as error:  # it loads Pango when it is imported
        raise PaperError(
            f"PDF needs the Pango library ({error}). On Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0 "
            "libharfbuzz-subset0. The pages as HTML need nothing, and print well."
        ) from error
    page = weasyprint.HTML(string=html, url_fetcher=_fetch_nothing)
    page.write_pdf(file, pdf_variant="pdf/ua-1", pdf_tags=True, pdf_identifier=identify(html))


def identify(html: str) -> bytes:
    """What the PDF of a page bears as its identifier, near its end: it says which text it was set from."""
    return hashlib.sha256(html.encode()).hexdigest()[:32].encode()


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    message = f"{url}: a page fetches nothing"
    raise ValueError(message)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(share: float | None, decimals: int = 0) -> str:
    """A share as a percentage; an en dash where there is none."""
    return "–" if share is None else f"{share:.{decimals}%}"


def sign(number: float, decimals: int = 1) -> str:
    """A number with its sign; a true minus, which no line break parts from its digits."""
    return f"{number:+.{decimals}f}".replace("-", "−")
