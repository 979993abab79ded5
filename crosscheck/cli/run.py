"""Commands that read a collection and make a run of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import crosscheck
from crosscheck import settings
from crosscheck.cli.completion import complete_versions
from crosscheck.cli.group import Share, assessment_year, collection_argument, format_option, main, standard_option
from crosscheck.cli.terminal import Steps, as_typed, print_problems, undisturbed
from crosscheck.passwords import STORE_VARIABLE

if TYPE_CHECKING:
    from crosscheck.report.output.folder import Work
    from crosscheck.standard import Standard


@main.command()
@collection_argument
@click.option("--year", required=True, help="Assessment year, for example 2008/09.", callback=assessment_year)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="The run's folder."
)
@click.option(
    "--capacity", type=click.IntRange(min=0), default=60, show_default=True, help="Organisations that can be visited."
)
@click.option(
    "--random-share", type=Share(0, 1), help="Share of the visits drawn at random; that of the plan if not given."
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="How visits are chosen, as TOML; the program's own plan if not given.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Value of the practice draw, which is not binding, and seed of the intervals.",
)
@click.option(
    "--risk-model",
    default=None,
    help="Version of the weights, for example v3; the newest if not given.",
    shell_complete=complete_versions,
)
@click.option(
    "--no-learn", is_flag=True, help="Use the experts' weights as stated, without learning from the collection."
)
@click.option("--screens", is_flag=True, help="Also write exploratory tables; they do not affect risk or rank.")
@click.option(
    "--allow-polarity",
    metavar="REASON",
    help="Make the run although it is in doubt which end of a scale is worse; the manifest says why.",
)
@click.option(
    "--pages/--no-pages", default=True, show_default=True, help="Also write the national picture and the dossiers."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with status 1 if an organisation is not on the list, or anything was set aside or is in doubt.",
)
@click.option("--unless-same", is_flag=True, help="Do nothing if this very run is there already, whole.")
@click.option(
    "--store",
    envvar=STORE_VARIABLE,
    show_envvar=True,
    help="Save the run in this store; one that it has is not made twice.",
)
@standard_option
@undisturbed()
def run(
    collection: Path, year: str, out: Path, *, store: str | None, unless_same: bool, strict: bool, **options: Any
) -> None:
    """Make the ranked, explained visit list of one year.

    \b
    Example:  crosscheck run COLLECTION --year 2008/09 --out run --capacity 60
    """
    from crosscheck.cases.history import last_day
    from crosscheck.collection.read import read_collection
    from crosscheck.report.write_pages import write_pages
    from crosscheck.runs.identity import PlannedRun
    from crosscheck.runs.make_run import RunExtras, make_run
    from crosscheck.runs.options import RunOptions
    from crosscheck.runs.run_folder import holds_run, refuse_foreign_folder
    from crosscheck.runs.summary import summarise_run
    from crosscheck.standard import load_standard, name_standard

    refuse_foreign_folder(out)
    design = _read_plan(options["plan"], options["random_share"])
    if store:
        _make_ready(store)
    steps = Steps()
    with steps("load rules and models"):
        standard = load_standard(name_standard(options["standard"]), options["risk_model"], last_day(year))
        standard = standard.without_learning() if options["no_learn"] else standard
    _name_drafts(standard)
    with steps("read"):
        read = read_collection(collection, standard.questionnaire, year, standard.name)
    named = {"collection": str(collection), "year": year}
    planned = PlannedRun(read, standard, RunOptions(**{**options, **named, "standard": standard.name, **design}))
    if unless_same and holds_run(out, planned):
        click.echo(f"{out}: this very run stands there already, whole. Nothing was done.")
    elif not (store and _gave_back(store, planned.fingerprint, out)):
        _report_taken_up(make_run(planned, out, steps, RunExtras(write_pages)))
        click.echo(summarise_run(out, as_typed(sys.argv[0])))
        if store:
            _keep(store, out, collection)
    if strict:
        sys.exit(int(_lost_something(out)))


def _name_drafts(standard: Standard) -> None:
    """Say which model files were never released, since they can still change."""
    from crosscheck.model_versions import list_drafts

    used = {f"{standard.name.lower()}/{model.name}/{model.version}.toml": model.digest for model in standard.models}
    for name in list_drafts(settings.all_models(), used):
        click.echo(f"{name} is a draft: it is not released, and can still change.", err=True)


def _lost_something(run: Path) -> bool:
    """Whether an organisation is not on the list (a former body is, under its successor), or anything is left out."""
    from crosscheck.collection.problems import CONVERTED
    from crosscheck.runs.run_folder import read_table

    left_out = (read_table(run, "problems")["effect"] != CONVERTED).any()
    return left_out or read_table(run, "doubts").height + read_table(run, "not_assessed")["successor"].null_count() > 0


def _read_plan(file: Path | None, random_share: float | None) -> dict[str, object]:
    """The options that say how visits are chosen: the plan as text, and its random share unless one is given."""
    from crosscheck.visits.design import default_plan, format_design, load_design

    design = load_design(file or default_plan())
    if random_share is not None:
        design = design.model_copy(update={"random_share": random_share})
    return {"random_share": design.random_share, "plan": format_design(design)}


def _report_taken_up(work: Work) -> None:
    if work.taken_up:
        click.echo(f"A run was stopped here; it is taken up after: {', '.join(work.taken_up)}", err=True)
    if work.stale:
        click.echo("A run of other inputs, rules, models, options or code was stopped here; begun anew", err=True)


def _make_ready(store: str) -> None:
    """See that the store can be used before any work is done for it."""
    from crosscheck.store.database import open_store

    with open_store(store, create=True):
        pass


def _gave_back(store: str, fingerprint: str, out: Path) -> bool:
    """Whether the store keeps this run already: then it lies in its folder, and nothing needs to be made."""
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import export_run, find_run

    with open_store(store) as opened:
        run_id = find_run(opened, fingerprint)
        if run_id:
            export_run(opened, run_id, out)
            click.echo(
                f"Run {run_id} is kept already: the same inputs, rules, models, options and code. Not made again."
            )
            click.echo(f"FILES  {out}, as it was saved in {opened.name}")
    return run_id is not None


def _keep(store: str, out: Path, collection: Path) -> None:
    """Save the run; if that fails its folder stays, and the message says how to save it later."""
    from crosscheck.errors import StoreError
    from crosscheck.store.database import open_store
    from crosscheck.store.save import save_run

    try:
        with open_store(store) as opened:
            saved = save_run(opened, out, collection, settings.home())
            click.echo(f"KEPT   run {saved.run_id} in {opened.name}")
    except StoreError as error:
        later = f"The run is made and lies in {out}. Save it later: crosscheck runs save {out} --store STORE"
        raise StoreError([*error.problems, later]) from error


@main.command()
@collection_argument
@click.option(
    "--by", type=click.Choice(["organisation"]), help="Also write what each organisation should correct, one file each."
)
@click.option("--out", type=click.Path(path_type=Path), help="The folder of these files.")
@standard_option
@format_option
def check(collection: Path, by: str | None, out: Path | None, standard: str | None, form: str) -> None:
    """Read a collection and report what is wrong with it.

    \b
    Example:  crosscheck check COLLECTION
    Or:       crosscheck check COLLECTION --by organisation --out to-mend

    Exits with status 1 if anything was set aside or is in doubt.
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.report.reply.return_problems import write_what_to_mend
    from crosscheck.runs.summary import list_problems_and_doubts, summarise_reading
    from crosscheck.standard import name_standard

    if (by is None) != (out is None):
        raise click.UsageError("Give --by and --out together.")
    name = name_standard(standard)
    read = read_collection(collection, read_questionnaire(settings.questionnaire_file(name)), standard=name)
    if form == "table":
        click.echo(summarise_reading(read))
    found = list_problems_and_doubts(read)
    if out:
        click.echo(write_what_to_mend(read, out).describe(out), err=form != "table")
    print_problems(found, form)
    sys.exit(int(not found.filter(found["effect"] != "converted").is_empty()))


@main.command()
def version() -> None:
    """Print the version.

    \b
    Example:  crosscheck version
    """
    click.echo(crosscheck.__version__)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what lets a shell complete commands, codes and runs.

    Codes come from the run that is named (or the folder run), rules and models from the program, and identifiers from
    a store that is a file.

    \b
    Example:  crosscheck completion bash >> ~/.bashrc
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    classes = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    click.echo(classes[shell](main, {}, "crosscheck", "_CROSSCHECK_COMPLETE").source())
