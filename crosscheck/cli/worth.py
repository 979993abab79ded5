"""Commands that say what a list is worth, and let it learn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crosscheck import settings
from crosscheck.cli.group import (
    Share,
    assessment_year,
    assessment_year_if_given,
    collection_argument,
    format_option,
    main,
    standard_option,
)
from crosscheck.cli.named_run import RunWasArgument, run_option
from crosscheck.cli.private_files import made_for_everybody
from crosscheck.cli.terminal import list_rows
from crosscheck.errors import UnknownNameError

if TYPE_CHECKING:
    from crosscheck.backtest import Backtest
    from crosscheck.standard import Standard


_difficulty = click.option(
    "--difficulty",
    type=click.Choice(["easy", "middling", "hard"]),
    default="middling",
    show_default=True,
    help="How strongly what is seen depends on what is.",
)


# They are those of `simulation.model`, which takes a while to import; a test holds them together.
MECHANISMS: Final = (
    "latent", "breaches", "honest", "all_best", "own_word_only", "rare", "common", "random_outcomes"
)  # fmt: skip


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the invented collection.")
@_difficulty
@click.option(
    "--mechanism",
    type=click.Choice(MECHANISMS),
    default="latent",
    show_default=True,
    help="What decides whether a standard is met, and how answers follow (see the documentation on simulation).",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same world.")
@click.option(
    "--worlds", type=click.IntRange(min=1), default=1, show_default=True, help="How many; each in a folder of its own."
)
@standard_option
@made_for_everybody()
def simulate(out: Path, seed: int, worlds: int, standard: str | None, **chosen: Any) -> None:
    """Invent a national collection whose truth is known.

    Rules and weights can be judged by it. Nothing in it is real.

    \b
    Example:  crosscheck simulate --out invented --mechanism breaches --seed 1
    Then:     crosscheck run invented --year 2008/09 --out run-of-invented
    """
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.simulation.margins import read_targets
    from crosscheck.simulation.model import WorldPlan, read_simulation_model
    from crosscheck.simulation.world import build_world
    from crosscheck.simulation.write import write_world
    from crosscheck.standard import name_standard

    name = name_standard(standard)
    plan = WorldPlan(read_simulation_model(settings.model_file(name, "simulation")), **chosen)
    questionnaire = read_questionnaire(settings.questionnaire_file(name))
    targets = read_targets(settings.published_figures_file(name))
    for world in range(seed, seed + worlds):
        folder = out if worlds == 1 else out / f"seed-{world}"
        write_world(build_world(plan, questionnaire, targets, world), folder, plan, world)
        click.echo(
            f"{folder}: an INVENTED collection, {plan.mechanism}, {plan.difficulty}, seed {world}; "
            "nothing in it is real"
        )


@main.command()
@click.argument("collection", type=click.Path(path_type=Path), required=False)
@click.option("--year", help="Assessment year of the visits, for example 2008/09.", callback=assessment_year_if_given)
@click.option("--worlds", type=click.IntRange(min=1), help="Hold the list against so many invented worlds instead.")
@_difficulty
@click.option(
    "--mechanism",
    type=click.Choice([*MECHANISMS, "all"]),
    default="latent",
    show_default=True,
    help="What decides in these worlds whether a standard is met; all: one after the other.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the first world.")
@click.option(
    "--first-wave", is_flag=True, help="Let the list learn from each world's first visits, and leave them out."
)
@click.option("--share", type=Share(0, 1, min_open=True), default=0.1, show_default=True, help="The first of a list.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("backtest"),
    show_default=True,
    help="Folder of pages, table and JSON.",
)
@standard_option
def backtest(collection: Path | None, year: str | None, worlds: int | None, out: Path, **options: Any) -> None:
    """Compare the visit list with visits that came later.

    Without a collection it is compared with invented worlds whose truth is known (--worlds).

    \b
    Example:  crosscheck backtest COLLECTION --year 2008/09
    Or:       crosscheck backtest --worlds 20 --mechanism all
    """
    from crosscheck.backtest import backtest_collection
    from crosscheck.collection.read import read_collection
    from crosscheck.report.handbook.backtest_page import describe_backtest, list_worths, write_backtest
    from crosscheck.standard import load_standard, name_standard

    if (collection is None) == (worlds is None) or (collection is not None and year is None):
        raise click.UsageError("Give either a collection and its --year, or --worlds.")
    standard = load_standard(name_standard(options["standard"]))
    if collection is not None and year is not None:
        read = read_collection(collection, standard.questionnaire, year, standard.name)
        tested = [backtest_collection(read, standard, year, options["share"])]
    else:
        tested = _backtest_worlds(standard, int(worlds or 0), options)
    write_backtest(tested, out)
    for backtest in tested:
        for among, rows, columns in list_worths(backtest):
            click.echo(among)
            list_rows(rows, columns, "table")
        click.echo(describe_backtest(backtest))
    click.echo(
        f"{out / 'backtest.html'} has the plots, {out / 'calibration.html'} the calibration by group, "
        f"{out / 'backtest.json'} every figure"
    )


def _backtest_worlds(standard: Standard, worlds: int, options: dict[str, Any]) -> list[Backtest]:
    from crosscheck.backtest import backtest_mechanisms
    from crosscheck.simulation.margins import read_targets
    from crosscheck.simulation.model import MECHANISMS, WorldPlan, read_simulation_model

    model = read_simulation_model(settings.model_file(standard.name, "simulation"))
    chosen = [mechanism for mechanism in MECHANISMS if options["mechanism"] in (mechanism, "all")]
    plans = [WorldPlan(model, options["difficulty"], mechanism) for mechanism in chosen]
    targets, seeds = read_targets(settings.published_figures_file(standard.name)), (worlds, options["seed"])
    wave = options["first_wave"]
    return backtest_mechanisms(plans, standard, targets, seeds, options["share"], with_first_wave=wave)


@main.command(cls=RunWasArgument)
@run_option
@click.option(
    "--visits",
    type=click.Path(path_type=Path),
    help="What later visits found: a file in the columns of visits. Those of the collection count in any case.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File of the new version; the next one of visit_risk if not given.",
)
@format_option
def learn(folder: Path, visits: Path | None, out: Path | None, form: str) -> None:
    """Learn new weights from what visits found.

    \b
    Example:  crosscheck learn --run run --visits wave_2.csv --out v4.toml

    The version names what it was learnt from: a later run learns from what is new alone.
    """
    from crosscheck.model_versions import next_version
    from crosscheck.risk.revision import format_changes, write_version
    from crosscheck.runs.learning import learn_version
    from crosscheck.runs.run_folder import read_manifest

    manifest = read_manifest(folder)
    standard, version = manifest.options.standard, manifest.models["visit_risk"].version
    used = settings.model_file(standard, "visit_risk", version)
    number = next_version(used.parent)
    file = out or used.with_stem(number)
    if file.exists():
        raise UnknownNameError(
            f"{file}: is there already, and a version that was used never changes. Name another with --out."
        )
    revision = learn_version(folder, visits)
    file.write_text(write_version(used.read_text(encoding="utf-8"), revision, number), encoding="utf-8")
    click.echo("\n".join(line.removeprefix("# ") for line in format_changes(revision)))
    click.echo("\nWhat each check adds where it differs, in decibans, as stated and as learnt:")
    rows = revision.checks.sort("decibans", "check_id", descending=[True, False])
    list_rows(rows.to_dicts(), rows.columns, form)
    click.echo(f"\nNew version: {file}. Read it, then use it: crosscheck run … --risk-model {number}")
    if out is None:
        click.echo(f"It is a draft until it is released: crosscheck models release visit_risk {number}")


@main.command()
@collection_argument
@click.option("--year", required=True, help="Assessment year, for example 2008/09.", callback=assessment_year)
@click.option("--first", type=click.IntRange(min=1), help="How many count as the top of the list; 50 if not given.")
@click.option(
    "--no-learn", is_flag=True, help="Use the experts' weights as stated, without learning from the collection."
)
@standard_option
@format_option
def sensitivity(
    collection: Path, year: str, first: int | None, standard: str | None, form: str, *, no_learn: bool
) -> None:
    """Say how far the top of the list depends on assumptions.

    \b
    Example:  crosscheck sensitivity COLLECTION --year 2008/09

    Exits with status 1 if fewer than 60% remain under any of them.
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.sensitivity import FIRST, GATE, vary_assumptions
    from crosscheck.standard import load_standard, name_standard

    loaded = load_standard(name_standard(standard))
    loaded = loaded.without_learning() if no_learn else loaded
    read = read_collection(collection, loaded.questionnaire, year, loaded.name)
    compared = vary_assumptions(read, loaded, year, first or FIRST)
    list_rows(compared.to_dicts(), compared.columns, form)
    sys.exit(int(not compared.filter(compared["kept"] < GATE).is_empty()))
