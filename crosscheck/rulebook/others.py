"""What rules ask of other organisations, worked out over frames of one row a case and another organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import (
    NESTED,
    among_columns,
    answerable,
    holds,
    total_answerable,
    undecided_by,
    undecided_by_column,
    value_of,
)
from crosscheck.rulebook.condition import Among, CountAmong, Total, names_in
from crosscheck.rulebook.format_value import format_evidence, format_value
from crosscheck.vocabulary import WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.cases.cases import Name

OfOthers = Among | CountAmong | Total

# How many others are named where a condition holds of them.
MOST_NAMED: Final = 5
ITEMS: Final = (1, 2)
ONE: Final = pl.lit(1, dtype=pl.UInt32)


def accounts_column(among: Among | CountAmong) -> str:
    """Where a case keeps in words what those others hold of whom the part holds."""
    return f"{among.text} accounts"


def names_of_parts(wanted: Iterable[OfOthers]) -> list[Name]:
    """The names that conditions on others speak of, each once."""
    return list(dict.fromkeys(name for node in wanted for name in names_in(node.part)))


def others_declarations(cases: pl.DataFrame, functions: tuple[str, ...], names: list[Name]) -> pl.DataFrame:
    """One row an organisation: what it holds as the other one, under the names of the relation.

    Of two declarations, that of the function which stands first in `functions` speaks.
    """
    held = (column for name in names for column in held_columns(name, cases))
    return (
        cases.select("function", *held, other_code="org_code")
        .filter(pl.col("function").is_in(functions))
        .sort(pl.col("function").cast(pl.String).cast(pl.Enum(functions)), maintain_order=True)
        .unique("other_code", keep="first", maintain_order=True)
        .drop("function")
    )


def held_columns(name: Name, cases: pl.DataFrame) -> Iterator[pl.Expr]:
    """What an organisation holds under a name of another's relation to it; of a review question, both reviews."""
    to = [of_item(name.name, item) for item in ITEMS] if is_of_review(name, cases) else [name.name]
    for column, renamed in zip(columns_held(name, cases), to, strict=True):
        yield from _renamed(column, renamed, name)


def _renamed(column: str, to: str, name: Name) -> Iterator[pl.Expr]:
    for held, renamed in zip(with_reason(column, name), with_reason(to, name), strict=True):
        yield pl.col(held).alias(renamed)


def with_reason(column: str, name: Name) -> list[str]:
    """The column and, for an answer, the one that says why it is absent."""
    return [column, column + WHY_ABSENT] if name.absences else [column]


def is_of_review(name: Name, cases: pl.DataFrame) -> bool:
    """Whether another's name is one that it answers for each of two reviews."""
    return bool(name.relation) and f"review1.{name.name.removeprefix(f'{name.relation}.')}" in cases.columns


def columns_held(name: Name, cases: pl.DataFrame) -> list[str]:
    """Where an organisation holds by itself what a name of another's relation to it means."""
    known = name.name.removeprefix(f"{name.relation}.") if name.relation else name.name
    return [f"review{item}.{known}" for item in ITEMS] if is_of_review(name, cases) else [known]


def of_item(column: str, item: int) -> str:
    """The column of one of two reviews, before it is known which of them counts."""
    return f"{column} of review {item}"


def outcome_columns(node: OfOthers, weight: pl.Expr = ONE) -> list[pl.Expr]:
    """What comes out over some rows of others, each of which stands for `weight` of them."""
    return _sum_columns(node, weight) if isinstance(node, Total) else _count_columns(node, weight)


def _count_columns(among: Among | CountAmong, weight: pl.Expr) -> list[pl.Expr]:
    """Of how many others the part holds, is undecided, and applies at all."""
    condition = holds(among.part)
    undecided = condition.is_null() & answerable(among.part)
    columns = among_columns(among)
    return [
        (condition * weight).sum().alias(columns["holds"]),
        (undecided * weight).sum().alias(columns["undecided"]),
        ((condition.is_not_null() | undecided) * weight).sum().alias(columns["applies"]),
        *_undecided_columns(among, condition),
    ]


def _sum_columns(total: Total, weight: pl.Expr) -> list[pl.Expr]:
    """The sum over others, and whether an answer could decide it."""
    value = value_of(total.part)
    summed = (value * weight).sum()
    undecided = (value.is_null() & answerable(total.part)).any() | summed.is_infinite()
    known = pl.when((value.count() > 0) & summed.is_finite()).then(summed)
    return [known.alias(total.text), undecided.alias(total_answerable(total)), *_undecided_columns(total, value)]


def account_of(among: Among | CountAmong) -> pl.Expr:
    """What one of the others holds, in words."""
    theirs = [name for name in names_in(among.part) if name.relation]
    prefix = f"{among.relation}."
    accounts = [format_evidence(name, format_value(name), name.name.removeprefix(prefix)) for name in theirs]
    return pl.concat_str(accounts, separator=", ")


def _undecided_columns(node: OfOthers, outcome: pl.Expr) -> list[pl.Expr]:
    """Of each name, whether for one of the others its absence keeps open what comes out."""
    by_name = {key.name: pl.lit(value=False) for key in node.keys} | undecided_by(node.part, NESTED)
    return [
        (outcome.is_null() & undecided).any().alias(undecided_by_column(node, name))
        for name, undecided in by_name.items()
    ]


def columns_of_unknown_outcome(node: OfOthers) -> list[pl.Expr]:
    """The columns of a condition or a sum of which nobody knows what it is over."""
    if isinstance(node, Total):
        return [pl.lit(None, pl.Float64).alias(node.text), pl.lit(value=True).alias(total_answerable(node))]
    counts = [pl.lit(None, pl.UInt32).alias(column) for column in among_columns(node).values()]
    return [*counts, pl.lit(f"{node.relation}: not known who they are").alias(accounts_column(node))]


def columns_of_no_others(node: OfOthers, *, with_accounts: bool) -> list[pl.Expr]:
    """The columns of a condition, filled for the cases that have no such others."""
    undecided_columns = [pl.col(undecided_by_column(node, name.name)).fill_null(value=False) for name in names_in(node)]
    if isinstance(node, Total):
        return [pl.col(total_answerable(node)).fill_null(value=False), *undecided_columns]
    counts = [pl.col(column).fill_null(0) for column in among_columns(node).values()]
    account = pl.col(accounts_column(node)).fill_null(pl.lit(f"{node.relation}: none")) if with_accounts else None
    return [*counts, *undecided_columns] if account is None else [*counts, *undecided_columns, account]
