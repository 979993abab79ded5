"""Commands on the audit trail of a store."""

from __future__ import annotations

import json

import click

from crosscheck.cli.group import format_option, main
from crosscheck.cli.named_run import store_option
from crosscheck.cli.terminal import Steps, list_rows
from crosscheck.errors import AuditError

_THEN = "Leave the store as it is, find out who could write to it, and go back to a backup whose trail holds."
_COLUMNS = ("seq", "at", "who", "what", "subject", "details")


@main.group()
def audit() -> None:
    """Read the audit trail of a store, and verify it.

    \b
    Example:  crosscheck audit verify --store runs.db
    """


@audit.command()
@click.option("--head", help="A head that was kept elsewhere, as `crosscheck audit head` printed it.")
@store_option
def verify(store: str, head: str | None) -> None:
    """Verify that nobody has changed the trail.

    The whole chain is computed again; the first link that does not hold is named.

    \b
    Example:  crosscheck audit verify --store runs.db

    A trail whose end was cut off, or that was written anew from the first row on, holds in itself: give a head that was
    kept elsewhere, and it is named too.
    """
    from crosscheck.store.audit import Head, verify_trail
    from crosscheck.store.database import open_store, refuse_unguarded

    given = Head.read(head) if head else None
    with open_store(store, unguarded=True) as opened:
        with opened.reading() as connection, Steps()("verify"):
            verified = verify_trail(connection, given)
        if verified.broken:
            raise AuditError([f"{opened.name}: {verified.broken.fault}.", _THEN])
        refuse_unguarded(opened)
    since = f", {verified.head.seq - given.seq} of them since the head that you gave" if given else ""
    click.echo(f"The trail holds: {verified.head.seq} rows{since}.")
    click.echo(f"HEAD  {verified.head}")


@audit.command("list")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only rows with a larger number.")
@click.option("--about", default="", help="Only rows about this: a run's identifier, or that and an organisation.")
@store_option
@format_option
def list_(store: str, after: int, about: str, form: str) -> None:
    """List what was done, by whom and when, oldest first.

    \b
    Example:  crosscheck audit list --about "7bf1c3a2b4d5e6f7 5YQ" --store runs.db
    """
    from crosscheck.store.audit import read_trail
    from crosscheck.store.database import open_store

    with open_store(store) as opened, opened.reading() as connection:
        rows = list(read_trail(connection, after, about))
    if form != "json":
        rows = [{**row, "details": json.dumps(row["details"], ensure_ascii=False)} for row in rows]
    list_rows([{name: row[name] for name in _COLUMNS} for row in rows], _COLUMNS, form)


@audit.command()
@store_option
def head(store: str) -> None:
    """Print the head of the trail, to be kept elsewhere.

    Keep it where whoever owns the store cannot write: `audit verify --head` compares the trail with it.

    \b
    Example:  crosscheck audit head --store runs.db >> heads.txt
    """
    from crosscheck.store.audit import read_head
    from crosscheck.store.database import open_store

    with open_store(store) as opened, opened.reading() as connection:
        click.echo(str(read_head(connection)))
