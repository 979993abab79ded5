"""What the other organisations hold that hold the same value under a name: `same(x).…` in a rule.

Pair by pair, ten thousand organisations of one region would make a hundred million rows. So the cases that look alike
are compared once with the organisations that hold alike, each standing for as many as there are.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.rulebook.compile_polars import among_columns, holds, is_wanting, undecided_by_column
from crosscheck.rulebook.condition import Total, names_in
from crosscheck.rulebook.others import (
    MOST_NAMED,
    account_of,
    accounts_column,
    columns_of_no_others,
    columns_of_unknown_outcome,
    names_of_parts,
    others_declarations,
    outcome_columns,
    with_reason,
)

if TYPE_CHECKING:
    from crosscheck.rulebook.condition import Among, CountAmong
    from crosscheck.rulebook.others import OfOthers

_KEYS: Final = ("org_code", "function")
# Which declaration speaks for an organisation that made two.
_DECLARATION_OF: Final = ("whole", "commissioner", "provider")
# Of a case: which of the distinct looks and of the distinct holdings it is; of a pair: how many organisations it is.
_LOOK, _HOLDING, _WEIGHT = "look", "holding", "weight"


def beside_the_same(cases: pl.DataFrame, relation: str, wanted: list[OfOthers], *, with_accounts: bool) -> pl.DataFrame:
    """Lay beside each case what is wanted of the others that hold the same; unknown where its own value is wanting.

    Others whose value is absent are left out: one organisation without a postcode would else leave every comparison of
    postcodes open. Where the own value is not applicable, there are no others.

    Args:
        cases: one row a declaration, in any order.
        relation: `same(…)` as the rules write it.
        wanted: what rules ask of these others.
        with_accounts: also say in words what those others hold of whom a condition holds.

    Returns:
        The cases in their order, with the columns that `others` and `compile_polars` name.
    """
    looks, pairs = _pair(cases, relation, wanted)
    counted = [column for node in wanted for column in outcome_columns(node, pl.col(_WEIGHT))]
    over_others = pairs.group_by(_LOOK).agg(pl.col(_WEIGHT).sum().alias("others"), *counted)
    compared = cases.with_columns(looks).join(over_others, on=_LOOK, how="left", maintain_order="left")
    for node in wanted if with_accounts else ():
        if not isinstance(node, Total):
            compared = _with_accounts(compared, pairs, node)
    return _where_known(compared, wanted, with_accounts=with_accounts).drop(_LOOK, "others")


def _pair(cases: pl.DataFrame, relation: str, wanted: list[OfOthers]) -> tuple[pl.Series, pl.DataFrame]:
    """Of each case its look; and one row a look and a holding with the same keys, with what both hold.

    A look is what a case itself holds, with the holding of its organisation: which, seen from there, stands for one
    organisation fewer.
    """
    keys, names = wanted[0].keys, names_of_parts(wanted)
    their_keys = [replace(key, name=f"{relation}.{key.name}", relation=relation) for key in keys]
    theirs = list(dict.fromkeys([*(name for name in names if name.relation), *their_keys]))
    own = list(dict.fromkeys([*(name for name in names if not name.relation), *keys]))
    others = others_declarations(cases, _DECLARATION_OF, theirs).sort("other_code")
    held = [column for column in others.columns if column != "other_code"]
    # One more code than are named, for the organisation itself may be among them.
    holdings = (
        others.group_by(held, maintain_order=True)
        .agg(pl.len().alias(_WEIGHT), pl.col("other_code").head(MOST_NAMED + 1).alias("codes"))
        .with_row_index(_HOLDING)
    )
    holding_of = others.join(holdings.select(_HOLDING, *held), on=held, nulls_equal=True)
    looking = [_HOLDING, *(column for name in own for column in with_reason(name.name, name))]
    all_looks = cases.join(
        holding_of.select(_HOLDING, org_code="other_code"), on="org_code", how="left", maintain_order="left"
    ).select(looking)
    looks = all_looks.unique(maintain_order=True).with_row_index(_LOOK)
    pairs = looks.join(
        holdings,
        left_on=[key.name for key in keys],
        right_on=[key.name for key in their_keys],
        coalesce=False,
        suffix=" of the other",
    )
    is_own = (pl.col(_HOLDING) == pl.col(f"{_HOLDING} of the other")).fill_null(value=False)
    weighted = pairs.with_columns(pl.col(_WEIGHT) - is_own.cast(pl.UInt32)).filter(pl.col(_WEIGHT) > 0)
    of_case = all_looks.join(looks, on=looking, how="left", nulls_equal=True, maintain_order="left")[_LOOK]
    return of_case, weighted


def _with_accounts(cases: pl.DataFrame, pairs: pl.DataFrame, node: Among | CountAmong) -> pl.DataFrame:
    """The cases with the accounts of the first few of whom the part holds, and how many more there are."""
    holding = pairs.filter(holds(node.part)).select(_LOOK, code="codes", account=account_of(node)).explode("code")
    # The first few of each look, before they are laid beside the many cases that look so.
    first = holding.sort(_LOOK, "code").group_by(_LOOK, maintain_order=True).head(MOST_NAMED + 1)
    named = (
        cases.select(*_KEYS, _LOOK)
        .join(first, on=_LOOK)
        .filter(pl.col("code") != pl.col("org_code"))
        .sort(*_KEYS, "code")
        .group_by(_KEYS, maintain_order=True)
        .agg(pl.format(f"{node.relation} {{}}: {{}}", "code", "account").head(MOST_NAMED).str.join("; ").alias("named"))
    )
    holds_of = pl.col(among_columns(node)["holds"])
    more = pl.when(holds_of > MOST_NAMED).then(pl.format("; and {} more", holds_of - MOST_NAMED))
    none = pl.format(f"{node.relation}: none of {{}}", "others")
    account = pl.when(pl.col("named").is_null()).then(none).otherwise(pl.concat_str("named", more.fill_null("")))
    with_named = cases.join(named, on=_KEYS, how="left", maintain_order="left")
    return with_named.with_columns(account.alias(accounts_column(node))).drop("named")


def _where_known(compared: pl.DataFrame, wanted: list[OfOthers], *, with_accounts: bool) -> pl.DataFrame:
    """What was compared; of no others where there are none, and unknown where the own value is wanting."""
    filled = compared.with_columns(
        column for node in wanted for column in columns_of_no_others(node, with_accounts=with_accounts)
    )
    nobody_knows = reduce(or_, map(is_wanting, wanted[0].keys))
    unknown = [column for node in wanted for column in _columns_of_unknown(node)]
    by_name = {column.meta.output_name(): column for column in unknown}
    return filled.with_columns(
        pl.when(nobody_knows).then(column).otherwise(name).alias(name)
        for name, column in by_name.items()
        if name in filled.columns
    )


def _columns_of_unknown(node: OfOthers) -> list[pl.Expr]:
    """The columns of a condition where a value that others may share is wanting: it alone keeps the condition open."""
    waiting = [
        (is_wanting(name) if name in node.keys else pl.lit(value=False)).alias(undecided_by_column(node, name.name))
        for name in names_in(node)
    ]
    return [*waiting, *columns_of_unknown_outcome(node)]
