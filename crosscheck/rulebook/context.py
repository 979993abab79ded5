"""What a case can't answer by itself: where it stands among its peers, and what other organisations hold.

Rules speak of `peers.percentile(…)`, of `commissioner.…`, `provider.…`, `same_lscb.…`, `other_party.…`, and of
`same(x).…`, the other organisations that hold the same value under a name. All of it is worked out here, over all cases
at once, and laid beside each case as columns, before any rule is held against one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import (
    NESTED,
    among_columns,
    answerable,
    holds,
    is_wanting,
    total_answerable,
    undecided_by,
    undecided_by_column,
    value_of,
)
from crosscheck.rulebook.condition import Among, CountAmong, Percentile, Total, names_in, nodes
from crosscheck.rulebook.format_value import format_evidence, format_value
from crosscheck.vocabulary import WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.vocabulary import Relation

OfOthers = Among | CountAmong | Total

_KEYS: Final = ("org_code", "function")

# Fewer peers than these can't place anybody in a twentieth (this project's own choice; there are 11 ambulance trusts).
FEWEST_PEERS: Final = 20

# Which declaration speaks for an organisation that made two: the one of the part that it plays towards the other.
_DECLARATION_OF: Final[dict[Relation, tuple[str, ...]]] = {
    "commissioner": ("commissioner", "whole"),
    "provider": ("provider", "whole", "commissioner"),
    "same_lscb": ("commissioner", "whole", "provider"),
    "other_party": ("commissioner", "whole", "provider"),
}
# Which one speaks where organisations are compared because they hold the same value.
_DECLARATION_OF_THE_SAME: Final = ("whole", "commissioner", "provider")
_MOST_NAMED: Final = 5
_ITEMS: Final = (1, 2)


def with_context(
    cases: pl.DataFrame,
    rulebook: Rulebook,
    ties: pl.DataFrame | None,
    *,
    with_accounts: bool = False,
    of_one_collection: bool = True,
) -> pl.DataFrame:
    """Lay beside each case what its rules ask of peers and of other organisations.

    Args:
        cases: one row a declaration.
        rulebook: the rules that ask.
        ties: one row a tie of an organisation with another: `org_code`, `relation`, `other_code`, `item` (the review
            that both took part in); None where nobody knows of any: then all of it can't be told.
        with_accounts: also say in words what those others hold of whom a condition holds.
        of_one_collection: whether the cases are those of a collection; what `same(…)` asks of made-up ones, which are
            nobody beside each other, can't be told.

    Returns:
        The cases in their order, with further columns. A percentile that the cases hold already is left as it is.
    """
    wanted = _context_nodes(rulebook)
    # A percentile that the cases hold already may rest on more organisations than are here, so it is left.
    percentiles = [node for node in wanted if isinstance(node, Percentile) and node.text not in cases.columns]
    in_context = cases.with_columns(_finite(wanted, cases))
    in_context = in_context if not percentiles else _with_percentiles(in_context, percentiles)
    for relation, of_others in _by_relation(wanted).items():
        shares_value = bool(of_others[0].keys)
        if shares_value and of_one_collection:
            in_context = _beside_the_same(in_context, relation, of_others, with_accounts=with_accounts)
        elif shares_value or ties is None:
            unknown = [column for node in of_others for column in _columns_of_unknown_others(node)]
            in_context = in_context.with_columns(unknown)
        else:
            pairs = _tied_pairs(in_context, ties, relation, of_others)
            in_context = _beside_others(in_context, pairs, of_others, with_accounts=with_accounts)
    return in_context


def _by_relation(wanted: Iterable[Percentile | OfOthers]) -> dict[str, list[OfOthers]]:
    by_relation: dict[str, list[OfOthers]] = {}
    for node in wanted:
        if not isinstance(node, Percentile):
            by_relation.setdefault(node.relation, []).append(node)
    return by_relation


def accounts_column(among: Among | CountAmong) -> str:
    """Where a case keeps in words what those others hold of whom the part holds."""
    return f"{among.text} accounts"


@cache
def _context_nodes(rulebook: Rulebook) -> tuple[Percentile | OfOthers, ...]:
    """What is worked out here, each text once: the same part may be compared with several limits."""
    every = (node for rule in rulebook for part in rule.conditions for node in nodes(part))
    return tuple({node.text: node for node in every if isinstance(node, Percentile | OfOthers)}.values())


def _finite(wanted: Iterable[Percentile | OfOthers], cases: pl.DataFrame) -> list[pl.Expr]:
    """The numbers that it is worked out from; one that is not finite is as good as none."""
    numbers = dict.fromkeys(name for node in wanted for name in names_in(node) if name.type == "number")
    held = dict.fromkeys(column for name in numbers for column in _columns(name, cases))
    return [pl.when(pl.col(column).is_finite()).then(column).alias(column) for column in held]


def _columns(name: Name, cases: pl.DataFrame) -> list[str]:
    """Where an organisation holds by itself what a name of another's relation to it means."""
    known = name.name.removeprefix(f"{name.relation}.") if name.relation else name.name
    return [f"review{item}.{known}" for item in _ITEMS] if _is_of_review(name, cases) else [known]


def _with_percentiles(cases: pl.DataFrame, percentiles: Iterable[Percentile]) -> pl.DataFrame:
    """The share of peers with a lower value and half of those with the same; each organisation counts once."""
    org_type = "organisation.org_type"
    organisations = cases.unique("org_code", keep="first", maintain_order=True)
    values = organisations.select("org_code", org_type, *(value_of(each.part).alias(each.text) for each in percentiles))
    places = [
        pl.when(pl.col(each.text).count().over(org_type) >= FEWEST_PEERS).then(
            (pl.col(each.text).rank().over(org_type) - 0.5) / pl.col(each.text).count().over(org_type)
        )
        for each in percentiles
    ]
    with_places = values.select(
        "org_code", *(place.alias(each.text) for place, each in zip(places, percentiles, strict=True))
    )
    return cases.join(with_places, on="org_code", how="left", maintain_order="left")


def _beside_others(
    cases: pl.DataFrame, pairs: pl.DataFrame, wanted: list[OfOthers], *, with_accounts: bool
) -> pl.DataFrame:
    """The cases with what is wanted, counted or added up over their others; of none where they have none."""
    counted = [column for node in wanted for column in (_sums(node) if isinstance(node, Total) else _counts(node))]
    accounts = [_accounts(node) for node in wanted if not isinstance(node, Total) and with_accounts]
    over_others = pairs.group_by(*_KEYS, maintain_order=True).agg(*counted, *accounts)
    return cases.join(over_others, on=_KEYS, how="left", maintain_order="left").with_columns(
        column for node in wanted for column in _columns_of_no_others(node, with_accounts=with_accounts)
    )


def _beside_the_same(
    cases: pl.DataFrame, relation: str, wanted: list[OfOthers], *, with_accounts: bool
) -> pl.DataFrame:
    """The cases with what is wanted of the others that hold the same; unknown where the own value is wanting.

    Others whose value is absent are left out: one organisation without a postcode would else leave every comparison of
    postcodes open. Where the own value is not applicable, there are no others.
    """
    pairs = _same_pairs(cases, relation, wanted)
    compared = _beside_others(cases, pairs, wanted, with_accounts=with_accounts)
    nobody_knows = reduce(or_, map(is_wanting, wanted[0].keys))
    return compared.with_columns(
        pl.when(nobody_knows).then(unknown).otherwise(unknown.meta.output_name()).alias(unknown.meta.output_name())
        for node in wanted
        for unknown in _columns_of_unknown_same(node)
        if unknown.meta.output_name() in compared.columns
    )


def _tied_pairs(cases: pl.DataFrame, ties: pl.DataFrame, relation: str, wanted: Iterable[OfOthers]) -> pl.DataFrame:
    """One row a case and another organisation that it is tied to, in the order of their codes, with what both hold."""
    names = _names_of_parts(wanted)
    theirs = [name for name in names if name.relation == relation]
    of_review = [name for name in names if name.relation and name.relation != relation]
    own = [column for name in names if not name.relation for column in _with_reason(name.name, name)]
    of_relation = ties.filter(pl.col("relation") == relation).select("org_code", "other_code", "item").unique()
    speaking = _DECLARATION_OF[next(known for known in _DECLARATION_OF if known == relation)]
    return (
        cases.select(*_KEYS, *own, *(column for name in of_review for column in _held(name, cases)))
        .join(of_relation, on="org_code")
        .join(_others_declarations(cases, speaking, theirs), on="other_code", how="left")
        .with_columns(column for name in names if _is_of_review(name, cases) for column in _at_item(name))
        .sort(*_KEYS, "other_code", "item")
    )


def _same_pairs(cases: pl.DataFrame, relation: str, wanted: list[OfOthers]) -> pl.DataFrame:
    """One row a case and another organisation that holds the same under each key, in the order of their codes."""
    keys, names = wanted[0].keys, _names_of_parts(wanted)
    their_keys = [replace(key, name=f"{relation}.{key.name}", relation=relation) for key in keys]
    theirs = list(dict.fromkeys([*(name for name in names if name.relation), *their_keys]))
    own = list(dict.fromkeys([*(name for name in names if not name.relation), *keys]))
    return (
        cases.select(*_KEYS, *(column for name in own for column in _with_reason(name.name, name)))
        .join(
            _others_declarations(cases, _DECLARATION_OF_THE_SAME, theirs),
            left_on=[key.name for key in keys],
            right_on=[key.name for key in their_keys],
            coalesce=False,
        )
        .filter(pl.col("other_code") != pl.col("org_code"))
        .sort(*_KEYS, "other_code")
    )


def _names_of_parts(wanted: Iterable[OfOthers]) -> list[Name]:
    return list(dict.fromkeys(name for node in wanted for name in names_in(node.part)))


def _others_declarations(cases: pl.DataFrame, functions: tuple[str, ...], names: list[Name]) -> pl.DataFrame:
    """One row an organisation: what it holds as the other one, under the names of the relation.

    Of two declarations, that of the function which stands first in `functions` speaks.
    """
    held = (column for name in names for column in _held(name, cases))
    return (
        cases.select("function", *held, other_code="org_code")
        .filter(pl.col("function").is_in(functions))
        .sort(pl.col("function").cast(pl.String).cast(pl.Enum(functions)), maintain_order=True)
        .unique("other_code", keep="first", maintain_order=True)
        .drop("function")
    )


def _held(name: Name, cases: pl.DataFrame) -> Iterator[pl.Expr]:
    """What an organisation holds under a name of another's relation to it; of a review question, both reviews."""
    to = [_of_item(name.name, item) for item in _ITEMS] if _is_of_review(name, cases) else [name.name]
    for column, renamed in zip(_columns(name, cases), to, strict=True):
        yield from _renamed(column, renamed, name)


def _renamed(column: str, to: str, name: Name) -> Iterator[pl.Expr]:
    for held, renamed in zip(_with_reason(column, name), _with_reason(to, name), strict=True):
        yield pl.col(held).alias(renamed)


def _with_reason(column: str, name: Name) -> list[str]:
    """The column and, for an answer, the one that says why it is absent."""
    return [column, column + WHY_ABSENT] if name.absences else [column]


def _is_of_review(name: Name, cases: pl.DataFrame) -> bool:
    return bool(name.relation) and f"review1.{name.name.removeprefix(f'{name.relation}.')}" in cases.columns


def _at_item(name: Name) -> Iterator[pl.Expr]:
    """Of the two reviews that an organisation describes, the one that the tie is about; any other is not known."""
    first, second = (_with_reason(_of_item(name.name, item), name) for item in _ITEMS)
    for column, of_first, of_second in zip(_with_reason(name.name, name), first, second, strict=True):
        yield pl.when(pl.col("item") == 1).then(of_first).when(pl.col("item") == 2).then(of_second).alias(column)


def _of_item(column: str, item: int) -> str:
    return f"{column} of review {item}"


def _counts(among: Among | CountAmong) -> list[pl.Expr]:
    condition = holds(among.part)
    undecided = condition.is_null() & answerable(among.part)
    columns = among_columns(among)
    return [
        condition.sum().alias(columns["holds"]),
        undecided.sum().alias(columns["undecided"]),
        (condition.is_not_null() | undecided).sum().alias(columns["applies"]),
        *_undecided_columns(among, condition),
    ]


def _sums(total: Total) -> list[pl.Expr]:
    value = value_of(total.part)
    summed = value.sum()
    undecided = (value.is_null() & answerable(total.part)).any() | summed.is_infinite()
    known = pl.when((value.count() > 0) & summed.is_finite()).then(summed)
    return [known.alias(total.text), undecided.alias(total_answerable(total)), *_undecided_columns(total, value)]


def _undecided_columns(node: OfOthers, outcome: pl.Expr) -> list[pl.Expr]:
    """Of each name, whether for one of the others its absence keeps open what comes out."""
    by_name = {key.name: pl.lit(value=False) for key in node.keys} | undecided_by(node.part, NESTED)
    return [
        (outcome.is_null() & undecided).any().alias(undecided_by_column(node, name))
        for name, undecided in by_name.items()
    ]


def _accounts(among: Among | CountAmong) -> pl.Expr:
    """The accounts of the first few of whom the part holds, and how many more there are."""
    condition = holds(among.part).fill_null(value=False)
    theirs = [name for name in names_in(among.part) if name.relation]
    prefix = f"{among.relation}."
    accounts = [format_evidence(name, format_value(name), name.name.removeprefix(prefix)) for name in theirs]
    values = pl.concat_str(accounts, separator=", ")
    account = pl.format(f"{among.relation} {{}}: {{}}", "other_code", values)
    first = account.filter(condition).head(_MOST_NAMED).str.join("; ")
    more = pl.when(condition.sum() > _MOST_NAMED).then(pl.format("; and {} more", condition.sum() - _MOST_NAMED))
    none = pl.format(f"{among.relation}: none of {{}}", pl.len())
    some = pl.concat_str([first, more.otherwise(pl.lit(""))])
    return pl.when(condition.any()).then(some).otherwise(none).alias(accounts_column(among))


def _columns_of_unknown_others(node: OfOthers) -> list[pl.Expr]:
    """The columns of a condition where it is not known who the others are."""
    undecided_columns = [
        pl.lit(value=bool(name.relation)).alias(undecided_by_column(node, name.name)) for name in names_in(node)
    ]
    return [*undecided_columns, *_columns_of_unknown_outcome(node)]


def _columns_of_unknown_same(node: OfOthers) -> list[pl.Expr]:
    """The columns of a condition where a value that others may share is wanting: it alone keeps the condition open."""
    waiting = [
        (is_wanting(name) if name in node.keys else pl.lit(value=False)).alias(undecided_by_column(node, name.name))
        for name in names_in(node)
    ]
    return [*waiting, *_columns_of_unknown_outcome(node)]


def _columns_of_unknown_outcome(node: OfOthers) -> list[pl.Expr]:
    if isinstance(node, Total):
        return [pl.lit(None, pl.Float64).alias(node.text), pl.lit(value=True).alias(total_answerable(node))]
    counts = [pl.lit(None, pl.UInt32).alias(column) for column in among_columns(node).values()]
    return [*counts, pl.lit(f"{node.relation}: not known who they are").alias(accounts_column(node))]


def _columns_of_no_others(node: OfOthers, *, with_accounts: bool) -> list[pl.Expr]:
    """The columns of a condition, filled for the cases that have no such others."""
    undecided_columns = [pl.col(undecided_by_column(node, name.name)).fill_null(value=False) for name in names_in(node)]
    if isinstance(node, Total):
        return [pl.col(total_answerable(node)).fill_null(value=False), *undecided_columns]
    counts = [pl.col(column).fill_null(0) for column in among_columns(node).values()]
    account = pl.col(accounts_column(node)).fill_null(pl.lit(f"{node.relation}: none")) if with_accounts else None
    return [*counts, *undecided_columns] if account is None else [*counts, *undecided_columns, account]
