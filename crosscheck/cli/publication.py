"""Commands of a round's end: problems answered, signatures, editions, replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crosscheck.cli.group import assessment_year, format_option, main
from crosscheck.cli.named_run import RunWasArgument, kept_run_argument, kept_run_option, store_option
from crosscheck.cli.private_files import made_for_everybody
from crosscheck.cli.terminal import Steps, list_rows
from crosscheck.errors import DifferenceError, UnknownNameError
from crosscheck.passwords import STORE_VARIABLE

if TYPE_CHECKING:
    from crosscheck.publication.editions import Correction

_by = click.option("--by", required=True, help="Your name; it is not published.")
_because = click.option("--because", required=True, metavar="TEXT", help="Why, in words that others can follow later.")
_corrects = click.option(
    "--corrects", metavar="EDITION", help="The edition that this one corrects, for example 2008-09/1."
)
_reason = click.option("--reason", metavar="TEXT", help="Why it is corrected; published.")


@main.group()
def problems() -> None:
    """Settle what was wrong with a run's input.

    Once every problem is answered for, the run can be published.

    \b
    Example:  crosscheck problems list --run 7bf1 --store runs.db
    """


@problems.command("list", cls=RunWasArgument)
@kept_run_option
@store_option
@format_option
def list_problems_(run_id: str, store: str, form: str) -> None:
    """List what was set aside, and who answered for it.

    \b
    Example:  crosscheck problems list --run 7bf1 --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.records import list_problems
    from crosscheck.store.runs import look_up

    with open_store(store) as opened, opened.reading() as connection:
        rows = list_problems(connection, look_up(connection, run_id).number)
    list_rows(rows, ("place", "file", "row", "column", "value", "problem", "effect", "who", "reason"), form)


@problems.command(cls=RunWasArgument)
@kept_run_option
@store_option
@click.option("--file", help="Only problems of this file.")
@click.option("--problem", help="Only problems in these words: the column `problem` of the list.")
@click.option("--column", help="Only problems of this column.")
@_by
@_because
def answer(run_id: str, store: str, by: str, because: str, **which: str | None) -> None:
    """Answer for open problems, one by one or many at once.

    \b
    Example:  crosscheck problems answer --run 7bf1 --file answers.csv --by "A Name" --because "Asked; no answer came"
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.records import answer_problems

    conditions = {name: value for name, value in which.items() if value is not None}
    with open_store(store) as opened:
        click.echo(f"{answer_problems(opened, run_id, conditions, by, because)} problems answered.")


@main.command()
@kept_run_argument
@store_option
@_by
@click.option("--role", required=True, help="Your role, for example `head of assessment`; published.")
@_because
@_corrects
@_reason
def sign(run_id: str, store: str, by: str, role: str, because: str, **correction: str | None) -> None:
    """Sign exactly what would be published now.

    If anything of it changes, the signature no longer counts.

    \b
    Example:  crosscheck sign 7bf1 --by "A Name" --role "head of assessment" --because "Read it whole" --store runs.db
    """
    from crosscheck.publication.editions import preview_edition, sign
    from crosscheck.store.database import open_store

    with open_store(store) as opened:
        ready = preview_edition(opened, run_id, _correction(**correction))
        sign(opened, ready, by, role, because)
        click.echo(f"Signed as {role}: edition {ready.draft.heading.edition_id}, {ready.draft.digest[:16]}")


@main.command()
@kept_run_argument
@click.option("--year", required=True, help="Assessment year, for example 2008/09.", callback=assessment_year)
@store_option
@click.option("--by", help="Your name; it is not published.")
@click.option("--check", is_flag=True, help="Only say what must still be done first; publish nothing.")
@click.option(
    "--draft", type=click.Path(path_type=Path), help="Write what would be published into this folder, to read it."
)
@_corrects
@_reason
def publish(
    run_id: str, year: str, store: str, by: str | None, draft: Path | None, *, check: bool, **correction: str | None
) -> None:  # as many as it has options
    """Publish the final assessment as a lasting edition.

    Nothing changes an edition afterwards; a correction is a new one.

    \b
    Example:  crosscheck publish 7bf1 --year 2008/09 --check --store runs.db
    Then:     crosscheck publish 7bf1 --year 2008/09 --by "A Name" --store runs.db

    Exits with status 15 if something that must be done first is missing, and names all of it.
    """
    from crosscheck.errors import GateError
    from crosscheck.publication.assessment_page import PAGE
    from crosscheck.publication.editions import preview_edition, publish
    from crosscheck.report.output.folder import written_whole
    from crosscheck.store.archive import lay_out
    from crosscheck.store.database import open_store

    if not (check or draft or by):
        raise click.UsageError("Say who publishes it: --by NAME")
    with open_store(store) as opened:
        ready = preview_edition(opened, run_id, _correction(**correction))
        if ready.state.run.year != year:
            raise UnknownNameError(f"Run {ready.state.run.run_id} is of {ready.state.run.year}, not of {year}.")
        for gate in ready.gates:
            if gate.passes:  # the error at the end names what is missing
                click.echo(f"passes  {gate.name}: {gate.says}")
        if draft:
            with written_whole(draft, PAGE, "draft") as whole:
                lay_out(ready.draft.files, whole)
        if ready.missing:
            raise GateError(ready.missing)
        if check or draft or not by:
            return
        click.echo(f"Published: edition {publish(opened, ready, by)}. Give it out: crosscheck editions export")


@main.group()
def editions() -> None:
    """Prepare, list, export and verify what was published.

    \b
    Example:  crosscheck editions list --store runs.db
    """


@editions.command(cls=RunWasArgument)
@kept_run_option
@store_option
@_by
def prepare(run_id: str, store: str, by: str) -> None:
    """Prepare a run for publication, once; it takes minutes.

    The list is made under other assumptions, and the national picture for publication.

    \b
    Example:  crosscheck editions prepare --run 7bf1 --by "A Name" --store runs.db
    """
    from crosscheck.publication.preparation import prepare
    from crosscheck.store.database import open_store

    with open_store(store) as opened, Steps()("try other assumptions, draw the national picture"):
        made = prepare(opened, run_id, by)
    click.echo("Prepared." if made else "It was prepared already.")


@editions.command("list")
@store_option
@format_option
def list_(store: str, form: str) -> None:
    """List what was published, latest first.

    \b
    Example:  crosscheck editions list --store runs.db
    """
    from crosscheck.publication.editions import list_editions
    from crosscheck.store.database import open_store

    columns = ("edition_id", "standard", "year", "run_id", "corrects", "corrected_by", "published_by", "published_at")
    with open_store(store) as opened:
        list_rows(list_editions(opened), columns, form)


@editions.command()
@click.argument("edition_id", metavar="EDITION")
@store_option
def show(edition_id: str, store: str) -> None:
    """Show what an edition rested on: its manifest.

    \b
    Example:  crosscheck editions show 2008-09/1 --store runs.db
    """
    from crosscheck.publication.editions import MANIFEST, read_edition
    from crosscheck.store.database import open_store

    with open_store(store) as opened:
        manifest = json.loads(read_edition(opened, edition_id).files[MANIFEST])
    click.echo(json.dumps(manifest, indent=1, ensure_ascii=False))


@editions.command()
@click.argument("edition_id", metavar="EDITION")
@store_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
def export(edition_id: str, store: str, out: Path) -> None:
    """Write out an edition as it was published, byte for byte.

    \b
    Example:  crosscheck editions export 2008-09/1 --store runs.db --out assessment-2008-09
    """
    from crosscheck.publication.editions import export_edition
    from crosscheck.store.database import open_store

    with open_store(store) as opened, made_for_everybody():
        export_edition(opened, edition_id, out)
    click.echo(f"FILES  {out}\nCHECK  cd {out} && sha256sum -c SHA256SUMS")


@editions.command()
@click.argument("edition_id", metavar="EDITION")
@store_option
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("assessment.pdf"), show_default=True, help="The PDF."
)
def paper(edition_id: str, store: str, out: Path) -> None:
    """Set an edition as PDF. It is no part of what was published, and says the same.

    \b
    Example:  crosscheck editions paper 2008-09/1 --store runs.db --out assessment.pdf
    """
    from crosscheck.publication.assessment_paper import set_assessment
    from crosscheck.publication.editions import read_edition
    from crosscheck.report.output.pdf import write_pdf
    from crosscheck.store.database import open_store

    with open_store(store) as opened:
        edition = json.loads(read_edition(opened, edition_id).files["assessment.json"])
    write_pdf(set_assessment(edition), out)
    click.echo(f"{out}: edition {edition_id} on paper")


@editions.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--edition", help="Check the kept edition, or that the folder is just this one; needs --store.")
@click.option("--store", envvar=STORE_VARIABLE, show_envvar=True, help="A file, or postgresql://user@host/name.")
def verify(folder: Path | None, edition: str | None, store: str | None) -> None:
    """Verify that an edition is what was published.

    The edition in the store, a folder, or that both are the same.

    \b
    Example:  crosscheck editions verify assessment-2008-09 --edition 2008-09/1 --store runs.db

    Exits with status 16 if it is not, and names every file that is missing, altered or does not belong.
    """
    from crosscheck.publication.editions import read_edition, verify_folder
    from crosscheck.store.database import open_store

    if (edition and not store) or not (folder or edition):
        raise click.UsageError("Give a folder, or --edition with --store, or both.")
    published = None
    if edition and store:
        with open_store(store) as opened:
            published = read_edition(opened, edition)
        click.echo(f"Edition {edition} is kept as it was published.")
    if folder:
        click.echo(f"{folder}: {verify_folder(folder, published)} files are as they were published.")


@main.command()
@click.argument("edition_id", metavar="EDITION")
@store_option
@format_option
def replay(edition_id: str, store: str, form: str) -> None:
    """Compute an edition again, and compare every file.

    It is computed from what was kept of it, and compared byte by byte.

    \b
    Example:  crosscheck replay 2008-09/1 --store runs.db

    Exits with status 16 if anything differs, and 10 if another release of the program made it.
    """
    from dataclasses import asdict

    from crosscheck.publication.replay import name_changed_code, refuse_other_release, replay
    from crosscheck.store.database import open_store

    with open_store(store) as opened:
        refuse_other_release(opened, edition_id)
        for made in name_changed_code(opened, edition_id):
            click.echo(f"The {made} was made by another version of this program; it may come out otherwise.", err=True)
        replayed = replay(opened, edition_id, Steps())
    if form == "table":
        click.echo(replayed.describe())
    else:
        list_rows([asdict(file) for file in replayed.compared], ("of", "path", "same"), form)
    if replayed.different:
        raise DifferenceError(f"{file} did not come out again as it was kept." for file in replayed.different)


def _correction(corrects: str | None, reason: str | None) -> Correction | None:
    from crosscheck.publication.editions import Correction

    return Correction(corrects, reason or "") if corrects else None
