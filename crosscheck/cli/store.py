"""Commands on a store as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crosscheck.cli.group import main
from crosscheck.cli.named_run import store_option


@main.group()
def store() -> None:
    """Back up, restore, upgrade and check a store.

    \b
    Example:  crosscheck store version --store runs.db
    """


@store.command("version")
@store_option
def version_(store: str) -> None:
    """Say which version a store has, and which is needed.

    \b
    Example:  crosscheck store version --store runs.db
    """
    from crosscheck.store.database import connect, state_of, versions

    with connect(store) as opened:
        click.echo(f"{opened.name}: {state_of(opened) or 'empty'}; this crosscheck needs {versions()[-1]}")


@store.command()
@store_option
@click.option("--to", default="head", show_default=True, help="The version to move to.")
def upgrade(store: str, to: str) -> None:
    """Bring a store to the version that this program needs.

    \b
    Example:  crosscheck store upgrade --store runs.db
    """
    from crosscheck.store.database import connect, migrate, state_of

    with connect(store, create=True) as opened:
        migrate(opened, to)
        click.echo(f"{opened.name}: {state_of(opened) or 'empty'}")


@store.command()
@store_option
@click.option("--to", required=True, help="The version to go back to, for example 0001; base takes all tables away.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(store: str, to: str, *, yes: bool) -> None:
    """Bring a store back to an older version.

    What that version has no place for is lost.

    \b
    Example:  crosscheck store downgrade --store runs.db --to 0001
    """
    from crosscheck.store.database import connect, migrate, state_of

    with connect(store) as opened:
        if not yes:
            click.confirm(f"Go back to {to}, and lose what it has no place for? Keep a copy first.", abort=True)
        migrate(opened, to)
        click.echo(f"{opened.name}: {state_of(opened) or 'empty'}")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def backup(file: Path, store: str) -> None:
    """Write all that a store keeps into one file.

    The file can be restored into SQLite and into PostgreSQL.

    \b
    Example:  crosscheck store backup 2009-03-31.zip --store runs.db

    Others may go on writing: the file is what was kept at one moment. A file that is there is never written over.
    """
    from crosscheck.store.backup import back_up
    from crosscheck.store.database import open_store

    with open_store(store) as opened:
        _print_rows(back_up(opened, file).rows)
    click.echo(f"FILE   {file}, {file.stat().st_size / 1_000_000:.1f} MB")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def restore(file: Path, store: str) -> None:
    """Restore a backup into an empty store.

    The whole backup, or nothing of it.

    \b
    Example:  crosscheck store restore 2009-03-31.zip --store postgresql://crosscheck@db/crosscheck
    """
    from crosscheck.store.backup import restore as put_back
    from crosscheck.store.database import connect

    with connect(store, create=True) as opened:
        _print_rows(put_back(file, opened).rows)
        click.echo(f"STORE  {opened.name}")


@store.command()
@store_option
@click.option("--mend", "mends", is_flag=True, help="Take away contents that belong to no run; nothing else.")
def doctor(store: str, *, mends: bool) -> None:
    """Check everything that may be wrong with a store.

    It says what to do, and exits with status 1 if anything is wrong.

    \b
    Example:  crosscheck store doctor --store runs.db
    """
    from crosscheck.store.database import connect
    from crosscheck.store.doctor import diagnose, repair

    with connect(store) as opened:
        if mends:
            click.echo(f"Contents that belonged to no run and are gone: {repair(opened)}")
        found = diagnose(opened)
    for looked_at, faults in found.items():
        click.echo(f"{'WRONG' if faults else 'well '}  {looked_at}")
        for fault in faults:
            click.echo(f"       {fault.what}.\n       {fault.remedy}")
    sys.exit(int(any(found.values())))


def _print_rows(rows: dict[str, int]) -> None:
    click.echo("ROWS   " + ", ".join(f"{table} {count}" for table, count in rows.items()))
