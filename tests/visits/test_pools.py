from __future__ import annotations

import polars as pl

from crosscheck.visits.pools import assign_pools
from crosscheck.vocabulary import POOLS, STATUS


def cases(*declared: tuple[str, str, str]) -> pl.DataFrame:
    names = ("org_code", "function", "declared.status")
    return pl.DataFrame(declared, schema=names, orient="row").with_columns(pl.col("declared.status").cast(STATUS))


def visits(*made: tuple[str, str]) -> pl.DataFrame:
    schema = {"org_code": pl.String, "function": pl.String}
    return pl.DataFrame(made, schema=schema, orient="row").with_columns(finding=pl.lit("upheld"))


def test_a_declaration_of_compliance_is_to_visit_until_it_was_visited_this_year() -> None:
    declared = cases(("R02", "whole", "compliant"), ("R01", "whole", "compliant"))
    pools = assign_pools(declared, visits(("R02", "whole")))
    assert pools.rows() == [("R01", "whole", "to_visit"), ("R02", "whole", "visited")]


def test_a_visit_to_one_function_leaves_the_other_to_visit() -> None:
    declared = cases(("5A1", "commissioner", "compliant"), ("5A1", "provider", "compliant"))
    pools = assign_pools(declared, visits(("5A1", "provider")))
    assert dict(pools.select("function", "pool").iter_rows()) == {"commissioner": "to_visit", "provider": "visited"}


def test_a_declared_lapse_is_to_follow_up_visited_or_not() -> None:
    declared = cases(
        ("R01", "whole", "not_met"), ("R02", "whole", "insufficient_assurance"), ("R03", "whole", "not_met")
    )
    pools = assign_pools(declared, visits(("R01", "whole")))
    assert pools["pool"].to_list() == ["follow_up"] * 3


def test_two_visits_to_one_declaration_leave_it_on_the_list_once() -> None:
    pools = assign_pools(cases(("R01", "whole", "compliant")), visits(("R01", "whole"), ("R01", "whole")))
    assert pools.height == 1


def test_the_order_of_rows_changes_nothing_and_the_pools_sort_as_the_list_does() -> None:
    declared = cases(("R01", "whole", "not_met"), ("R02", "whole", "compliant"), ("R03", "whole", "compliant"))
    seen = visits(("R03", "whole"))
    assert assign_pools(declared, seen).equals(assign_pools(declared.reverse(), seen))
    assert assign_pools(declared, seen).sort("pool")["pool"].to_list() == list(POOLS)
