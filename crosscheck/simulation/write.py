"""An invented collection as files: readable by every command, and marked as invented wherever one looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.simulation.model import WorldPlan
    from crosscheck.simulation.world import World

_README: Final = """# INVENTED: a simulated national collection

**Nothing in this folder is real.** Every organisation, board, region, answer, figure, remark, declaration and visit was
made up by `crosscheck simulate`. Every organisation's code begins with INV and every name with "Invented". No
conclusion about any real organisation can be drawn from it, and it must not be passed on without this file.

It serves to judge rules and weights before a visit is made: what is true is known, and stands in the folder `truth`,
which no command reads as part of the collection.

| | |
|---|---|
| mechanism | {mechanism}: {description} |
| difficulty | {difficulty} |
| seed | {seed} |
| made from | simulation {version} (SHA-256 {digest}) |
| year | {year}, with declarations and visits of {former} |

The tables and columns are those of any collection. `truth/truth.csv` has one row a declaration of the year: `status` as
declared, `standard_met`, `upheld` (a perfect visit finds what was declared), `shortfall` (positive is worse, in
standard deviations), its part `unmeasured` of which nothing in the tables speaks, the board's `candour` (positive is
more candid) and its `misjudgement` (standard deviation between what is and what it believes), and how many duties are
`breached`, `admitted`, `mistaken` (admitted and not breached) and `withheld` (breached and not admitted).
`truth/breaches.csv` has one row a declaration and duty: whether it is `breached` and `admitted`, and the `effect` of a
breach, what it weighs in this world (0 where single duties have no part).
"""


def write_world(world: World, folder: Path, plan: WorldPlan, seed: int) -> None:
    """Write the tables as CSV in the form of the input contract, the truth apart, and what it all is.

    Raises:
        RunError: the folder holds something that is no invented collection, or can't be written.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not _invented(folder))):
        raise RunError(
            f"{folder}: holds something that was not invented here, and is left alone. Name another with --out."
        )
    try:
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        for name, table in world.tables.items():
            _as_entered(table).write_csv(folder / f"{name}.csv")
        for name, table in (("truth", world.truth), ("breaches", world.breaches)):
            _as_entered(table).write_csv(folder / "truth" / f"{name}.csv")
        (folder / "README.md").write_text(_describe(plan, seed), encoding="utf-8")
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error


def _invented(folder: Path) -> bool:
    readme = folder / "README.md"
    return readme.is_file() and readme.read_text(encoding="utf-8").startswith(_README.splitlines()[0])


def _describe(plan: WorldPlan, seed: int) -> str:
    model = plan.model
    return _README.format(
        mechanism=plan.mechanism,
        description=plan.cause.description,
        difficulty=plan.difficulty,
        seed=seed,
        version=model.version,
        digest=model.digest,
        year=model.year,
        former=", ".join(model.former_years),
    )


def _as_entered(table: pl.DataFrame) -> pl.DataFrame:
    """Every cell as a person would have entered it."""
    if "absence" in table.columns:
        return _answers_as_entered(table)
    texts = [_text(name, dtype) for name, dtype in table.schema.items()]
    return table.select(texts)


def _text(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean:
        return pl.when(name).then(pl.lit("yes")).when(pl.col(name).not_()).then(pl.lit("no")).alias(name)
    if isinstance(dtype, pl.List):
        return pl.col(name).list.join("|")
    return _number(name) if dtype == pl.Float64 else pl.col(name).cast(pl.String)


def _number(name: str) -> pl.Expr:
    """A figure in digits; a whole one without a decimal point."""
    return pl.col(name).round(6).cast(pl.String).str.strip_suffix(".0")


def _answers_as_entered(answers: pl.DataFrame) -> pl.DataFrame:
    absent = (
        pl.col("absence")
        .cast(pl.String)
        .replace_strict({"no_answer": "", "not_known": "not known", "not_applicable": "n/a"})
    )
    item = pl.when(pl.col("item") > 0).then(pl.col("item").cast(pl.String))
    return answers.select(
        "org_code", "question_id", item.alias("item"), pl.coalesce("level", _number("number"), absent).alias("answer")
    )
