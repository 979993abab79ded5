"""Grids: the text cells of one file, by whatever format it is in, with the row numbers that a person sees."""

from __future__ import annotations

import io
import operator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.collection.bounded import read_in_child
from crosscheck.collection.limits import MOST_COLUMNS
from crosscheck.collection.problems import CONVERTED, ROW, Lost, Problem, canonical, counted
from crosscheck.collection.text import read_records
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from crosscheck.contract.table import Table

# As many rows one after another that say the same, word for word, are a cell copied down, and told as one.
_COPIED_DOWN: Final = 10

# How many rows, one after another, a row of the cells stands for while they are laid out.
_TIMES: Final = "times"

# Headings are looked for in as many rows from the top.
_HEADING_ROWS: Final = 40


@dataclass(frozen=True)
class Marked:
    """Cells from row to row of one column, by its position, that can't be read as a person sees them."""

    position: int
    row: int
    last: int
    value: str
    problem: str
    remedy: str


@dataclass(frozen=True)
class Grid:
    """Headings as they stand, and text cells in columns named by their position from "0", with `row` before them.

    `row` is the number that a spreadsheet shows, `heading_row` that of the headings. `rows_read` counts the rows that
    hold anything, those that the problems set aside among them; `lost` those of them that are not among `cells`, and
    `lost_rows` has what can be told of them, unless they only repeat a row.
    `marked` are cells that can't be read as a person sees them; what becomes of them depends on their column. `noted`
    are problems of single columns, by position, that need not be told where the column is not read.
    """

    headings: list[str]
    cells: pl.DataFrame
    rows_read: int
    problems: tuple[Problem, ...] = ()
    heading_row: int = 1
    lost: int = 0
    lost_rows: tuple[Lost, ...] = ()
    marked: tuple[Marked, ...] = ()
    noted: tuple[tuple[int, Problem], ...] = ()

    def with_marks(self, marked: tuple[Marked, ...], noted: tuple[tuple[int, Problem], ...]) -> Grid:
        """The same grid with what a person sees otherwise than the file has it."""
        return replace(self, marked=marked, noted=noted)


@dataclass(frozen=True)
class Rows:
    """Rows as they stand, headings among them: their numbers, their cells, and what is odd about them.

    `times` says how many rows that say the same each stands for, where some do.
    """

    numbers: Sequence[int]
    cells: list[list[Any]]
    times: Sequence[int] | None = None
    problems: tuple[Problem, ...] = ()
    lost: tuple[Lost, ...] = ()


def read_parquet(raw: bytes, file: str) -> Grid:
    """Read a Parquet file: every value as the text that a person would have entered."""
    try:
        typed = pl.read_ipc(io.BytesIO(read_in_child("parquet", raw)))
    except ValueError as error:
        raise CollectionError(f"{file} can't be read as Parquet: {error}. Write it again, or as CSV.") from None
    _refuse_too_wide(typed.width, file)
    cells = typed.select(pl.col(name).alias(str(place)) for place, name in enumerate(typed.columns))
    numbered = cells.with_row_index("row", offset=2).with_columns(pl.lit(1, dtype=pl.UInt32).alias(_TIMES))
    return _without_copies(_without_blank_rows(Grid(typed.columns, numbered, rows_read=0)))


@dataclass(frozen=True)
class Headings:
    """Headings that are given beside a file, and how many rows at its top they stand for: none in a headless file.

    Without names the columns are called `column_1`, `column_2` and so on.
    """

    names: tuple[str, ...] = ()
    instead_of: int = 0


def read_text(raw: bytes, file: str, table: Table, given: Headings | None = None) -> Grid:
    """Read a text file in whatever encoding and with whatever separator it has; both are noted where unexpected."""
    records, problems, lost = read_records(raw, file, table)
    rows = _collapse(Rows(range(1, len(records) + 1), records, None, tuple(problems), tuple(lost)))
    return lay_out(rows, file, table, fixed_width=True, given=given)


def inflate(raw: bytes, file: str) -> bytes:
    """What a gzip file holds.

    Raises:
        CollectionError: it is damaged, or holds more than is allowed.
    """
    try:
        return read_in_child("gzip", raw)
    except ValueError as error:
        raise CollectionError(f"{file} can't be inflated: {error}. Give it as it was before.") from None


def _collapse(rows: Rows) -> Rows:
    """Keep one of many rows that say the same one after another."""
    records = rows.cells
    if sum(map(operator.eq, records, islice(records, 1, None))) < _COPIED_DOWN:
        return rows
    starts = [place for place, cells in enumerate(records) if not place or cells != records[place - 1]]
    ends = [*starts[1:], len(records)]
    times = [end - start for start, end in zip(starts, ends, strict=True)]
    return replace(
        rows, numbers=[start + 1 for start in starts], cells=[records[start] for start in starts], times=times
    )


def lay_out(rows: Rows, file: str, table: Table, *, fixed_width: bool, given: Headings | None = None) -> Grid:
    """Find the headings, and the cells below them.

    Args:
        rows: as they stand in the file.
        file: what it is called in messages.
        table: what it should hold.
        fixed_width: each row has a cell for every heading, as in a text file: one that has not is set aside. In a
            workbook a row ends where its last cell does.
        given: headings instead of those of the file.
    """
    rows = _headed(rows, given) if given else rows
    at = _find_headings(rows.cells, [column.name for column in table.columns])
    headings = [heading or "" for heading in rows.cells[at]]
    width = len(headings) if fixed_width else max(map(len, rows.cells))
    headings += [""] * (width - len(headings))
    _refuse_too_wide(width, file)
    grid = _regular(rows, at, headings, fixed_width=fixed_width)
    return _without_headings(_without_copies(_without_blank_rows(grid)))


def _headed(rows: Rows, given: Headings) -> Rows:
    """The rows below headings that the file does not have; these count as the last row that they stand for."""
    below = _chosen(rows, [place for place, row in enumerate(rows.numbers) if row > given.instead_of])
    times = [1, *below.times] if below.times else None
    numbered = [f"column_{place}" for place in range(1, max(map(len, rows.cells)) + 1)]
    return replace(
        below,
        numbers=[given.instead_of, *below.numbers],
        cells=[list(given.names) or numbered, *below.cells],
        times=times,
    )


def _find_headings(records: list[list[Any]], columns: Collection[str]) -> int:
    """The place of the row that holds most names of columns; the first that holds anything, where none holds two."""

    def found(place: int) -> int:
        return len({canonical(cell or "") for cell in records[place]}.intersection(columns))

    first = next((place for place, cells in enumerate(records) if any(cells)), 0)
    if found(first) > max(sum(map(bool, records[first])) // 2, 1):
        return first
    best = max(range(min(len(records), _HEADING_ROWS)), key=lambda place: (found(place), -place))
    return best if found(best) > max(found(first), 1) else first


def _refuse_too_wide(width: int, file: str) -> None:
    if width > MOST_COLUMNS:
        raise CollectionError(f"{file} has {width:,} columns; {MOST_COLUMNS:,} are allowed. Keep those of the table.")


def _regular(rows: Rows, at: int, headings: list[str], *, fixed_width: bool) -> Grid:
    """Set rows aside that have more or fewer cells than there are headings: nobody knows which cell is which."""
    below = Rows(rows.numbers[at + 1 :], rows.cells[at + 1 :], rows.times and rows.times[at + 1 :], rows.problems)
    below, ragged = _part_ragged(below, len(headings)) if fixed_width else (_padded(below, len(headings)), ())
    # A row whose cell holds further rows, for want of a closing quotation mark, goes with them: its own cells are not
    # known.
    swallowing = {problem.row for problem in rows.problems if problem.effect == ROW}
    positions = [place for place, row in enumerate(below.numbers) if row not in swallowing] if swallowing else []
    lost = [*rows.lost, *(Lost(row, tuple(cells)) for row, _, cells in ragged)]
    count = len(rows.lost) + sum(times for _, times, _ in ragged)
    if swallowing:
        lost += [
            Lost(row, tuple(cells)) for row, cells in zip(below.numbers, below.cells, strict=True) if row in swallowing
        ]
        count += len(below.numbers) - len(positions)
        below = _chosen(below, positions)
    ragged_problems = [_ragged(row, times, cells, len(headings)) for row, times, cells in ragged]
    found = (*rows.problems, *_above(rows, at), *ragged_problems)
    return Grid(headings, _frame(below, len(headings)), count, found, rows.numbers[at], count, tuple(lost))


def _frame(rows: Rows, width: int) -> pl.DataFrame:
    texts = zip(*rows.cells, strict=True) if rows.cells else ((),) * width
    named = {str(position): pl.Series(cells, dtype=pl.String) for position, cells in enumerate(texts)}
    numbers = pl.Series("row", rows.numbers, dtype=pl.UInt32)
    times = pl.Series(_TIMES, rows.times or [1], dtype=pl.UInt32)
    return pl.DataFrame(
        {"row": numbers, _TIMES: times if rows.times else times.new_from_index(0, numbers.len()), **named}
    )


def _chosen(rows: Rows, places: list[int]) -> Rows:
    times = [rows.times[place] for place in places] if rows.times else None
    return replace(
        rows,
        numbers=[rows.numbers[place] for place in places],
        cells=[rows.cells[place] for place in places],
        times=times,
    )


def _padded(rows: Rows, width: int) -> Rows:
    """In a workbook a row ends where its last cell does."""
    return replace(rows, cells=[[*cells, *[None] * (width - len(cells))] for cells in rows.cells])


def _part_ragged(rows: Rows, width: int) -> tuple[Rows, list[tuple[int, int, list[str]]]]:
    """The rows with a cell for every heading, and those that hold nothing; number, times and cells of the others."""
    odd = {place for place, size in enumerate(map(len, rows.cells)) if size != width}
    if not odd:
        return rows, []
    blank = {place for place in odd if not any(map(str.strip, rows.cells[place]))}
    ragged = [
        (rows.numbers[place], rows.times[place] if rows.times else 1, rows.cells[place])
        for place in sorted(odd - blank)
    ]
    cells = [[""] * width if place in blank else cells for place, cells in enumerate(rows.cells)]
    positions = [place for place in range(len(cells)) if place not in odd or place in blank]
    return _chosen(replace(rows, cells=cells), positions), ragged


def _above(rows: Rows, at: int) -> Iterator[Problem]:
    above = [(row, cells) for row, cells in zip(rows.numbers[:at], rows.cells, strict=False) if any(cells)]
    if above:
        heading, many = rows.numbers[at], len(above) > 1
        problem = (
            f"The headings stand in row {heading}; the {counted(len(above), 'row')} above {'were' if many else 'was'} "
        )
        content = "; ".join(", ".join(filter(None, cells)) for _, cells in above)
        remedy = "Nothing needs to be done, if the table begins there."
        yield Problem(above[0][0], None, content, f"{problem}not read.", remedy, CONVERTED)


def _ragged(row: int, times: int, cells: list[str], width: int) -> Problem:
    more = "more" if len(cells) > width else "fewer"
    rows = "The row has" if times == 1 else f"The rows {row:,} to {row + times - 1:,} have"
    problem = f"{rows} {len(cells)} cells, {more} than the {width} headings."
    last = row + times - 1 if times > 1 else None
    return Problem(row, None, ",".join(cells), problem, "See which cell is missing or too many.", ROW, last)


def _without_blank_rows(grid: Grid) -> Grid:
    """Leave rows out that hold nothing; those below all others are nobody's doing, and not noted."""
    filled = ~pl.all_horizontal(pl.exclude("row", _TIMES).fill_null("").str.strip_chars() == "")
    filled_cells = grid.cells.filter(filled)
    read = grid.rows_read + int(filled_cells[_TIMES].sum())
    return replace(grid, cells=filled_cells, rows_read=read, problems=(*grid.problems, *_gaps(grid, filled_cells)))


def _gaps(grid: Grid, cells: pl.DataFrame) -> list[Problem]:
    """The rows between the headings and the last row that hold nothing; many one after another are told as one."""
    if cells.is_empty() or cells["row"][-1] - grid.heading_row + cells[_TIMES][-1] - 1 == cells[_TIMES].sum():
        return []  # nothing lies between: they are as many as their numbers say
    reported = [
        (row, problem.last or row) for problem in grid.problems if (row := problem.row) and row > grid.heading_row
    ]
    spans = cells.select(first=pl.col("row").cast(pl.Int64), last=pl.col("row") + pl.col(_TIMES).cast(pl.Int64) - 1)
    spans = pl.concat([spans, pl.DataFrame(reported, schema=spans.schema, orient="row")]).sort("first", "last")
    before = pl.col("last").cum_max().shift(fill_value=grid.heading_row)
    gaps = spans.select(row=before + 1, last=pl.col("first") - 1).filter(pl.col("row") <= pl.col("last")).rows()
    return [problem for row, last in gaps for problem in _blank(row, last)]


def _blank(row: int, last: int) -> list[Problem]:
    if last - row < _COPIED_DOWN:
        words = ("The row is blank; it is not counted.", "Delete it.", CONVERTED)
        return [Problem(number, None, None, *words) for number in range(row, last + 1)]
    problem = f"Rows {row:,} to {last:,} are blank; they are not counted."
    return [Problem(row, None, None, problem, "Delete them.", CONVERTED, last)]


def _without_copies(grid: Grid) -> Grid:
    """Tell many rows that only copy the one above as one; a few are told one by one, as any row given twice."""
    copied = grid.cells.filter(pl.col(_TIMES) > 1)
    if copied.is_empty():
        return replace(grid, cells=grid.cells.drop(_TIMES))
    many = pl.col(_TIMES) > _COPIED_DOWN
    found = [_copied(*row) for row in copied.filter(many).iter_rows()]
    lost = int(copied.filter(many)[_TIMES].sum()) - len(found)
    counted_once = grid.cells.with_columns(pl.when(many).then(1).otherwise(_TIMES).alias(_TIMES))
    numbers = pl.int_ranges("row", pl.col("row") + pl.col(_TIMES), dtype=pl.UInt32)
    cells = counted_once.with_columns(row=numbers).drop(_TIMES).explode("row")
    return replace(grid, cells=cells, lost=grid.lost + lost, problems=(*grid.problems, *found))


def _copied(row: int, times: int, *cells: str | None) -> Problem:
    last = row + times - 1
    problem = f"Rows {row + 1:,} to {last:,} say the same as row {row:,}, word for word; they were set aside."
    content = ", ".join(filter(None, cells))
    return Problem(row + 1, None, content, problem, "Delete them, if a cell was copied too far down.", ROW, last)


def _without_headings(grid: Grid) -> Grid:
    """Leave rows out that repeat the headings, as files have them that were put together from several."""
    named = {str(place): heading for place, heading in enumerate(grid.headings) if heading.strip()}
    alike = [pl.col(place).str.strip_chars() == heading.strip() for place, heading in named.items()]
    if not alike:
        return grid
    again = pl.all_horizontal(alike).fill_null(value=False)
    first = next(iter(named))
    # Few rows hold the beginning of the first heading; it is cut, since a pattern may not be as long as a whole file.
    begun = pl.col(first).str.contains(named[first].strip()[:50], literal=True)
    rows = grid.cells.filter(begun).filter(again)["row"]
    found = [
        Problem(row, None, None, "The row repeats the headings; it is not counted.", "Delete it.", CONVERTED)
        for row in rows
    ]
    if not found:
        return grid
    return replace(
        grid, cells=grid.cells.filter(~again), rows_read=grid.rows_read - len(found), problems=(*grid.problems, *found)
    )
