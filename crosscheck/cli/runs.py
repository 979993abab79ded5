"""Commands on the runs that a store keeps."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from crosscheck import settings
from crosscheck.cli.group import format_option, main, run_option, store_option
from crosscheck.cli.terminal import list_rows

_COLUMNS = ("run_id", "standard", "year", "saved_at", "declarations", "differs", "selected", "crosscheck")


@main.group()
def runs() -> None:
    """Save, list, show, give back and delete the runs that a store keeps.

    \b
    Example:  crosscheck runs list --store runs.db
    """


@runs.command()
@run_option
@store_option
@click.option("--collection", type=click.Path(path_type=Path), help="Where the collection lies now, if it was moved.")
def save(folder: Path, store: str, collection: Path | None) -> None:
    """Save a run that was made before, with everything that it rests on.

    \b
    Example:  crosscheck runs save --run run --store runs.db
    """
    from crosscheck.runs.run_folder import read_manifest
    from crosscheck.store.database import open_store
    from crosscheck.store.save import save_run

    lies = collection or Path(read_manifest(folder).options.collection)
    with open_store(store, create=True) as kept:
        saved = save_run(kept, folder, lies, settings.home())
        click.echo(f"Run {saved.run_id} {'is saved' if saved.is_new else 'was there already'}: {kept.name}")


@runs.command("list")
@store_option
@format_option
def list_(store: str, form: str) -> None:
    """List the runs that are kept, the latest first.

    \b
    Example:  crosscheck runs list --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import list_runs

    with open_store(store) as kept:
        list_rows([asdict(run) for run in list_runs(kept)], _COLUMNS, form)


@runs.command()
@click.argument("run_id")
@store_option
def show(run_id: str, store: str) -> None:
    """Show all that a run's manifest says: what it rests on, what identifies it, what it came to.

    \b
    Example:  crosscheck runs show 7bf1 --store runs.db
    The first characters of the identifier are enough, four at least.
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import show_run

    with open_store(store) as kept:
        run, manifest = show_run(kept, run_id)
    saved = {"run_id": run.run_id, "saved_at": run.saved_at.isoformat(timespec="seconds")}
    click.echo(json.dumps(saved | manifest.as_json(), indent=1, ensure_ascii=False))


@runs.command()
@click.argument("run_id")
@store_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option(
    "--sources", is_flag=True, help="Give what the run rests on instead: inputs, rules, models, questionnaire."
)
def export(run_id: str, store: str, out: Path, *, sources: bool) -> None:
    """Give a run's folder back, byte for byte, or the files that it rests on.

    \b
    Example:  crosscheck runs export 7bf1 --store runs.db --out run
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import export_run, export_sources

    with open_store(store) as kept:
        (export_sources if sources else export_run)(kept, run_id, out)
    click.echo(f"FILES  {out}")


@runs.command()
@click.argument("run_id")
@store_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(run_id: str, store: str, *, yes: bool) -> None:
    """Delete a run, unless a decision or an edition rests on it.

    \b
    Example:  crosscheck runs delete 7bf1 --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import delete_run

    with open_store(store) as kept:
        if not yes:
            click.confirm(f"Delete run {run_id} from {kept.name}, for good?", abort=True)
        click.echo(f"Run {delete_run(kept, run_id)} is deleted.")
