"""Paper: PDFs that a screen reader can follow (PDF/UA-1), set by typst from templates and data.

A PDF bears the digest of all that it was set from, so one that is still right is known by itself: a long job can be
stopped and taken up where it was.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, Literal

from crosscheck.report.output.folder import replace_file
from crosscheck.report.output.html import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    import typst

Extent = Literal["two pages", "with annex"]

_FOLDER: Final = TEMPLATES / "paper"
_TAIL: Final = 262_144  # bytes at the end of a PDF, in which its digest stands

# What the fonts of the paper can show. The standard forbids a text that shows as an empty box.
_NOT_SHOWN: Final = re.compile(
    "[^ -~\u00a0-\u017e\u0391-\u03a1\u03a3-\u03ce\u0410-\u044f\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022"
    "\u2026\u2030\u20ac\u2122\u2190-\u2193\u2212\u2248\u2260\u2264\u2265]"
)
_ALIKE: Final = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2009": "\u00a0", "\u202f": "\u00a0"})


@dataclass(frozen=True)
class Paper:
    """One document: the template that sets it, its title, the day that it bears, and what it says.

    `fields` is handed to the template as JSON, so that no text can act as a part of the template. It holds texts,
    numbers, lists and mappings only; pictures are texts of SVG.
    """

    template: str
    title: str
    day: date
    fields: Mapping[str, Any]

    @cached_property
    def data(self) -> str:
        """What the template reads, with the characters that the fonts lack written as [U+1F600]."""
        heading = {"title": self.title, "day": [self.day.year, self.day.month, self.day.day]}
        written = json.dumps({**heading, **self.fields}, ensure_ascii=False)
        composed = unicodedata.normalize("NFC", written).translate(_ALIKE)
        return _NOT_SHOWN.sub(lambda found: f"[U+{ord(found[0]):04X}]", composed)

    @cached_property
    def digest(self) -> str:
        """Of the data, the templates and what sets them: two PDFs with the same digest have the same bytes."""
        return hashlib.sha256(f"{_digest_of_templates()} {self.template} {self.data}".encode()).hexdigest()[:32]


def choose_extent(*, pdf: bool, annex: bool) -> Extent | None:
    """How much is set on paper, by the options of a command; None if nothing is."""
    return "with annex" if annex else "two pages" if pdf else None


def write_pdf(paper: Paper, file: Path) -> None:
    """Set one paper as PDF/UA-1; the same paper gives the same bytes."""
    file.write_bytes(_set(paper))


def write_papers(
    papers: Mapping[str, Paper],
    folder: Path,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> int:
    """Set papers beside one another; those that stand there and are still right are left.

    Args:
        papers: by the name of the file, without its ending.
        folder: where to. Each PDF appears when it is whole, so a job that is stopped loses only the one under way.
        step: is entered around each PDF, with a name that counts them.

    Returns:
        How many were set.
    """
    files = {folder / f"{name}.pdf": paper for name, paper in papers.items()}
    wanting = {file: paper for file, paper in files.items() if not _is_right(file, paper)}
    for number, (file, paper) in enumerate(wanting.items()):
        with step(f"PDF: {number} of {len(wanting)}"):
            replace_file(file, partial(write_pdf, paper))
    return len(wanting)


def _is_right(file: Path, paper: Paper) -> bool:
    """Whether a PDF stands there, whole, set from this very paper."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - _TAIL, 0))
        tail = opened.read()
    return tail.rstrip().endswith(b"%%EOF") and paper.digest.encode() in tail


def _set(paper: Paper) -> bytes:
    day = datetime(paper.day.year, paper.day.month, paper.day.day, tzinfo=UTC)
    content = _compiler().compile(
        input=_FOLDER / f"{paper.template}.typ",
        format="pdf",
        sys_inputs={"data": paper.data, "digest": paper.digest},
        pdf_standards=["ua-1"],
        timestamp=int(day.timestamp()),
    )
    if not isinstance(content, bytes):  # as the types of typst have it, several pages of a picture come as a list
        message = f"{paper.template}: typst gave no document"
        raise TypeError(message)
    return content


@cache
def _compiler() -> typst.Compiler:
    """With the fonts of the program only, so that every machine gives the same bytes."""
    import typst

    return typst.Compiler(root=_FOLDER, font_paths=[_FOLDER / "fonts"], ignore_system_fonts=True)


@cache
def _digest_of_templates() -> str:
    files = sorted(file for file in _FOLDER.rglob("*") if file.is_file())
    parts = (hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    return hashlib.sha256(" ".join((version("typst"), *parts)).encode()).hexdigest()
