"""The command that makes a table of the contract of an export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crosscheck.cli.group import format_option, main
from crosscheck.cli.terminal import print_problems

if TYPE_CHECKING:
    from crosscheck.collection.import_rows import Imported

# They are those of `contract.inputs`, which imports polars; a test holds them together.
TABLES = (
    "organisations", "declarations", "answers", "indicators", "comments", "relationships", "bodies", "visits",
    "visit_items",
)  # fmt: skip


@main.command("import")
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--map", "map_file", type=click.Path(path_type=Path), required=True, help="The map, as TOML.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the collection; its table is written there.")
@click.option("--replace", is_flag=True, help="Write over a table that is there.")
@click.option("--propose", type=click.Choice(TABLES), metavar="TABLE", help="Write a first map to this table instead.")
@format_option
def import_(export: Path, map_file: Path, out: Path | None, propose: str | None, form: str, *, replace: bool) -> None:
    """Turn an export with other columns into a table.

    A map (a TOML file) says which column is which.

    \b
    Example:  crosscheck import export.csv --map successions.toml --propose relationships
    Then:     crosscheck import export.csv --map successions.toml --out collection

    Every row is written, or left out and counted, or named. Exits with status 1 if anything was set aside.
    """
    if propose:
        _propose(export, map_file, propose)
        return
    if out is None:
        raise click.UsageError("Say where the table goes: --out FOLDER")
    from crosscheck.collection.import_map import read_import_map
    from crosscheck.collection.import_rows import import_export
    from crosscheck.report.output.import_folder import refuse_table, write_import

    import_map = read_import_map(map_file)
    refuse_table(out, import_map.table, replace=replace)
    made = import_export(export, import_map, map_file.resolve().parent)
    file = write_import(made, map_file, export, out)
    click.echo("\n".join(_describe(made, export, file)), err=form != "table")
    print_problems(made.problems, form)
    sys.exit(int(not made.problems.filter(made.problems["effect"] != "converted").is_empty()))


def _propose(export: Path, map_file: Path, table: str) -> None:
    from crosscheck.collection.import_proposal import propose_map
    from crosscheck.errors import ImportMapError

    if map_file.exists():
        raise ImportMapError(f"{map_file}: is there already, and may hold somebody's work. Name another with --map.")
    map_file.write_text(propose_map(export, table), encoding="utf-8")
    click.echo(f"MAP       {map_file}: a first one. Read it, then: crosscheck import {export} --map {map_file} --out …")


def _describe(made: Imported, export: Path, file: Path) -> list[str]:
    """What became of every row, in lines that add up."""
    long = [f"LONG      {made.long:,} rows, one for each of several columns"] if made.long != made.read else []
    left_out = [f"LEFT OUT  {part.rows:,} rows; kept where {part.kept_where}" for part in made.left_out]
    return [
        f"READ      {export.name}: {made.read:,} rows, {made.unread:,} of them set aside as they stand",
        *long,
        *left_out,
        f"SET ASIDE {made.set_aside:,} rows that the map can't read",
        f"REPEATED  {made.repeated:,} rows that say what another says",
        f"WRITTEN   {file}: {made.rows.height:,} rows",
        *([f"NOT USED  {', '.join(made.unused)}"] if made.unused else []),
    ]
