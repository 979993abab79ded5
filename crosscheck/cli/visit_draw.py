"""Commands about the random draw: sealed before a public value is known, drawn with it, verified by anybody."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crosscheck.cli.group import format_option
from crosscheck.cli.named_run import RunWasArgument, former_run_id, kept_run_option, store_option
from crosscheck.cli.private_files import made_for_everybody
from crosscheck.cli.terminal import Steps, list_rows
from crosscheck.cli.visits import visits

if TYPE_CHECKING:
    from crosscheck.store.seals import KeptSeal

_by = click.option("--by", required=True, help="Your name; it is not published.")


class _Moment(click.ParamType[datetime]):
    """A time with its zone."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it as ISO 8601."""
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is no time. Give it with its zone: 2026-12-05T20:00+00:00", param, ctx)


@visits.command(cls=RunWasArgument)
@kept_run_option
@click.option("--value", "source", required=True, metavar="NAME", help="The public value to come: whose, of which day.")
@click.option("--known-from", type=_Moment(), required=True, help="From when it is known, with its zone.")
@click.option("--out", type=click.Path(path_type=Path), help="Also write frame.txt there, to publish it beforehand.")
@store_option
@_by
def seal(run_id: str, source: str, known_from: datetime, out: Path | None, store: str, by: str) -> None:
    """Seal the draw of a run before the public value is known.

    The public value, for example the numbers of a lottery, will decide the draw.

    \b
    Example:  crosscheck visits seal --run 7bf1 --value "the lottery's main numbers of 5 December 2026, ascending" \\
                --known-from 2026-12-05T20:00+00:00 --by "A Name" --store runs.db
    Then:     crosscheck visits confirm --run 7bf1 --by "Another Name" --store runs.db
    """
    from crosscheck.report.visits.draw_folder import write_frame_file
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import look_up
    from crosscheck.store.seals import list_seals, read_sealable, seal_draw
    from crosscheck.visits.seal import describe_moment

    with open_store(store) as opened:
        sealed = seal_draw(opened, run_id, source, known_from, by)
        with opened.reading() as connection:
            replaced = [seal for seal in list_seals(connection) if seal.seq == sealed.details["replaces"]]
        if out:
            with opened.reading() as connection, made_for_everybody():
                run = look_up(connection, run_id)
                write_frame_file(read_sealable(connection, run)[1], run.year, out)
    details = sealed.details
    click.echo(f"SEALED  {details['frame']}")
    click.echo(f"  {details['draws']} of {details['organisations']} organisations, draw {details['draw_of_the_year']}")
    click.echo(f"  decided by: {details['source']}, known from {describe_moment(details['known_from'])}")
    for seal in replaced:
        by = f"{_confirmed(seal.confirmed)}: {seal.details['source']}"
        click.echo(f"  in place of the seal of run {seal.run_id}, {by}, known from {_known_from(seal)}")
    click.echo("  Publish these lines now. Before that time a second person must confirm: crosscheck visits confirm")


@visits.command(cls=RunWasArgument)
@kept_run_option
@store_option
@_by
def confirm(run_id: str, store: str, by: str) -> None:
    """Confirm a seal as a second person.

    This must happen before the value is known.

    \b
    Example:  crosscheck visits confirm --run 7bf1 --by "Another Name" --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.seals import confirm_seal
    from crosscheck.visits.seal import describe_moment

    with open_store(store) as opened:
        confirmed = confirm_seal(opened, run_id, by)
    click.echo(f"CONFIRMED  {confirmed.details['frame']}")
    moment = describe_moment(confirmed.details["known_from"])
    click.echo(f"  From {moment} on: crosscheck visits draw VALUE --run {confirmed.run_id}")


@visits.command()
@click.argument("value")
@kept_run_option
@former_run_id
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the run with the binding draw.")
@click.option("--publish", type=click.Path(path_type=Path), required=True, help="Folder for what is published of it.")
@store_option
@_by
def draw(value: str, run_id: str, out: Path, publish: Path, store: str, by: str) -> None:
    """Make the binding draw of a sealed run.

    It takes the public value, once that is known.

    \b
    Example:  crosscheck visits draw "4 8 15 16 23 42" --run 7bf1 --out run-drawn --publish draw --by "A Name"

    The run is made again with the value, and kept; every ticket is published, with what verifies it.
    """
    from crosscheck.report.visits.draw_folder import verify_draw_folder, write_draw_folder
    from crosscheck.runs.run_folder import refuse_foreign_folder
    from crosscheck.store.database import open_store
    from crosscheck.store.seals import draw_sealed

    refuse_foreign_folder(out)
    with open_store(store) as opened:
        drawn_id, made = draw_sealed(opened, run_id, value, out, by, Steps())
        click.echo(f"KEPT   run {drawn_id} in {opened.name}: {made.describe()}")
    with made_for_everybody():
        write_draw_folder(out, publish)
    verified = verify_draw_folder(publish)
    click.echo(f"DRAWN  {verified.drawn} of {verified.tickets} organisations with the value {verified.value}")
    click.echo(f"FILES  {out}, {publish}")
    click.echo(f"CHECK  python3 {publish}/verify_draw.py {publish}, or open {publish}/verify.html")


@visits.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Repeat a published draw, and compare the results.

    The result is compared with what was sealed and published.

    \b
    Example:  crosscheck visits verify draw

    Exits with status 16 if anything differs, and names it.
    """
    from crosscheck.report.visits.draw_folder import verify_draw_folder

    verified = verify_draw_folder(folder)
    click.echo(f"{verified.tickets} tickets, {verified.drawn} drawn with {verified.value}: as published")


@visits.command()
@store_option
@format_option
def seals(store: str, form: str) -> None:
    """List every seal and what became of it, oldest first.

    \b
    Example:  crosscheck visits seals --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.seals import list_seals

    with open_store(store) as opened, opened.reading() as connection:
        listed = list_seals(connection)
    if form == "table":
        # A former release did not note which seal it replaced.
        replaced = {seal.details.get("replaces") for seal in listed}
        click.echo("\n\n".join(_describe(seal, seal.seq in replaced) for seal in listed) or "Nothing was sealed yet.")
        return
    columns = ("run", "year", "frame", "source", "known_from", "sealed_by", "confirmed_by", "value", "drawn_as")
    rows = [
        {
            "run": sealing.run_id,
            **{name: sealing.details[name] for name in ("year", "frame", "source", "known_from")},
            "sealed_by": sealing.who,
            "confirmed_by": sealing.confirmed,
            "value": sealing.drawn and sealing.drawn["value"],
            "drawn_as": sealing.drawn and sealing.drawn["run"],
        }
        for sealing in listed
    ]
    list_rows(rows, columns, form)


def _describe(seal: KeptSeal, replaced: bool) -> str:
    """A seal in lines: a table would break its frame and the name of its value over many."""
    details, drawn = seal.details, seal.drawn
    not_drawn = "not drawn: another seal replaced it" if replaced else "not drawn"
    return "\n".join(
        (
            f"SEALED  {details['frame']}",
            f"  run {seal.run_id}, {details['year']}, sealed by {seal.who}, {_confirmed(seal.confirmed)}",
            f"  decided by: {details['source']}, known from {_known_from(seal)}",
            f"  drawn with {drawn['value']}: run {drawn['run']}" if drawn else f"  {not_drawn}",
        )
    )


def _confirmed(by: str | None) -> str:
    return f"confirmed by {by}" if by else "not confirmed"


def _known_from(seal: KeptSeal) -> str:
    from crosscheck.visits.seal import describe_moment

    return describe_moment(seal.details["known_from"])
