"""The run folder: all that a run makes, written whole or not at all, and read again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck.collection.doubts import SCHEMA as DOUBTS
from crosscheck.contract.outputs import FINDINGS_IN_PARQUET, OUTPUTS
from crosscheck.errors import RunError
from crosscheck.report.output.folder import digest_files, refuse_foreign, sha256_of, written_in_stages
from crosscheck.report.output.tables import write_csv, write_parquet
from crosscheck.runs.former_runs import GROWN, add_columns, list_without_rows, read_rules
from crosscheck.runs.manifest import parse_manifest
from crosscheck.runs.visit_list import describe_basis, list_reasons, write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.collection.read import Collection
    from crosscheck.pipeline import Outcome
    from crosscheck.report.output.folder import Work
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.runs.identity import PlannedRun
    from crosscheck.runs.manifest import Manifest

MANIFEST: Final = "manifest.json"
COLLECTION: Final = "collection"
RULEBOOK: Final = "rulebook.json"
DRAW: Final = "draw"
JOINT: Final = "joint_chances"
MENTIONS: Final = "mentions"

# The stages of a run, each whole before the next is begun (the workbook is written beside the outcome).
OUTCOME: Final = "outcome"
WORKBOOK: Final = "workbook"
PAGES: Final = "pages"
_WHOLE: Final = "manifest"

_WORKBOOK: Final = "visit_list.xlsx"
_DECIMALS: Final = 6
# One over the chance is how many a visit stands for; the others are published for the draw to be repeated.
_EXACT: Final = ("inclusion_probability", "joint_probability", "weight")


def work_on_run(folder: Path, planned: PlannedRun) -> AbstractContextManager[Work]:
    """Give the work on a run, and move it to its place when it is whole; a former run there is replaced then.

    A run that was killed is taken up where the very same is made again, by its fingerprint and by what the manifest
    states of its options.

    Raises:
        RunError: as `folder.written_in_stages`.
    """
    key = json.dumps([planned.fingerprint, planned.options.as_json()], ensure_ascii=False, default=str)
    return written_in_stages(folder, MANIFEST, "run", key)


def holds_run(folder: Path, planned: PlannedRun) -> bool:
    """Whether the very run that is planned stands there, whole: every file has the bytes it was written with."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        manifest = read_manifest(folder)
    except RunError:
        return False  # a damaged manifest is that of no whole run
    wanted = (planned.fingerprint, planned.options, digest_files(folder, MANIFEST))
    return wanted == (manifest.fingerprint, manifest.options, manifest.outputs)


def write_outcome(outcome: Outcome, collection: Collection, rulebook: Rulebook, manifest: Manifest, work: Work) -> None:
    """Write every table that the run made and read, and the rules as used: all that took thought.

    Args:
        outcome: every table that the run made.
        collection: what it read; its tables are kept in `collection/`, as they were understood.
        rulebook: the rules as used.
        manifest: what the run rested on; it waits in the ledger until all else is whole.
        work: of `work_on_run`.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:  # the workbook takes Python's time
        _keep_collection(collection, work.folder / COLLECTION)
        sealed = beside.submit(_write_tables, outcome, collection, rulebook, manifest, work)
        listed = _shaped(outcome.visit_list, "visit_list")
        _write_list(listed, _rounded(outcome.risk.parts), outcome.duties, manifest, work.folder)
        sealed.result()


def finish_run(work: Work, write_pages: Callable[[Path], None] | None = None) -> None:
    """Write what follows from the tables of a run, whoever made them, and at last the manifest.

    Args:
        work: of which the outcome is whole.
        write_pages: adds what people read, from the files that stand in the folder by then.
    """
    if not work.has(WORKBOOK):
        if not (work.folder / _WORKBOOK).is_file():
            names = ("visit_list", "parts", "duties")
            listed, parts, duties = (pl.read_parquet(work.folder / f"{name}.parquet") for name in names)
            manifest = parse_manifest(json.dumps(work.noted).encode(), work.folder)
            _write_list(listed, parts, duties, manifest, work.folder)
        work.seal(WORKBOOK)
    if write_pages and not work.has(PAGES):
        # Pages read a run folder, and that has a manifest. It goes again, since only the last one lists what was
        # written.
        _write_json(work.noted, work.folder / MANIFEST)
        write_pages(work.folder)
        (work.folder / MANIFEST).unlink()
        work.seal(PAGES)
    if not work.has(_WHOLE):
        _write_json(work.noted | {"outputs": work.digests}, work.folder / MANIFEST)
        work.seal(_WHOLE)


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
    return scan_table(folder, name).collect()


def scan_table(folder: Path, name: str) -> pl.LazyFrame:
    """The same, of which only those rows and columns are read that are asked for.

    A table or column that runs of a former release lack is empty there.

    Raises:
        RunError: as `read_table`.
    """
    file = next((file for kind in ("parquet", "csv") if (file := folder / f"{name}.{kind}").is_file()), None)
    if file is None and (empty := list_without_rows(name, read_manifest(folder))) is not None:
        return add_columns(empty, name) if name in GROWN else empty
    if file is None or not (folder / MANIFEST).is_file():
        raise RunError(f"{folder}: is no run. Make one: crosscheck run COLLECTION --year 2008/09 --out {folder}")
    table = pl.scan_parquet(file) if file.suffix == ".parquet" else pl.scan_csv(file, infer_schema_length=None)
    return add_columns(table, name) if name in GROWN else table


def read_manifest(folder: Path) -> Manifest:
    """Read what a run rested on and came to, under the conditions of `read_table`.

    Raises:
        RunError: there is no such run, or its manifest is damaged.
    """
    return parse_manifest(_read_file(folder, MANIFEST), folder / MANIFEST)


def read_json(folder: Path, name: str) -> Any:
    """Read the rules of a run, or what else it wrote as JSON, under the conditions of `read_table`."""
    content = _read_file(folder, name)
    return read_rules(content) if name == RULEBOOK else json.loads(content)


def _read_file(folder: Path, name: str) -> bytes:
    file = folder / name
    if not file.is_file():
        raise RunError(f"{folder}: is no run. Make one: crosscheck run COLLECTION --year 2008/09 --out {folder}")
    return file.read_bytes()


def digest_collection(folder: Path) -> dict[str, str]:
    """The SHA-256 of each table that a run had read, as understood: whatever the order of rows in its file."""
    return {file.stem: sha256_of(file) for file in sorted((folder / COLLECTION).glob("*.parquet"))}


def _write_list(
    visit_list: pl.DataFrame, parts: pl.DataFrame, duties: pl.DataFrame, manifest: Manifest, folder: Path
) -> None:
    rests_on = describe_basis(manifest, digest_collection(folder))
    write_workbook(visit_list, folder / _WORKBOOK, list_reasons(parts), rests_on, duties)


def _keep_collection(collection: Collection, folder: Path) -> None:
    """Keep what was read, as it was understood: pages, replies and audits go back to it."""
    folder.mkdir()
    for name, table in collection.tables.items():
        write_parquet(table, folder / f"{name}.parquet")


def _write_tables(outcome: Outcome, collection: Collection, rulebook: Rulebook, manifest: Manifest, work: Work) -> None:
    tables = {
        "visit_list": _shaped(outcome.visit_list, "visit_list"),
        "findings": _to_read(_shaped(outcome.findings, "findings")),
        "scores": _shaped(outcome.scores, "scores"),
        "duties": _shaped(outcome.duties, "duties"),
        "follow_up": _shaped(outcome.follow_up, "follow_up"),
        "problems": _shaped(collection.problems, "problems"),
        "doubts": _shaped(_doubts_with_risks(collection.doubts, outcome.risk.in_doubt), "doubts"),
        "not_assessed": _shaped(outcome.not_assessed, "not_assessed"),
        "pooled": _rounded(outcome.pooled),
        DRAW: _rounded(outcome.plan.draw),
        JOINT: _rounded(outcome.plan.frame.joint),
        **{name: _rounded(table) for name, table in outcome.exploratory.items()},
    }
    as_parquet = {name: _rounded(getattr(outcome, name)) for name in ("cases", "findings", "ties", "names", "places")}
    as_parquet |= {name: _rounded(getattr(outcome.risk, name)) for name in ("parts", "loadings")}
    as_parquet |= {"check_weights": outcome.risk.from_visits.weights, "assessors": outcome.risk.from_visits.assessors}
    as_parquet |= {
        name: tables[name] for name in ("scores", "pooled")
    }  # read again by every page: a tenth of the CSV's time
    as_parquet |= {name: tables[name] for name in ("visit_list", "duties", "follow_up", "not_assessed", "doubts")}
    as_parquet |= {"predecessors": outcome.lineage.predecessors, MENTIONS: _mentions(collection, outcome)}
    for name, table in tables.items():
        write_csv(table, work.folder / f"{name}.csv")
    for name, table in as_parquet.items():
        write_parquet(table, work.folder / f"{name}.parquet")
    _write_json(_rules_as_used(rulebook), work.folder / RULEBOOK)
    work.seal(OUTCOME, manifest.as_json(), but=_WORKBOOK)


def _doubts_with_risks(doubts: pl.DataFrame, in_doubt: pl.DataFrame) -> pl.DataFrame:
    """The doubts with what they would change: of two declarations that which they change most."""
    change = (pl.col("risk_as_likely") - pl.col("risk_no_answer")).abs()
    most = in_doubt.sort(change, descending=True, maintain_order=True).unique("org_code", keep="first")
    kept = doubts.select(DOUBTS.names())
    return kept.join(most, on="org_code", how="left", maintain_order="left")


def _mentions(collection: Collection, outcome: Outcome) -> pl.DataFrame:
    """Who occurs where; for those on the list without the row, so that the order of the file's rows is lost."""
    is_listed = pl.col("org_code").is_in(outcome.visit_list["org_code"].implode()) & pl.col("why").is_null()
    row = pl.when(~is_listed.fill_null(value=False)).then("row")
    return collection.mentions.with_columns(row.alias("row")).unique().sort(pl.all())


def _to_read(findings: pl.DataFrame) -> pl.DataFrame:
    """The findings that say something, without what the rulebook and the whole table in Parquet hold as well."""
    return findings.filter(pl.col("verdict") != "not_applicable").drop(FINDINGS_IN_PARQUET)


def _shaped(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The promised columns first, in their order; figures to six decimals, so that the same run has the same bytes."""
    promised = OUTPUTS[name].schema.names()
    return _rounded(table).select(*promised, pl.exclude(promised))


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(
        (pl.selectors.float() - pl.selectors.by_name(*_EXACT, require_all=False)).round(_DECIMALS)
    )


def _rules_as_used(rulebook: Rulebook) -> list[dict[str, object]]:
    """What people ask of a rule afterwards: its law, what might rightly be replied, what to look at."""
    identity, meaning = ("id", "title", "kind", "expects", "severity", "strength"), ("basis", "source")
    entries = (*identity, *meaning, "explanations", "lines_of_enquiry", "group")
    return [{key: getattr(rule, key) for key in entries} for rule in rulebook]


def _write_json(content: object, file: Path) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
