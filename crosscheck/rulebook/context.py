"""What a case can't answer by itself: where it stands among its peers, and what other organisations hold.

Rules speak of `peers.percentile(…)`, of `commissioner.…`, `provider.…`, `same_lscb.…`, `other_party.…`, and of
`same(x).…`, the other organisations that hold the same value under a name. All of it is worked out here, over all cases
at once, and laid beside each case as columns, before any rule is held against one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import holds, undecided_by_column, value_of
from crosscheck.rulebook.condition import Among, CountAmong, Percentile, Total, names_in, nodes
from crosscheck.rulebook.others import (
    ITEMS,
    MOST_NAMED,
    OfOthers,
    account_of,
    accounts_column,
    columns_held,
    columns_of_no_others,
    columns_of_unknown_outcome,
    held_columns,
    is_of_review,
    names_of_parts,
    of_item,
    others_declarations,
    outcome_columns,
    with_reason,
)
from crosscheck.rulebook.same_values import beside_the_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.cases.cases import Name
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.vocabulary import Relation

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
            in_context = beside_the_same(in_context, relation, of_others, with_accounts=with_accounts)
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


@cache
def _context_nodes(rulebook: Rulebook) -> tuple[Percentile | OfOthers, ...]:
    """What is worked out here, each text once: the same part may be compared with several limits."""
    every = (node for rule in rulebook for part in rule.conditions for node in nodes(part))
    return tuple({node.text: node for node in every if isinstance(node, Percentile | OfOthers)}.values())


def _finite(wanted: Iterable[Percentile | OfOthers], cases: pl.DataFrame) -> list[pl.Expr]:
    """The numbers that it is worked out from; one that is not finite is as good as none."""
    numbers = dict.fromkeys(name for node in wanted for name in names_in(node) if name.type == "number")
    held = dict.fromkeys(column for name in numbers for column in columns_held(name, cases))
    return [pl.when(pl.col(column).is_finite()).then(column).alias(column) for column in held]


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
    counted = [column for node in wanted for column in outcome_columns(node)]
    accounts = [_accounts(node) for node in wanted if not isinstance(node, Total) and with_accounts]
    over_others = pairs.group_by(*_KEYS, maintain_order=True).agg(*counted, *accounts)
    return cases.join(over_others, on=_KEYS, how="left", maintain_order="left").with_columns(
        column for node in wanted for column in columns_of_no_others(node, with_accounts=with_accounts)
    )


def _tied_pairs(cases: pl.DataFrame, ties: pl.DataFrame, relation: str, wanted: Iterable[OfOthers]) -> pl.DataFrame:
    """One row a case and another organisation that it is tied to, in the order of their codes, with what both hold."""
    names = names_of_parts(wanted)
    theirs = [name for name in names if name.relation == relation]
    of_review = [name for name in names if name.relation and name.relation != relation]
    own = [column for name in names if not name.relation for column in with_reason(name.name, name)]
    of_relation = ties.filter(pl.col("relation") == relation).select("org_code", "other_code", "item").unique()
    speaking = _DECLARATION_OF[next(known for known in _DECLARATION_OF if known == relation)]
    return (
        cases.select(*_KEYS, *own, *(column for name in of_review for column in held_columns(name, cases)))
        .join(of_relation, on="org_code")
        .join(others_declarations(cases, speaking, theirs), on="other_code", how="left")
        .with_columns(column for name in names if is_of_review(name, cases) for column in _at_item(name))
        .sort(*_KEYS, "other_code", "item")
    )


def _at_item(name: Name) -> Iterator[pl.Expr]:
    """Of the two reviews that an organisation describes, the one that the tie is about; any other is not known."""
    first, second = (with_reason(of_item(name.name, item), name) for item in ITEMS)
    for column, of_first, of_second in zip(with_reason(name.name, name), first, second, strict=True):
        yield pl.when(pl.col("item") == 1).then(of_first).when(pl.col("item") == 2).then(of_second).alias(column)


def _accounts(among: Among | CountAmong) -> pl.Expr:
    """The accounts of the first few of whom the part holds, and how many more there are."""
    condition = holds(among.part).fill_null(value=False)
    account = pl.format(f"{among.relation} {{}}: {{}}", "other_code", account_of(among))
    first = account.filter(condition).head(MOST_NAMED).str.join("; ")
    more = pl.when(condition.sum() > MOST_NAMED).then(pl.format("; and {} more", condition.sum() - MOST_NAMED))
    none = pl.format(f"{among.relation}: none of {{}}", pl.len())
    some = pl.concat_str([first, more.otherwise(pl.lit(""))])
    return pl.when(condition.any()).then(some).otherwise(none).alias(accounts_column(among))


def _columns_of_unknown_others(node: OfOthers) -> list[pl.Expr]:
    """The columns of a condition where it is not known who the others are."""
    undecided_columns = [
        pl.lit(value=bool(name.relation)).alias(undecided_by_column(node, name.name)) for name in names_in(node)
    ]
    return [*undecided_columns, *columns_of_unknown_outcome(node)]
