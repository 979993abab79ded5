"""The run folder: all that a run makes, written whole or not at all, and read again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.errors import RunError
from crosscheck.frames import OUTPUTS
from crosscheck.report.folder import refuse_foreign, written_whole
from crosscheck.report.identity import sha256_of
from crosscheck.report.tables import write_csv, write_parquet
from crosscheck.report.visit_list import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crosscheck.collection.read import Collection
    from crosscheck.pipeline import Outcome
    from crosscheck.rulebook.rule import Rulebook

MANIFEST: Final = "manifest.json"
COLLECTION: Final = "collection"
_DECIMALS: Final = 6


def write_run(
    outcome: Outcome,
    collection: Collection,
    rulebook: Rulebook,
    manifest: dict[str, Any],
    folder: Path,
    write_pages: Callable[[Path], None] | None = None,
) -> None:
    """Write the run beside its place and move it there when it is whole; a former run at that place is replaced.

    Args:
        outcome: every table that the run made.
        collection: what it read; its tables are kept in `collection/`, as they were understood.
        rulebook: the rules as used.
        manifest: what the run rested on.
        folder: the place.
        write_pages: adds what people read, from the files that stand in the folder by then.

    Raises:
        RunError: the place holds something that is no run, or can't be written.
    """
    with written_whole(folder, MANIFEST, "run") as whole:
        _write_tables(outcome, collection.problems, whole)
        _keep_collection(collection, whole / COLLECTION)
        _write_json(_rules_as_used(rulebook), whole / "rulebook.json")
        _write_json(manifest, whole / MANIFEST)
        if write_pages:
            write_pages(whole)
        _write_json(manifest | {"outputs": _digests(whole)}, whole / MANIFEST)


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before any work if the place of the run holds something that is not a run.

    Raises:
        RunError: it does.
    """
    refuse_foreign(folder, MANIFEST, "run")


def read_table(folder: Path, name: str) -> pl.DataFrame:
    """Read one table of a run; `collection/answers` is a table of what it had read.

    Raises:
        RunError: there is no such run; the message says how to make one.
    """
    file = next((file for kind in ("parquet", "csv") if (file := folder / f"{name}.{kind}").is_file()), None)
    if file is None or not (folder / MANIFEST).is_file():
        raise RunError(f"{folder}: is no run. Make one: crosscheck run COLLECTION --year 2008/09 --out {folder}")
    return pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema_length=None)


def read_json(folder: Path, name: str) -> Any:
    """Read the manifest or the rules of a run, under the conditions of `read_table`."""
    file = folder / name
    if not file.is_file():
        raise RunError(f"{folder}: is no run. Make one: crosscheck run COLLECTION --year 2008/09 --out {folder}")
    return json.loads(file.read_text(encoding="utf-8"))


def _digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file but the manifest, which is to hold them."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != MANIFEST)
    return {file.relative_to(folder).as_posix(): sha256_of(file) for file in files}


def _keep_collection(collection: Collection, folder: Path) -> None:
    """Keep what was read, as it was understood: pages, replies and audits go back to it."""
    folder.mkdir()
    for name, table in collection.tables.items():
        write_parquet(table, folder / f"{name}.parquet")


def _write_tables(outcome: Outcome, problems: pl.DataFrame, folder: Path) -> None:
    """Write every table; the workbook takes Python's time, so the others are written beside it."""
    visit_list = _shaped(outcome.visit_list, "visit_list")
    tables = {
        "visit_list": visit_list,
        "findings": _shaped(outcome.findings, "findings").drop("open_questions"),
        "scores": _shaped(outcome.scores, "scores"),
        "problems": _shaped(problems, "problems"),
        "pooled": _rounded(outcome.pooled),
        **{name: _rounded(table) for name, table in outcome.screens.items()},
    }
    kept = {name: _rounded(getattr(outcome, name)) for name in ("cases", "findings", "parts", "ties", "names")}
    kept |= {name: _rounded(getattr(outcome.quality, name)) for name in ("loadings", "beliefs")}
    kept |= {name: tables[name] for name in ("scores", "pooled")}  # read again by every page: a tenth of the CSV's time
    kept["predecessors"] = outcome.lineage.predecessors
    with ThreadPoolExecutor(max_workers=1) as beside:
        written = [beside.submit(write_csv, table, folder / f"{name}.csv") for name, table in tables.items()]
        written += [
            beside.submit(write_parquet, table, folder / f"{name}.parquet")
            for name, table in {**kept, "visit_list": visit_list}.items()
        ]
        write_workbook(visit_list, folder / "visit_list.xlsx")
        for one in written:
            one.result()


def _shaped(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The promised columns first, in their order; figures to six decimals, so that the same run has the same bytes."""
    promised = OUTPUTS[name].schema.names()
    return _rounded(table).select(*promised, pl.exclude(promised))


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.selectors.float().round(_DECIMALS))


def _rules_as_used(rulebook: Rulebook) -> list[dict[str, Any]]:
    """What people ask of a rule afterwards: its law, its innocent explanations, what to look at."""
    told = ("id", "title", "kind", "expects", "severity", "strength", "basis", "source", "innocent", "ask", "group")
    return [{key: getattr(rule, key) for key in told} for rule in rulebook]


def _write_json(content: object, file: Path) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
