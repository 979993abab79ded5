"""Commands on a store as a whole."""

from __future__ import annotations

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
