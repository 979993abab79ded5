"""A first import map, proposed from an export: what its headings and cells look like, for a person to correct."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.cells import tidy_texts
from crosscheck.collection.files import Layout, open_export
from crosscheck.collection.grid import Headings
from crosscheck.collection.problems import canonical
from crosscheck.contract.inputs import INPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.contract.table import Column, Table

# What columns of the contract are often called elsewhere, the most telling name first.
_ALSO_CALLED: Final[dict[str, tuple[str, ...]]] = {
    "org_code": ("ods_code", "trust_code", "provider_code", "organisation_code", "code", "trust", "provider", "urn"),
    "name": ("org_name", "organisation_name", "trust_name", "provider_name", "organisation", "trust", "provider"),
    "org_type": ("type", "organisation_type", "trust_type", "sector"),
    "region": ("sha", "sha_name", "region_name", "strategic_health_authority"),
    "year": ("financial_year", "assessment_year", "fy", "reporting_year"),
    "period": ("year", "financial_year", "date", "quarter"),
    "status": ("declaration", "level", "result", "assessment"),
    "indicator": ("measure", "indicator_name", "metric"),
    "numerator": ("num", "count", "observed"),
    "denominator": ("den", "denom", "population", "eligible"),
    "value": ("rate", "percentage", "percent", "score"),
    "from_code": ("new_code", "successor", "successor_code", "successor_organisation_code"),
    "to_code": ("old_code", "predecessor", "predecessor_code", "organisation_code", "code"),
    "since": ("date", "effective_date", "succession_effective_date", "start_date"),
    "until": ("end_date", "close_date"),
    "visited_on": ("inspection_date", "visit_date", "date"),
    "finding": ("outcome", "result", "judgement"),
    "body_code": ("code", "ods_code"),
    "text": ("comment", "remark"),
}
_DATES: Final = ("%Y%m%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %B %Y", "%m/%d/%Y")
_SAMPLE: Final = 2_000  # rows that are looked at
_WORDS: Final = 20  # as many different words may be a vocabulary
_LIKE: Final = 0.5  # share of the words of the poorer column from which two columns hold one vocabulary
_FEWEST_WIDE: Final = 3  # as many columns of one vocabulary are one answer at several times
_NAME, _CELL = "heading", "cell"
_MADE_LONG: Final = {"year": _NAME, "period": _NAME, "status": _CELL, "value": _CELL, "answer": _CELL, "finding": _CELL}


@dataclass(frozen=True)
class _Seen:
    """An export as it looks: its headings, whether the file has them, and the first rows below them."""

    headings: tuple[str, ...]
    in_file: bool
    rows: pl.DataFrame
    wide: tuple[str, ...] = ()

    def words(self, name: str) -> list[str]:
        """The different words of a column, in the order of the file."""
        return [word for word in self.rows[name].unique(maintain_order=True) if word]

    def is_named(self) -> bool:
        """Whether the headings of the file can be used as they stand."""
        return self.in_file and all(self.headings) and len(set(self.headings)) == len(self.headings)


def propose_map(export: Path, table: str) -> str:
    """Propose a map from an export to a table of the contract.

    Args:
        export: CSV, Parquet or a workbook.
        table: the name of the table.

    Returns:
        The map as TOML. What can't be told from the file stands there as a comment, with what is allowed.

    Raises:
        CollectionError: the export can't be opened.
    """
    seen = _look(export)
    lines = [f"# A first map from {export.name}. See what is a comment, and correct what was guessed.", ""]
    lines.append(f"table = {_quoted(table)}")
    if not seen.is_named():
        lines.append(f"headings = [{', '.join(map(_quoted, _names(seen)))}]")
        lines += ["first_row = 2"] if seen.in_file else []
    seen = _with_wide(replace(seen, headings=tuple(_names(seen)), rows=seen.rows.rename(_renamed(seen))))
    if seen.wide:
        columns = ", ".join(map(_quoted, seen.wide))
        lines += ["", "[long]", f"columns = [{columns}]", f"name = {_quoted(_NAME)}", f"value = {_quoted(_CELL)}"]
    lines += ["", "[columns]", *_columns(seen, INPUTS[table])]
    return "\n".join(lines) + "\n"


def _look(export: Path) -> _Seen:
    read, _ = open_export(export, [], lambda headings: headings, Layout(headings=Headings()))
    rows = tidy_texts(read).used().head(_SAMPLE).drop("row")
    texts = rows.select(pl.all().fill_null("").str.strip_chars())
    first = [canonical(cell) for cell in texts.row(0)] if texts.height else []
    in_file = not _is_data(texts, first)
    return _Seen(tuple(first) if in_file else tuple(texts.columns), in_file, texts[1:] if in_file else texts)


def _is_data(texts: pl.DataFrame, first: Sequence[str]) -> bool:
    """Whether the first row looks like those below it: then the file has no headings."""
    if any(cell in {*_ALSO_CALLED, *(name for names in _ALSO_CALLED.values() for name in names)} for cell in first):
        return False
    shapes = [{_shape(cell) for cell in texts[1:][name]} for name in texts.columns]
    alike = sum(_shape(cell) in below for cell, below in zip(texts.row(0), shapes, strict=True)) if first else 0
    return texts.height > 1 and alike * 3 >= len(first) * 2


def _shape(cell: str) -> str:
    return re.sub("[0-9]+", "9", re.sub("[A-Za-z]+", "A", cell))


def _names(seen: _Seen) -> list[str]:
    """The headings, with a name for each column that has none of its own."""
    names: list[str] = []
    for place, heading in enumerate(seen.headings, 1):
        names.append(heading if heading and heading not in names else f"column_{place}")
    return names


def _renamed(seen: _Seen) -> dict[str, str]:
    return dict(zip(seen.rows.columns, _names(seen), strict=True))


def _with_wide(seen: _Seen) -> _Seen:
    """The export with one row for each of the columns that hold one vocabulary, where there are some."""
    words = {name: set(seen.words(name)) for name in seen.headings}
    few = [name for name, found in words.items() if 1 < len(found) <= _WORDS and not all(map(_is_number, found))]
    for name in few:
        alike = tuple(column for column in few if _in_common(words[name], words[column]) >= _LIKE)
        if len(alike) >= _FEWEST_WIDE:
            others = [heading for heading in seen.headings if heading not in alike]
            rows = seen.rows.unpivot(alike, index=others, variable_name=_NAME, value_name=_CELL)
            return replace(seen, headings=(*others, _NAME, _CELL), rows=rows, wide=alike)
    return seen


def _in_common(first: set[str], second: set[str]) -> float:
    return len(first & second) / min(len(first), len(second))


def _columns(seen: _Seen, table: Table) -> Iterator[str]:
    """One line, or one table, for each column of the contract."""
    free = list(seen.headings)
    later = []
    for column in table.columns:
        name = _find(column, free, seen)
        if name is None:
            yield from _unfound(column)
            continue
        free.remove(name)
        filled = list(_filled(column, name, seen))
        later += filled[1:]
        yield filled[0]
    yield from (f"# not used: {name}" for name in free)
    yield from later


def _find(column: Column, free: Sequence[str], seen: _Seen) -> str | None:
    """The column of the export that is meant, by its name, else by what its cells look like."""
    wanted = (column.name, *_ALSO_CALLED.get(column.name, ()))
    if named := next((name for name in wanted if name in free), None):
        return named
    if column.name in _MADE_LONG:
        return _MADE_LONG[column.name] if _MADE_LONG[column.name] in free else None
    if column.kind == "code":
        return next((name for name in free if _are_codes(seen, name)), None)
    if column.kind == "date":
        return next((name for name in free if _date_format(seen.words(name))), None)
    return None


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", word) is not None


def _are_codes(seen: _Seen, name: str) -> bool:
    words = seen.words(name)
    short = [word for word in words if re.fullmatch("[A-Z0-9]{2,8}", word) and not word.isdigit()]
    return bool(words) and len(short) * 10 >= len(words) * 9


def _unfound(column: Column) -> Iterator[str]:
    if column.required:
        allowed = f": {', '.join(column.allowed)}" if column.allowed else ""
        yield f'# {column.name} = {{ constant = "" }}  # needed: {column.meaning}{allowed}'


def _filled(column: Column, name: str, seen: _Seen) -> Iterator[str]:
    words = seen.words(name)
    at = f"column = {_quoted(name)}"
    if column.kind == "date" and (form := _date_format(words)):
        yield f"{column.name} = {{ {at}, date = {_quoted(form)} }}"
    elif column.kind == "year" and (kind := _year_format(words)):
        yield f"{column.name} = {{ {at}, year = {_quoted(kind)} }}"
    elif column.allowed and any(word not in column.allowed for word in words):
        yield f"# {column.name}: see its values below"
        yield from ("", f"[columns.{column.name}]", at)
        yield f"[columns.{column.name}.values]  # each becomes one of {', '.join(column.allowed)}"
        yield from (_value(word, column.allowed) for word in words[:_WORDS])
    else:
        yield f"{column.name} = {{ {at} }}"


def _value(word: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(canonical(word), allowed, n=1, cutoff=0.8)
    return f"{_quoted(word)} = {_quoted(near[0])}" if near else f'# {_quoted(word)} = ""'


def _date_format(words: Sequence[str]) -> str | None:
    texts = pl.Series(words, dtype=pl.String)
    return next((form for form in _DATES if words and texts.str.to_date(form, strict=False).null_count() == 0), None)


def _year_format(words: Sequence[str]) -> str | None:
    """How years are written; whether a single one is the first or the last of the two can't be told."""
    sizes = {len(re.sub("[^0-9]", "", word)) for word in words}
    if sizes <= {6, 8} or (sizes == {4} and all(_follows(re.sub("[^0-9]", "", word)) for word in words)):
        return "both" if words else None
    return "first" if sizes == {4} else None


def _follows(digits: str) -> bool:
    return (int(digits[:2]) + 1) % 100 == int(digits[2:])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
