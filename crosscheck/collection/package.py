"""Packages: the parts of a workbook's archive, inflated no further than is allowed, and what was found in a sheet.

Nothing here imports polars: workbooks are read in a child process that must be there at once.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import IO, TYPE_CHECKING, Literal
from xml.etree.ElementTree import iterparse  # in a child process with limits; expat bounds entities

from crosscheck.collection.limits import MOST_CELLS, MOST_COLUMNS, MOST_INFLATED, MOST_MARKS, MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element  # for its name only

# What makes a cell unreadable as it is shown: a formula without a stored result; one whose result is a placeholder; a
# cell that a merged one covers. What is read and yet told: a percentage without its value, a row or column that is
# hidden, figures shown in thousands, cells that are struck through or that a format shows nothing of.
MarkKind = Literal["no_result", "placeholder", "merged"]
NoteKind = Literal[
    "percent_as_shown", "hidden_rows", "hidden_column", "hidden_sheet", "in_thousands", "by_hand", "struck", "unseen"
]


@dataclass
class Mark:
    """Cells of one column, from `row` to `last` (as a person counts), that can't be read; `text` stands there."""

    kind: MarkKind
    row: int
    last: int
    column: int
    text: str


@dataclass
class Note:
    """Something that is read, though a person sees it otherwise: where first, how often, and what stands there."""

    kind: NoteKind
    row: int | None
    column: int | None
    text: str
    times: int = 1


@dataclass
class Cells:
    """The rows of one sheet that hold anything: number, how many like it follow one another, texts by column from 0.

    `days_off` is to be added to the serial number of a day, so that it counts from 1900.
    """

    name: str
    rows: list[tuple[int, int, list[str | None]]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    held: int = 0
    days_off: int = 0

    def add(self, number: int, texts: dict[int, str], times: int = 1) -> None:
        """Take a row, unless it holds nothing but blanks; rows come from the top down.

        Raises:
            ValueError: the sheet holds more than is allowed.
        """
        filled = [column for column, text in texts.items() if text and not text.isspace()]
        if not filled:
            return
        if number < 1 or number + times - 1 > MOST_ROWS:
            raise ValueError(f"the sheet {self.name} has a row {number + times - 1:,}; {MOST_ROWS:,} are allowed")
        last = max(filled)
        self._refuse_too_much(last)
        row = [texts.get(column) for column in range(last + 1)]
        # Equal rows in a row are kept once with their number: a cell copied down a million rows would fill the memory.
        if self.rows and self.rows[-1][0] + self.rows[-1][1] == number and self.rows[-1][2] == row:
            first, before, _ = self.rows[-1]
            self.rows[-1] = (first, before + times, row)
        else:
            self.rows.append((number, times, row))

    def _refuse_too_much(self, last: int) -> None:
        if last >= MOST_COLUMNS:
            place = f"column {last + 1:,}; {MOST_COLUMNS:,} are allowed. Delete what stands beside the table"
            raise ValueError(f"the sheet {self.name} holds something in {place}")
        self.held += last + 1
        if self.held > MOST_CELLS:
            raise ValueError(f"the sheet {self.name} holds more than the {MOST_CELLS:,} cells that are allowed")

    def mark(self, mark: Mark) -> None:
        """Take a mark.

        Raises:
            ValueError: there are more than can be named.
        """
        if len(self.marks) >= MOST_MARKS:
            raise ValueError(
                f"the sheet {self.name} has more than {MOST_MARKS:,} formulas without result or merged cells"
            )
        self.marks.append(mark)

    def note(self, kind: NoteKind, row: int | None, column: int | None, text: str) -> None:
        """Take a note; of one kind in one column the first stands for all."""
        for note in self.notes:
            if (note.kind, note.column) == (kind, column):
                note.times += 1
                return
        self.notes.append(Note(kind, row, column, text))


class Package:
    """The archive of a workbook."""

    def __init__(self, raw: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(raw))
        self._names = {name.replace("\\", "/").lstrip("/").lower(): name for name in self._archive.namelist()}
        self._left = MOST_INFLATED
        doubled = [name for name, times in Counter(self._archive.namelist()).items() if times > 1]
        if doubled:
            raise ValueError(f"the archive holds {doubled[0]} more than once")

    def __contains__(self, part: str) -> bool:
        return part.lower() in self._names

    def elements(self, part: str) -> Iterator[Element]:
        """Every element of a part, as it ends.

        Raises:
            KeyError: there is no such part.
            ValueError: the parts hold more than is allowed.
        """
        with self._archive.open(self._names[part.lower()]) as inflated:
            yield from map(itemgetter(1), iterparse(_Counted(inflated, self), events=("end",)))  # noqa: S314  # as above

    def spend(self, size: int) -> None:
        """Count what was inflated."""
        self._left -= size
        if self._left < 0:
            raise ValueError(f"it holds more than the {MOST_INFLATED:,} bytes that are allowed once it is inflated")

    def relations(self, part: str) -> list[dict[str, str]]:
        """To what a part refers, `Target` as the name of a part."""
        folder, name = posixpath.split(part)
        listing = posixpath.join(folder, "_rels", f"{name}.rels")
        if listing not in self:
            return []
        found = [element.attrib for element in self.elements(listing) if local(element) == "Relationship"]
        return [
            relation | {"Target": _resolve(folder, relation["Target"])}
            for relation in found
            if relation.get("TargetMode") != "External"
        ]


def _resolve(folder: str, target: str) -> str:
    target = target.replace("\\", "/")
    return posixpath.normpath(target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target))


class _Counted:
    """A stream of which every byte read is counted."""

    def __init__(self, stream: IO[bytes], package: Package) -> None:
        self._stream = stream
        self._package = package

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(min(size, 2**16) if size > 0 else 2**16)
        self._package.spend(len(block))
        return block


def local(element: Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def attribute(element: Element, name: str) -> str | None:
    """An attribute by its name without namespace."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)
