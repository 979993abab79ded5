"""What the list says of each declaration, and which visits count."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.outputs import FURTHER, OUTPUTS
from crosscheck.visits.listing import all_visits, build_visit_list, describe_declarations, list_visit_items
from crosscheck.vocabulary import POOL, STATUS

KEYS = ["org_code", "function"]
RANKED = pl.DataFrame({"org_code": ["R03", "R01", "R02"], "function": "whole", "rank": [1, 2, 3]}).with_columns(
    pool=pl.lit("to_visit", POOL),
    rank_low=pl.Series([1, 1, 2]),
    rank_high=pl.Series([2, 3, 3]),
    risk=pl.Series([0.12345678, 0.1, 0.05]),
    risk_low=pl.Series([0.011111111, 0.0, 0.0]),
    risk_high=pl.Series([0.999999999, 0.5, 0.5]),
    decibans=pl.Series([-8.512345, 0.0, 1.0]),
    among_capacity=pl.Series([0.987654321, 0.5, None]),
)
CASES = pl.DataFrame({"org_code": ["R01", "R02", "R03"], "function": "whole"}).with_columns(
    pl.Series("organisation.name", ["One", "Two", "Three"]),
    pl.Series("organisation.org_type", ["acute", "pct", "acute"]),
    pl.Series("organisation.region", ["North", None, "South"]),
    pl.Series("declared.status", ["compliant", "compliant", "compliant"], dtype=STATUS),
)


def visits(*rows: tuple[str, str, int, str], standard: str | None = None) -> pl.DataFrame:
    """Organisation, function, day in July 2009, finding."""
    schema = INPUTS["visits"].schema
    stated = [
        dict.fromkeys(schema, None)
        | {"org_code": code, "function": function, "year": "2008/09", "visited_on": date(2009, 7, day),
           "finding": finding, "selected_by": "risk", "standard": standard}
        for code, function, day, finding in rows
    ]  # fmt: skip
    return pl.DataFrame(stated, schema=schema)


def rows_of(name: str, *keys: str) -> pl.DataFrame:
    return pl.DataFrame({"org_code": keys}, schema={"org_code": pl.String}).with_columns(
        function=pl.lit("whole"), **{name: pl.lit("x")}
    )


def listed(
    verdicts: dict[str, list[str]] | None = None, duties: tuple[str, ...] = (), seen: pl.DataFrame | None = None
) -> pl.DataFrame:
    declarations = describe_declarations(CASES.reverse(), RANKED, visits() if seen is None else seen)
    told = [(code, "whole", verdict) for code, each in (verdicts or {}).items() for verdict in each]
    planned = (
        RANKED.select(KEYS)
        .reverse()
        .with_columns(selected_by=pl.lit("risk"), inclusion_probability=pl.lit(None), added=pl.lit(None, pl.String))
    )
    reasons = RANKED.select(KEYS).reverse().with_columns(reason=pl.format("Because of {}.", "org_code"))
    findings = pl.DataFrame(
        told, schema=[*KEYS, "verdict"], orient="row", schema_overrides=dict.fromkeys((*KEYS, "verdict"), pl.String)
    )
    return build_visit_list(declarations, planned, findings, rows_of("check_id", *duties), reasons)


def test_the_list_has_the_promised_columns_and_stays_in_its_order() -> None:
    found = listed()
    assert found.columns[: len(OUTPUTS["visit_list"].schema)] == OUTPUTS["visit_list"].schema.names()
    assert {column.name for column in FURTHER["visit_list"]} <= set(found.columns)
    assert found["org_code"].to_list() == ["R03", "R01", "R02"]
    assert found["name"].to_list() == ["Three", "One", "Two"]
    assert found["org_type"].to_list() == ["acute", "acute", "pct"]
    assert found["region"].to_list() == ["South", "North", None]
    assert found["declared"].to_list() == ["compliant"] * 3
    assert found["reason"].to_list() == ["Because of R03.", "Because of R01.", "Because of R02."]
    assert found["selected_by"].to_list() == ["risk"] * 3


def test_what_differs_what_is_open_and_what_is_unmet_are_counted_and_nought_where_there_is_none() -> None:
    found = listed(
        {"R01": ["differs", "differs", "cannot_tell", "agrees"], "R02": ["cannot_tell"]}, duties=("R02", "R02", "R01")
    )
    assert found.select("flags", "unknowns", "duties_unmet").rows() == [(0, 0, 0), (2, 1, 1), (0, 1, 2)]
    assert [found.schema[name] for name in ("flags", "unknowns", "duties_unmet")] == [pl.Int64] * 3


def test_risks_are_told_to_six_places_and_decibans_to_four() -> None:
    first = listed().row(0, named=True)
    assert (first["risk"], first["risk_low"], first["risk_high"]) == (0.123457, 0.011111, 1.0)
    assert (first["decibans"], first["among_capacity"]) == (-8.5123, 0.9877)
    assert listed()["among_capacity"][2] is None


def test_of_several_visits_to_one_declaration_the_last_is_told() -> None:
    seen = visits(("R01", "whole", 9, "qualified"), ("R01", "whole", 3, "upheld"), ("R03", "provider", 3, "upheld"))
    assert listed(seen=seen)["visited"].to_list() == [None, "qualified", None]
    assert listed(seen=seen.reverse())["visited"].to_list() == [None, "qualified", None]


def test_visits_of_former_years_and_of_the_first_wave_count_once_each() -> None:
    before, wave = visits(("R01", "whole", 3, "upheld")), visits(("R02", "whole", 4, "qualified"))
    both = {"visits": pl.concat([before, wave]), "visits_wave_1": wave}
    found = all_visits(both, "C2")
    assert found.select("org_code", "finding").rows() == [("R01", "upheld"), ("R02", "qualified")]
    assert all_visits({"visits_wave_1": wave}, "C2")["org_code"].to_list() == ["R02"]
    assert all_visits({}, "C2").equals(INPUTS["visits"].empty())


def test_two_visits_to_one_declaration_on_different_days_are_two() -> None:
    found = all_visits({"visits": visits(("R01", "whole", 3, "upheld"), ("R01", "whole", 4, "upheld"))}, "C2")
    assert found.height == 2


@pytest.mark.parametrize(("standard", "counts"), [("C2", 1), (None, 1), ("C4", 0)])
def test_visits_on_another_standard_count_nowhere(standard: str | None, counts: int) -> None:
    given = visits(("R01", "whole", 3, "upheld"), standard=standard)
    assert all_visits({"visits": given}, "C2").height == counts


def test_criteria_that_were_looked_at_count_once_and_none_where_there_are_none() -> None:
    schema = INPUTS["visit_items"].schema
    row = dict.fromkeys(schema, None) | {
        "org_code": "R01", "function": "whole", "year": "2008/09", "question_id": "policies.there", "seen": "seen",
    }  # fmt: skip
    looks = pl.DataFrame([row, row | {"question_id": "policies.kept"}], schema=schema)
    found = list_visit_items({"visit_items": looks, "visit_items_wave_1": looks.head(1)}, "C2")
    assert found["question_id"].to_list() == ["policies.there", "policies.kept"]
    assert list_visit_items({}, "C2").equals(INPUTS["visit_items"].empty())
