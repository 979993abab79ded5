"""Problems of an input as lines to read: one a problem, grouped by cause, each cause before what follows from it."""

from __future__ import annotations

from typing import Final

import polars as pl

from crosscheck.collection.problems import EFFECTS_IN_WORDS, count_effect, describe_problems
from crosscheck.contract.inputs import INPUTS

_TABLES: Final = ("organisations", "bodies", *(name for name in INPUTS if name not in {"organisations", "bodies"}))
_ROWS_NAMED: Final = 10  # rows of one file that follow from one cause

# What differs from one problem to the next of one cause, and what a heading says instead.
_PARTICULARS: Final = (
    (r"contradicts row [\d, and]+", "contradicts another row"),
    (r"^\w+ is \S+, \w+ is \S+: the period", "The period"),
    (r"has \d[\d,]* cells, (more|fewer) than the \d[\d,]*", "has ${1} cells than there are"),
    (r"^Not an answer to \S+\.$", "Not an answer to its question."),
)
_UNKNOWN: Final = r"^(\S+) is (?:not among the organisations that can be used|neither a usable organisation nor a body)"


def list_problem_lines(problems: pl.DataFrame) -> list[str]:
    """List problems by cause.

    Args:
        problems: one row a problem, in the columns of `problems`, with or without `org_code`.

    Returns:
        Groups of one cause each, the gravest first: a heading that counts them, a line for each (file:row:column, what
        is wrong; remedy), and a line for each file with rows that were set aside only because of them. A row that names
        an organisation whose own row was set aside has no line of its own: it is counted, and its number stands with
        what it follows from.
    """
    causes, following = _part_consequences(problems)
    grouped = _sorted_by_cause(causes).group_by("cause", "effect", maintain_order=True)
    lines: list[str] = []
    for (cause, effect), group in grouped:
        consequences = following.join(group.select("org_code").drop_nulls().unique(), on="org_code", how="semi")
        is_first = group["table"].eq("organisations").all() and effect == "row set aside"
        lines += ["", f"{count_effect(str(effect), group.height)}: {cause}"]
        lines += [f"  {line}" for line in describe_problems(group)]
        lines += _describe_consequences(consequences) if is_first else []
    return lines[1:]


def _part_consequences(problems: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Problems that have a cause of their own, and those of rows whose organisation's own row was set aside.

    An organisation's row is the cause, whatever is wrong with it: once it is mended, the rows that name it can be used.
    """
    if "org_code" not in problems.columns:
        problems = problems.with_columns(org_code=pl.lit(None, dtype=pl.String))
    own_row = (pl.col("table") == "organisations") & (pl.col("effect") == "row set aside")
    set_aside = problems.filter(own_row)["org_code"].drop_nulls().unique().to_list()
    names = pl.col("problem").str.extract(_UNKNOWN, 1)
    follows = ((pl.col("table") != "organisations") & names.is_in(set_aside)).fill_null(value=False)
    return problems.filter(~follows), problems.filter(follows).with_columns(org_code=names)


def _sorted_by_cause(problems: pl.DataFrame) -> pl.DataFrame:
    """With the column `cause`, and in the order of reading: gravest first, what others rest on first, most first."""
    alike = pl.col("problem")
    for particular, general in _PARTICULARS:
        alike = alike.str.replace(particular, general)
    first_clause = alike.str.extract(r"^(.+?)(?:[:;.](?:\s|$)|$)", 1).fill_null(pl.col("problem"))
    is_doubt = pl.col("effect") == "in doubt"
    with_cause = problems.with_columns(
        cause=pl.when(is_doubt).then(pl.lit("Unlikely beside other values")).otherwise(first_clause)
    )
    rank = {name: place for place, name in enumerate(_TABLES)}
    gravity = {name: place for place, name in enumerate(EFFECTS_IN_WORDS)}
    with_keys = with_cause.with_columns(
        _gravity=pl.col("effect").replace_strict(gravity, default=0),
        _of_file=pl.col("row").is_not_null(),
        _table=pl.col("table").replace_strict(rank, default=len(rank)),
    )
    of_cause = ("cause", "effect")
    ordered = with_keys.sort(
        "_gravity",
        pl.col("_of_file").min().over(of_cause),
        pl.col("_table").min().over(of_cause),
        -pl.len().over(of_cause).cast(pl.Int64),
        "cause",
        "file",
        "row",
        "column",
        nulls_last=False,
        maintain_order=True,
    )
    return ordered.drop("_gravity", "_of_file", "_table")


def _describe_consequences(following: pl.DataFrame) -> list[str]:
    """The rows that would count if the organisation's own row did: a line for each file and organisation."""
    counted = (
        following.sort("row").group_by("org_code", "file", maintain_order=True).agg("row").sort("org_code", "file")
    )
    return [
        f"  since {code} can't be used: {file}: {len(rows):,} row{'' if len(rows) == 1 else 's'} set aside, too "
        f"({_name_rows(rows)})"
        for code, file, rows in counted.iter_rows()
    ]


def _name_rows(rows: list[int]) -> str:
    named = ", ".join(str(row) for row in rows[:_ROWS_NAMED])
    more = f" and {len(rows) - _ROWS_NAMED:,} more" if len(rows) > _ROWS_NAMED else ""
    return f"row{'' if len(rows) == 1 else 's'} {named}{more}"
