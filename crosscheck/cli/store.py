"""Commands on a store as a whole."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from crosscheck.cli.group import main, store_option


@main.group()
def store() -> None:
    """Look after a store: its version, and moving it to another one.

    \b
    Example:  crosscheck store version --store runs.db
    """


@store.command("version")
@store_option
def version_(store: str) -> None:
    """Say which version a store is of, and which this program needs.

    \b
    Example:  crosscheck store version --store runs.db
    """
    from crosscheck.store.database import connect, state_of, versions

    with connect(store) as kept:
        click.echo(f"{kept.name}: {state_of(kept) or 'empty'}; this crosscheck needs {versions()[-1]}")


@store.command()
@store_option
@click.option("--to", default="head", show_default=True, help="The version to move to.")
def upgrade(store: str, to: str) -> None:
    """Bring a store to the version that this program needs, and make its triggers anew.

    \b
    Example:  crosscheck store upgrade --store runs.db
    """
    from crosscheck.store.database import connect, migrate, state_of

    with connect(store, create=True) as kept:
        migrate(kept, to)
        click.echo(f"{kept.name}: {state_of(kept) or 'empty'}")


@store.command()
@store_option
@click.option("--to", required=True, help="The version to go back to, as 0001; base takes all tables away.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(store: str, to: str, *, yes: bool) -> None:
    """Bring a store back to an older version; what that version has no place for is lost.

    \b
    Example:  crosscheck store downgrade --store runs.db --to 0001
    """
    from crosscheck.store.database import connect, migrate, state_of

    with connect(store) as kept:
        if not yes:
            click.confirm(f"Go back to {to}, and lose what it has no place for? Keep a copy first.", abort=True)
        migrate(kept, to)
        click.echo(f"{kept.name}: {state_of(kept) or 'empty'}")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def backup(file: Path, store: str) -> None:
    """Write all that a store keeps into one file that goes back into either database.

    \b
    Example:  crosscheck store backup 2009-03-31.zip --store runs.db
    Others may go on writing: the file is what was kept at one moment. A file that is there is never written over.
    """
    from crosscheck.store.backup import back_up
    from crosscheck.store.database import open_store

    with open_store(store) as kept:
        _tell(back_up(kept, file).rows)
    click.echo(f"FILE   {file}, {file.stat().st_size / 1_000_000:.1f} MB")


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@store_option
def restore(file: Path, store: str) -> None:
    """Put back all that a backup holds, whole or not at all, into a store that keeps nothing yet.

    \b
    Example:  crosscheck store restore 2009-03-31.zip --store postgresql://crosscheck@db/crosscheck
    """
    from crosscheck.store.backup import restore as put_back
    from crosscheck.store.database import connect

    with connect(store, create=True) as kept:
        _tell(put_back(file, kept).rows)
        click.echo(f"STORE  {kept.name}")


@store.command()
@store_option
@click.option("--mend", "mends", is_flag=True, help="Take away contents that belong to no run; nothing else.")
def doctor(store: str, *, mends: bool) -> None:
    """Look at everything that may ail a store, and say what to do; ends with 1 if anything is wrong.

    \b
    Example:  crosscheck store doctor --store runs.db
    """
    from crosscheck.store.database import connect
    from crosscheck.store.doctor import diagnose, repair

    with connect(store) as kept:
        if mends:
            click.echo(f"Contents that belonged to no run and are gone: {repair(kept)}")
        found = diagnose(kept)
    for looked_at, ailments in found.items():
        click.echo(f"{'WRONG' if ailments else 'well '}  {looked_at}")
        for ailment in ailments:
            click.echo(f"       {ailment.what}.\n       {ailment.remedy}")
    sys.exit(int(any(found.values())))


def _tell(rows: dict[str, int]) -> None:
    click.echo("ROWS   " + ", ".join(f"{table} {count}" for table, count in rows.items()))
