"""Commands about visits: what they found is recorded here."""

from __future__ import annotations

from typing import Any

import click

from crosscheck.cli.group import main, store_option


@main.group()
def visits() -> None:
    """Record what visits found.

    \b
    Example:  crosscheck visits record 7bf1 5ZA --function provider --on 2009-09-01 --found upheld
    """


@visits.command()
@click.argument("run_id", metavar="RUN")
@click.argument("org_code")
@click.option("--function", default="whole", show_default=True, help="whole, commissioner or provider.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day of the visit.")
@click.option("--found", type=click.Choice(["upheld", "qualified"]), required=True, help="What it found.")
@store_option
@click.option("--by", required=True, help="Your name; it stays inside.")
@click.option("--because", required=True, metavar="TEXT", help="Why, in words that others can follow later.")
def record(run_id: str, org_code: str, store: str, by: str, because: str, **found: Any) -> None:
    """Record what a visit of a declaration found; a later record of the same declaration corrects it.

    \b
    Example:  crosscheck visits record 7bf1 5ZA --function provider --on 2009-09-01 --found upheld --by N --because TEXT
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.records import Visited, record_visit

    visited = Visited(org_code.upper(), found["function"], found["on"].date(), found["found"])
    with open_store(store) as kept:
        record_visit(kept, run_id, visited, by, because)
        click.echo(f"{visited.org_code} {visited.function}: {visited.finding}, {visited.visited_on}")
