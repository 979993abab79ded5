"""Commands on the runs that a store keeps."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from crosscheck import settings
from crosscheck.cli.group import format_option, main
from crosscheck.cli.named_run import former_option, kept_run_argument, run_folder_argument, store_option
from crosscheck.cli.terminal import list_rows

_NARROW = ("run_id", "year", "saved_at", "declarations", "differs", "selected")
_COLUMNS = ("run_id", "standard", "year", "saved_at", "declarations", "differs", "selected", "crosscheck")
_TO_THE_MINUTE = len("2009-03-31T12:00")


@main.group()
def runs() -> None:
    """Compare, save, list, export and delete runs.

    \b
    Example:  crosscheck runs list --store runs.db
    """


@runs.command()
@run_folder_argument
@former_option("--run", "Name the run as the argument: crosscheck runs save RUN")
@store_option
@click.option("--collection", type=click.Path(path_type=Path), help="Where the collection lies now, if it was moved.")
def save(folder: Path, store: str, collection: Path | None) -> None:
    """Save a run and everything that it rests on in the store.

    \b
    Example:  crosscheck runs save run --store runs.db
    """
    from crosscheck.runs.run_folder import read_manifest
    from crosscheck.store.database import open_store
    from crosscheck.store.save import save_run

    lies = collection or Path(read_manifest(folder).options.collection)
    with open_store(store, create=True) as opened:
        saved = save_run(opened, folder, lies, settings.home())
        click.echo(f"Run {saved.run_id} {'is saved' if saved.is_new else 'was there already'}: {opened.name}")


@runs.command("list")
@store_option
@format_option
def list_(store: str, form: str) -> None:
    """List the runs in the store, latest first.

    \b
    Example:  crosscheck runs list --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import list_runs

    with open_store(store) as opened:
        rows = [asdict(run) for run in list_runs(opened)]
    if form == "table":
        rows = [row | {"saved_at": row["saved_at"][:_TO_THE_MINUTE].replace("T", " ")} for row in rows]
    list_rows(rows, _COLUMNS, form, _NARROW)


@runs.command()
@kept_run_argument
@store_option
def show(run_id: str, store: str) -> None:
    """Show a run's manifest.

    It says what the run rests on, what identifies it, and what it came to.

    \b
    Example:  crosscheck runs show 7bf1 --store runs.db

    The first characters of the identifier are enough, four at least; the run's folder names it, too.
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import show_run

    with open_store(store) as opened:
        run, manifest = show_run(opened, run_id)
    saved = {"run_id": run.run_id, "saved_at": run.saved_at.isoformat(timespec="seconds")}
    click.echo(json.dumps(saved | manifest.as_json(), indent=1, ensure_ascii=False))


@runs.command()
@kept_run_argument
@store_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option(
    "--sources", is_flag=True, help="Give what the run rests on instead: inputs, rules, models, questionnaire."
)
def export(run_id: str, store: str, out: Path, *, sources: bool) -> None:
    """Write out a run's folder, or the files that it rests on.

    Byte for byte as they were saved.

    \b
    Example:  crosscheck runs export 7bf1 --store runs.db --out run
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import export_run, export_sources

    with open_store(store) as opened:
        (export_sources if sources else export_run)(opened, run_id, out)
    click.echo(f"FILES  {out}")


@runs.command()
@kept_run_argument
@store_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(run_id: str, store: str, *, yes: bool) -> None:
    """Delete a run, unless a decision or an edition rests on it.

    \b
    Example:  crosscheck runs delete 7bf1 --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import delete_run

    with open_store(store) as opened:
        if not yes:
            click.confirm(f"Delete run {run_id} from {opened.name}, for good?", abort=True)
        click.echo(f"Run {delete_run(opened, run_id)} is deleted.")
