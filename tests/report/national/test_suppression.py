"""Suppression in general: any table of counts that add up."""

from __future__ import annotations

from itertools import product

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.report.national.suppression import POSSIBLE, SMALLEST, possible_values, suppress

Counts = list[list[int]]


def sums(counts: Counts) -> dict[str, int]:
    """Every cell of a table, its margins among them, by name."""
    rows, columns = range(len(counts)), range(len(counts[0]))
    cells = {f"{row}.{column}": counts[row][column] for row, column in product(rows, columns)}
    cells |= {f"row {row}": sum(counts[row]) for row in rows}
    cells |= {f"column {column}": sum(counts[row][column] for row in rows) for column in columns}
    return cells | {"all": sum(map(sum, counts))}


def table(counts: Counts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A table with its margins, as counts and relations."""
    rows, columns, cells = len(counts), len(counts[0]), sums(counts)
    terms = [("all", f"row {row}", 1) for row in range(rows)] + [("all", "all", -1)]
    terms += [("all by column", f"column {column}", 1) for column in range(columns)] + [("all by column", "all", -1)]
    for row, column in product(range(rows), range(columns)):
        terms += [(f"row {row}", f"{row}.{column}", 1), (f"column {column}", f"{row}.{column}", 1)]
    terms += [(whole, whole, -1) for whole in cells if " " in whole]
    named = pl.DataFrame({"cell": list(cells), "count": list(cells.values())})
    return (
        named.with_columns(
            printed=pl.lit(value=True), known=pl.lit(value=False), cost=pl.col("count").cast(pl.Float64)
        ),
        pl.DataFrame(terms, schema=["relation", "cell", "factor"], orient="row"),
    )


def every_table(shown: dict[str, int], most: int) -> list[dict[str, int]]:
    """The cells of every two by two table of counts up to `most` that fits what is shown: the slow way, no solver."""
    tables = (sums([[one, two], [three, four]]) for one, two, three, four in product(range(most + 1), repeat=4))
    return [cells for cells in tables if all(cells[cell] == count for cell, count in shown.items())]


def test_a_small_count_takes_others_with_it_so_that_sums_do_not_give_it_back() -> None:
    counts, relations = table([[3, 40, 50], [60, 70, 80], [90, 20, 30]])
    told = suppress(counts, relations)
    why = dict(told.select("cell", "why").iter_rows())
    assert why["0.0"] == "small"
    assert list(why.values()).count("protects") >= 3
    shown = dict(told.filter("shown").select("cell", "count").iter_rows())
    terms = [tuple(part.select("cell", "factor").iter_rows()) for part in relations.partition_by("relation")]
    low, high = possible_values("0.0", terms, shown)
    assert high - low >= POSSIBLE - 1


def test_without_a_small_count_all_is_shown() -> None:
    counts, relations = table([[0, 40], [60, 70]])
    assert suppress(counts, relations)["shown"].all()


def test_what_everybody_knows_is_never_withheld_and_counts_against_the_secret() -> None:
    counts, relations = table([[3, 40], [60, 70]])
    known = counts.with_columns(known=pl.col("cell").str.starts_with("row"))
    told = suppress(known, relations)
    assert told.filter(pl.col("known") & pl.col("printed"))["shown"].all()
    assert dict(told.select("cell", "shown").iter_rows())["0.1"] is False


def test_a_count_that_is_not_printed_is_protected_all_the_same() -> None:
    counts = pl.DataFrame(
        {
            "cell": ["yes", "base", "others"],
            "count": [97, 100, 3],
            "printed": [True, True, False],
            "known": False,
            "cost": 1.0,
        }
    )
    relations = pl.DataFrame({"relation": "base", "cell": ["yes", "others", "base"], "factor": [1, 1, -1]})
    told = dict(suppress(counts, relations).select("cell", "shown").iter_rows())
    assert not (told["yes"] and told["base"])


def test_where_too_few_are_known_to_be_there_all_that_can_be_is_withheld() -> None:
    counts = pl.DataFrame(
        {"cell": ["yes", "no", "all"], "count": [1, 2, 3], "printed": True, "known": [False, False, True], "cost": 1.0}
    )
    relations = pl.DataFrame({"relation": "all", "cell": ["yes", "no", "all"], "factor": [1, 1, -1]})
    assert dict(suppress(counts, relations).select("cell", "shown").iter_rows()) == {
        "yes": False,
        "no": False,
        "all": True,
    }


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=4, max_size=4))
def test_every_withheld_small_count_has_as_many_possible_values_as_promised(numbers: list[int]) -> None:
    """Against every table that there is, one by one: no solver, none of the code that chose."""
    counts, relations = table([numbers[:2], numbers[2:]])
    told = suppress(counts, relations)
    shown = dict(told.filter("shown").select("cell", "count").iter_rows())
    fitting = every_table(shown, most=13)  # what is possible may lie above every count that there is
    for cell, count in told.filter(pl.col("count").is_between(1, SMALLEST - 1)).select("cell", "count").iter_rows():
        assert cell not in shown
        possible = {cells[cell] for cells in fitting}
        assert len(possible) >= POSSIBLE, (cell, count, sorted(possible))


def test_nothing_is_withheld_for_nothing() -> None:
    """Each count withheld to protect another would give a small one away if it were shown."""
    counts, relations = table([[2, 11, 30], [25, 40, 3], [17, 60, 80]])
    told = suppress(counts, relations)
    terms = [tuple(part.select("cell", "factor").iter_rows()) for part in relations.partition_by("relation")]
    shown = dict(told.filter("shown").select("cell", "count").iter_rows())
    small = told.filter(pl.col("why") == "small")["cell"].to_list()
    for cell, count in told.filter(pl.col("why") == "protects").select("cell", "count").iter_rows():
        widths = [high - low for low, high in (possible_values(one, terms, shown | {cell: count}) for one in small)]
        assert min(widths) < POSSIBLE - 1, cell
