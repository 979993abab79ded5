"""The review as it was published: its figures, how it sets its tables, and whom it says it counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import ValidationError

from crosscheck.errors import ModelError
from crosscheck.model_file import ModelPart
from crosscheck.toml_file import NotTomlError, parse_toml
from crosscheck.vocabulary import ORG_TYPES, Absence

if TYPE_CHECKING:
    from pathlib import Path

EVERY_TYPE: Final = "all"

# What can be recomputed from a collection; thresholds, other sources and figures printed twice can't or need not be.
RECOMPUTED: Final = ("target", "declaration", "population")
_NUMBERS: Final = (
    "value",
    "decimals",
    "percent_not_applicable",
    "reconstructed_numerator",
    "reconstructed_denominator",
)


class Among(ModelPart):
    """Only those that gave one of `levels` to `question` are in the base that the review words as `base`."""

    base: str
    question: str
    levels: tuple[str, ...]


class _Place(ModelPart):
    """What a row, a column or a whole table says of its cells; empty where it says nothing."""

    question: str = ""
    level: str = ""
    type: str = ""
    period: str = ""


class Column(_Place):
    """A column of a table; `unprinted` is what the review prints in a cell that has no figure."""

    head: str
    unprinted: str = "n/a"


class Row(_Place):
    """A row of a table; `role` fills the place of `{role}` in the columns' questions."""

    heads: tuple[str, ...]
    role: str = ""


class Table(_Place):
    """One table of the review, as it sets it."""

    number: int
    title: str
    where: str
    note: str = ""
    row_heads: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def key(self, row: Row, column: Column) -> tuple[str, str, str, str]:
        """Question, level, type and period of a cell."""
        question, level, kind, period = (
            getattr(column, part) or getattr(row, part) or getattr(self, part)
            for part in ("question", "level", "type", "period")
        )
        return question.format(role=row.role), level, kind or EVERY_TYPE, period


class Printed(ModelPart):
    """What is known of one printed figure beside what the review says: who else its base counts, and why.

    `counts` are absences, of `not_applicable`, `not_known` and `no_answer`; `remark` is said beside the figure.
    """

    figure: str
    counts: tuple[Absence, ...] = ()
    remark: str


class _Tables(ModelPart):
    among: tuple[Among, ...]
    printed: tuple[Printed, ...] = ()
    table: tuple[Table, ...]


@dataclass(frozen=True)
class Review:
    """What was published.

    `figures` has one row a published figure that can be recomputed: the columns of the file, `types` the organisations
    that it speaks of and `levels` the answers that it counts. `tables` are in the review's order.
    """

    figures: pl.DataFrame
    tables: tuple[Table, ...]
    among: tuple[Among, ...]
    printed: tuple[Printed, ...] = ()


def read_review(figures: Path, tables: Path) -> Review:
    """Read what was published on a standard's questionnaire.

    Raises:
        ModelError: a file is missing, or the tables are not set as they can be.
    """
    for file in (figures, tables):
        if not file.is_file():
            raise ModelError(f"{file}: is missing. The national picture stands beside what was published.")
    try:
        stated = _Tables.model_validate(parse_toml(tables.read_bytes()))
    except (NotTomlError, ValidationError) as error:
        raise ModelError(f"{tables}: {error}") from error
    review = Review(_read_figures(figures), stated.table, stated.among, stated.printed)
    unknown = {printed.figure for printed in stated.printed} - {*review.figures["figure_id"]}
    if unknown:
        raise ModelError(f"{tables}: no such figure in {figures.name}: {', '.join(sorted(unknown))}.")
    return review


def _read_figures(file: Path) -> pl.DataFrame:
    return (
        pl.read_csv(file, infer_schema=False)
        .with_columns(pl.all().fill_null(""))
        .filter(pl.col("use").is_in(RECOMPUTED))
        .with_columns(
            pl.col(_NUMBERS).cast(pl.Float64, strict=False),
            types=pl.when(pl.col("trust_type") == EVERY_TYPE)
            .then(pl.lit(list(ORG_TYPES)))
            .otherwise(pl.col("trust_type").str.split("|")),
            levels=pl.col("level").str.split("+"),
            place=pl.int_range(pl.len()),
        )
    )
