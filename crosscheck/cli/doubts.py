"""The command that confirms or corrects values in doubt."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from crosscheck import settings
from crosscheck.cli.group import assessment_year_if_given, collection_argument, standard_option
from crosscheck.cli.publication import problems
from crosscheck.errors import CollectionError, UnknownNameError
from crosscheck.near_names import suggest

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from crosscheck.collection.read import Collection

_OTHERS = 5  # declarations of other organisations that are shown


@problems.command()
@collection_argument
@click.option("--org", "org_code", required=True, help="Whose value it is.")
@click.option("--column", "about", required=True, help="What it is of: the column `about` of doubts.csv.")
@click.option("--item", help="Which repeated item, or the period; needed where there are several.")
@click.option("--means", help="What it means. Leave it out to confirm the value as it stands.")
@click.option("--by", required=True, help="Your name.")
@click.option("--because", required=True, metavar="TEXT", help="How you know, in words that others can follow later.")
@click.option("--year", help="Assessment year; the latest declared on if not given.", callback=assessment_year_if_given)
@click.option("--show", is_flag=True, help="Only show what it would change; write nothing.")
@standard_option
def resolve(collection: Path, *, year: str | None, standard: str | None, show: bool, **stated: Any) -> None:
    """Confirm or correct a value in doubt.

    The command shows what that changes on the list.

    \b
    Example:  crosscheck problems resolve mine --org R01 --column training.level1_pct --means 85 --by Me --because Asked

    It is written to resolved.csv in the collection's folder, which the next run reads.
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.collection.resolved import as_if_resolved, write_resolved
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.standard import name_standard

    name = name_standard(standard)
    questionnaire = read_questionnaire(settings.questionnaire_file(name))
    before = read_collection(collection, questionnaire, year, name)
    doubt = _find_doubt(before.doubts, stated["org_code"], stated["about"], stated["item"])
    row = _describe_row(doubt, stated)
    with as_if_resolved(collection, row) as place:
        after = read_collection(place, questionnaire, year, name)
    _refuse_unused(after)
    click.echo(f"{doubt['org_code']}, {doubt['about']}: {doubt['value']} means {row['means']}")
    for line in _list_changes(before, after, doubt["org_code"], year or _latest_year(before), name):
        click.echo(f"  {line}")
    if not show:
        click.echo(f"Written to {write_resolved(collection, row)}: the next run reads it.")


def _find_doubt(doubts: pl.DataFrame, org_code: str, about: str, item: str | None) -> dict[str, Any]:
    """The one doubt that is meant.

    Raises:
        UnknownNameError: there is none, or there are several; each is named.
    """
    matching = [
        doubt
        for doubt in doubts.iter_rows(named=True)
        if (doubt["org_code"], doubt["about"]) == (org_code, about) and item in (None, doubt["item"])
    ]
    if len(matching) == 1:
        return matching[0]
    listed = matching or doubts.head(10).to_dicts()
    names = "; ".join(f"{doubt['org_code']}, {doubt['about']} {doubt['item']}".rstrip() for doubt in listed)
    if matching:
        raise UnknownNameError(f"Several values are meant: {names}. Say which with --item.")
    near = suggest(f"{org_code}, {about}", (f"{doubt['org_code']}, {doubt['about']}" for doubt in doubts.to_dicts()))
    raise UnknownNameError(f"No value of {org_code}, {about} is in doubt.{near} In doubt are: {names or 'none'}.")


def _describe_row(doubt: dict[str, Any], stated: dict[str, Any]) -> dict[str, str]:
    """The row of the table `resolved` that says what the value means."""
    return {
        "table": doubt["table"],
        "org_code": doubt["org_code"],
        "column": doubt["about"],
        "item": doubt["item"],
        "value": doubt["value"],
        "means": stated["means"] or doubt["value"],
        "by": stated["by"],
        "on": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "because": stated["because"],
    }


def _refuse_unused(after: Collection) -> None:
    """Refuse a row that the reader can't use: it says why."""
    wrong = after.problems.filter((after.problems["table"] == "resolved") & (after.problems["effect"] != "converted"))
    if not wrong.is_empty():
        raise CollectionError(
            f"{value}: {problem} {remedy}"
            for value, problem, remedy in wrong.select("value", "problem", "remedy").rows()
        )


def _latest_year(read: Collection) -> str:
    return str(read.tables["declarations"]["year"].max())


def _list_changes(before: Collection, after: Collection, org_code: str, year: str, standard: str) -> list[str]:
    """What the list would say, before and after, in words."""
    from crosscheck.cases.history import last_day
    from crosscheck.pipeline import cross_check
    from crosscheck.standard import load_standard
    from crosscheck.visits.plan import Capacity

    loaded = load_standard(standard, None, last_day(year))
    listed, changed = (cross_check(read, loaded, year, Capacity(0, 0.0, 0)).visit_list for read in (before, after))
    return _compare_lists(listed, changed, org_code)


def _compare_lists(before: pl.DataFrame, after: pl.DataFrame, org_code: str) -> list[str]:
    """The organisation's declarations before and after, and those of others whose risk changes most."""
    import polars as pl

    both = before.join(after, on=["org_code", "function"], suffix="_after").with_columns(
        own=pl.col("org_code") == org_code, moved=(pl.col("risk_after") - pl.col("risk")).abs()
    )
    others = both.filter(~pl.col("own") & (pl.col("rank") != pl.col("rank_after")))
    most = others.sort("moved", "rank", descending=[True, False]).head(_OTHERS)
    rows = pl.concat([both.filter("own"), most]).iter_rows(named=True)
    return [
        *(
            f"{row['org_code']}, {row['function']}: rank {row['rank']} becomes {row['rank_after']}, risk "
            f"{row['risk']:.1%} becomes {row['risk_after']:.1%}, {row['flags']} flags become {row['flags_after']}"
            for row in rows
        ),
        f"{others.height} declarations of other organisations change their rank",
    ]
