"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import crosscheck
from crosscheck import settings
from crosscheck.errors import CrosscheckError, UnknownNameError
from crosscheck.terminal import Steps, as_typed, list_rows, nearest, undisturbed

if TYPE_CHECKING:
    from crosscheck.backtest import Backtest
    from crosscheck.standard import Standard

FORMATS: Final = click.Choice(["table", "csv", "json"])


class _Commands(click.Group):
    """Commands whose errors are told without a traceback, each kind with its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CrosscheckError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Cross-check self-declarations against answers and other sources; rank, with reasons, whom to visit.

    \b
    Start with:  crosscheck run data/england-2008-09 --year 2008/09 --out run
    """


def _assessment_year(_context: click.Context, _option: click.Parameter, year: str) -> str:
    """The year as 2008/09; anything else is a wrong command line."""
    found = re.fullmatch(r"(\d{4})/(\d{2})", year)
    if not found or (int(found[1]) + 1) % 100 != int(found[2]):
        raise click.BadParameter(f"{year} is no assessment year. Give it as 2008/09.")
    return year


def _picture(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
    """A file that a picture can be written to; any other ending is a wrong command line."""
    if file and file.suffix not in {".svg", ".png"}:
        raise click.BadParameter(f"{file} is no picture that can be drawn. Let it end with .svg or .png.")
    return file


def _write_picture(svg: str, file: Path) -> None:
    from crosscheck.report.plots import draw_png

    if file.suffix == ".png":
        file.write_bytes(draw_png(svg))
    else:
        file.write_text(svg, encoding="utf-8")


def _assessment_year_if_given(context: click.Context, option: click.Parameter, year: str | None) -> str | None:
    return year and _assessment_year(context, option, year)


_standard = click.option("--standard", default=None, help="The standard, if there are rules for more than one.")
_format = click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="How to list.")
_USUAL_RUN: Final = Path("run")
_run_folder = click.option(
    "--run", "folder", type=click.Path(path_type=Path), default=_USUAL_RUN, show_default=True, help="A run's folder."
)
_collection = click.argument("collection", type=click.Path(path_type=Path))


@main.command()
@_collection
@click.option("--year", required=True, help="Assessment year, as 2008/09.", callback=_assessment_year)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="The run's folder."
)
@click.option("--capacity", type=click.IntRange(min=0), default=60, show_default=True, help="Visits that can be made.")
@click.option(
    "--random-share", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Share of them drawn by lot."
)
@click.option("--seed", type=click.IntRange(min=0), default=2009, show_default=True, help="Sealed seed of the draws.")
@click.option("--risk-model", default=None, help="Version of the weights, as v2; the newest if not given.")
@click.option("--no-learn", is_flag=True, help="Leave the experts' weights as they are stated.")
@click.option("--screens", is_flag=True, help="Also write what asks and does not weigh: patterns, oddities, surprises.")
@click.option("--allow-polarity", metavar="REASON", help="Publish although a sign is in doubt; the manifest keeps why.")
@_standard
@undisturbed()
def run(collection: Path, year: str, out: Path, **options: Any) -> None:
    """Make the ranked, explained visit list of one year.

    \b
    Example:  crosscheck run data/england-2008-09 --year 2008/09 --out run --capacity 60
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.history import last_day
    from crosscheck.pipeline import cross_check
    from crosscheck.report.manifest import describe_run, refuse_doubtful_signs
    from crosscheck.report.run_folder import refuse_foreign_folder, write_run
    from crosscheck.report.summary import summarise_run
    from crosscheck.standard import load_standard, name_standard
    from crosscheck.visits.plan import Capacity

    refuse_foreign_folder(out)
    steps = Steps()
    with steps("load rules and models"):
        standard = load_standard(name_standard(options["standard"]), options["risk_model"], last_day(year))
        standard = standard.leave_weights() if options["no_learn"] else standard
    with steps("read"):
        read = read_collection(collection, standard.questionnaire)
    capacity = Capacity(options["capacity"], options["random_share"], options["seed"])
    outcome = cross_check(read, standard, year, capacity, steps, with_screens=options["screens"])
    refuse_doubtful_signs(outcome.doubts, options["allow_polarity"])
    with steps("write"):
        stated = {"collection": str(collection), "year": year, **options, "standard": standard.name}
        manifest = describe_run(read, standard, outcome, stated, capacity)
        write_run(outcome, read.problems, standard.rulebook, manifest | {"seconds": steps.seconds}, out)
    click.echo(summarise_run(manifest, outcome.visit_list, read.problems, out, as_typed(sys.argv[0])))


@main.command()
@_collection
@_standard
@_format
def check(collection: Path, standard: str | None, form: str) -> None:
    """Only read a collection, and report what is wrong with it.

    \b
    Example:  crosscheck check data/england-2008-09
    Ends with 1 if anything was set aside.
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.report.manifest import describe_inputs
    from crosscheck.report.summary import summarise_reading
    from crosscheck.standard import name_standard

    read = read_collection(collection, read_questionnaire(settings.questionnaire_file(name_standard(standard))))
    if form == "table":
        click.echo(summarise_reading({"inputs": describe_inputs(read), "absent_tables": read.absent}, read.problems))
    if form != "table" or not read.problems.is_empty():
        list_rows(read.problems.to_dicts(), read.problems.columns, form)
    sys.exit(int(not read.problems.filter(read.problems["effect"] != "converted").is_empty()))


@main.group(invoke_without_command=True)
@click.option("--own-choices", is_flag=True, help="Only those with a cut-off that the project chose itself, and why.")
@_standard
@_format
@click.pass_context
def rules(ctx: click.Context, standard: str | None, form: str, *, own_choices: bool) -> None:
    """List the rules; `crosscheck rules show ID` shows one.

    \b
    Example:  crosscheck rules --own-choices --format csv
    """
    if ctx.invoked_subcommand:
        return
    from crosscheck.standard import load_standard, name_standard

    columns = ("id", "own_choice") if own_choices else ("id", "kind", "severity", "strength", "group", "title")
    listed = [rule for rule in load_standard(name_standard(standard)).rulebook if rule.own_choice or not own_choices]
    list_rows([{name: getattr(rule, name) for name in columns} for rule in listed], columns, form)


@rules.command()
@click.argument("rule_id")
@_standard
def show(rule_id: str, standard: str | None) -> None:
    """Show one rule: its law, its condition, its innocent explanations, what to ask for.

    \b
    Example:  crosscheck rules show C2-HR-01
    """
    from crosscheck.standard import load_standard, name_standard

    known = {rule.id: rule for rule in load_standard(name_standard(standard)).rulebook}
    if rule_id.upper() not in known:
        raise UnknownNameError(nearest("rule", rule_id, known, "crosscheck rules"))
    click.echo(known[rule_id.upper()].file.read_text(encoding="utf-8").rstrip())


@rules.command()
@click.option("--outcome", type=click.Choice(["rule", "merged", "declined"]), help="Only what came to this.")
@_standard
@_format
def coverage(outcome: str | None, standard: str | None, form: str) -> None:
    """List what became of every candidate check and every expectation of the review.

    \b
    Example:  crosscheck rules coverage --outcome declined
    """
    from crosscheck.rulebook.coverage import read_coverage
    from crosscheck.standard import load_standard, name_standard

    name = name_standard(standard)
    table = read_coverage(settings.coverage_file(name), load_standard(name).rulebook)
    rows = [row for row in table.to_dicts() if outcome in (None, row["outcome"])]
    list_rows(rows, table.columns, form)


@rules.command("check")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day whose thresholds count, as 2009-03-31; else today.")
@click.option("--strict", is_flag=True, help="End with 1 for a note, too.")
@_standard
@_format
def check_rules(on: datetime | None, standard: str | None, form: str, *, strict: bool) -> None:
    """Prove, without any data, what is wrong with the rules in themselves.

    \b
    Example:  crosscheck rules check --on 2009-03-31
    Ends with 1 if anything has to be mended.
    """
    from crosscheck.cases import catalogue
    from crosscheck.rulebook.soundness import GRADES, find_flaws
    from crosscheck.standard import load_standard, name_standard

    day = (on or datetime.now(tz=UTC)).date()
    known = load_standard(name_standard(standard), day=day)
    names = catalogue(known.questionnaire, known.indicators.names)
    only_ask = {kind for kind, weight in known.risk.kinds.items() if weight.factor == 0}
    with Steps()(f"check {len(known.rulebook)} rules"):
        flaws = find_flaws(known.rulebook, known.questionnaire, names, day, only_ask)
    numbers = {grade: sum(flaw.grade == grade for flaw in flaws) for grade in GRADES}
    if form == "table":
        counted = ", ".join(f"{number} {grade}{'' if number == 1 else 's'}" for grade, number in numbers.items())
        click.echo("\n".join((*map(str, flaws), f"{len(known.rulebook)} rules: {counted}")))
    else:
        list_rows([asdict(flaw) for flaw in flaws], ("rule", "grade", "flaw", "witness"), form)
    sys.exit(int(numbers["error"] > 0 or (strict and numbers["note"] > 0)))


@rules.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("handbook"), show_default=True, help="The site's folder."
)
@click.option("--run", "folder", type=click.Path(path_type=Path), help="A run that says how often; else run, if there.")
@_standard
def handbook(out: Path, folder: Path | None, standard: str | None) -> None:
    """Write the handbook of all rules: a searchable site that opens from its folder, one page a rule.

    \b
    Example:  crosscheck rules handbook --out handbook --run run
    """
    from crosscheck.report.handbook import refuse_foreign_folder, write_handbook
    from crosscheck.standard import load_standard, name_standard

    refuse_foreign_folder(out)
    run_folder = folder or (_USUAL_RUN if _USUAL_RUN.is_dir() else None)
    known = load_standard(name_standard(standard))
    pages = write_handbook(known, out, run_folder)
    how_often = f"how often they differ is from {run_folder}" if run_folder else "no run, so not how often they differ"
    click.echo(f"{len(known.rulebook)} rules on {pages} pages; {how_often}. Open {out / 'index.html'}")


@main.command()
@click.argument("section", required=False)
@_standard
@_format
def questions(section: str | None, standard: str | None, form: str) -> None:
    """List the questions, with the answers that each can have.

    \b
    Example:  crosscheck questions human_resources
    """
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.standard import name_standard

    questionnaire = read_questionnaire(settings.questionnaire_file(name_standard(standard)))
    sections = {question.section for question in questionnaire}
    if section and section not in sections:
        raise UnknownNameError(nearest("section", section, sections, "crosscheck questions"))
    rows = [
        {
            "question": question.question_id,
            "type": question.answer_type,
            "answers": (" < " if question.answer_type == "ordinal" else " | ").join(question.levels),
            "asked_of": " | ".join((*question.org_types, *question.services)),
            "text": question.text,
        }
        for question in questionnaire
        if section in (None, question.section)
    ]
    list_rows(rows, list(rows[0]), form)


@main.command()
@click.argument("org_code")
@click.option("--function", type=click.Choice(["whole", "commissioner", "provider"]), help="One of its declarations.")
@_run_folder
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How.")
def explain(org_code: str, function: str | None, folder: Path, form: str) -> None:
    """Print one declaration's whole case: its risk and every part of it, what differs, what to ask for on the day.

    \b
    Example:  crosscheck explain 5YG --function provider
    """
    from crosscheck.report.case import read_case, write_case

    known = read_case(folder, org_code, function)
    if form == "json":
        click.echo(json.dumps(known, indent=1, ensure_ascii=False, default=str))
    else:
        click.echo("\n\n\n".join(write_case(case) for case in known))


@main.command()
@click.argument("indicator")
@click.argument("org_code")
@_run_folder
@click.option("--out", type=click.Path(path_type=Path), default=Path("funnel.svg"), show_default=True, help="The file.")
def funnel(indicator: str, org_code: str, folder: Path, out: Path) -> None:
    """Draw one figure of an organisation among its peers, as SVG (or PNG, by the file's ending).

    \b
    Example:  crosscheck funnel staff_survey.child_protection_training_pct R6A --out funnel.svg
    """
    from crosscheck.report.plots import draw_funnel
    from crosscheck.report.run_folder import read_table

    names = dict(read_table(folder, "visit_list").select("org_code", "name").iter_rows())
    if org_code.upper() not in names:
        raise UnknownNameError(nearest("organisation", org_code, names, "crosscheck run"))
    svg = draw_funnel(read_table(folder, "scores"), indicator, org_code.upper(), names[org_code.upper()])
    _write_picture(svg, out)
    click.echo(f"{out}: {indicator} of {names[org_code.upper()]} among its peers")


_difficulty = click.option(
    "--difficulty",
    type=click.Choice(["easy", "middling", "hard"]),
    default="middling",
    show_default=True,
    help="How strongly what is seen depends on what is.",
)


@main.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the invented collection.")
@_difficulty
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same world.")
@click.option(
    "--worlds", type=click.IntRange(min=1), default=1, show_default=True, help="How many; each in a folder of its own."
)
@_standard
def simulate(out: Path, difficulty: Any, seed: int, worlds: int, standard: str | None) -> None:
    """Invent a national collection whose truth is known, to judge rules and weights by. Nothing in it is real.

    \b
    Example:  crosscheck simulate --out invented --difficulty middling --seed 1
    Then:     crosscheck run invented --year 2008/09 --out run-of-invented
    """
    from crosscheck.questionnaire import read_questionnaire
    from crosscheck.simulation.margins import read_targets
    from crosscheck.simulation.model import WorldPlan, read_simulation_model
    from crosscheck.simulation.world import build_world
    from crosscheck.simulation.write import write_world
    from crosscheck.standard import name_standard

    name = name_standard(standard)
    plan = WorldPlan(read_simulation_model(settings.model_file(name, "simulation")), difficulty)
    questionnaire = read_questionnaire(settings.questionnaire_file(name))
    targets = read_targets(settings.published_figures_file(name))
    for one in range(seed, seed + worlds):
        folder = out if worlds == 1 else out / f"seed-{one}"
        write_world(build_world(plan, questionnaire, targets, one), folder, plan, one)
        click.echo(f"{folder}: an INVENTED collection, {difficulty}, seed {one}; nothing in it is real")


@main.command()
@click.argument("collection", type=click.Path(path_type=Path), required=False)
@click.option("--year", help="Assessment year of the visits, as 2008/09.", callback=_assessment_year_if_given)
@click.option("--worlds", type=click.IntRange(min=1), help="Hold the list against so many invented worlds instead.")
@_difficulty
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the first world.")
@click.option(
    "--first-wave", is_flag=True, help="Let the list learn from each world's first visits, and leave them out."
)
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=0.1, show_default=True, help="The first of a list."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("backtest"),
    show_default=True,
    help="Folder of page and JSON.",
)
@_standard
def backtest(collection: Path | None, year: str | None, worlds: int | None, out: Path, **options: Any) -> None:
    """Hold the visit list against visits that came later, or against invented worlds whose truth is known.

    \b
    Example:  crosscheck backtest data/england-2008-09 --year 2008/09
    Or:       crosscheck backtest --worlds 20 --difficulty middling
    """
    from crosscheck.backtest import backtest_collection
    from crosscheck.collection.read import read_collection
    from crosscheck.report.backtest_page import list_worths, tell_backtest, write_backtest
    from crosscheck.standard import load_standard, name_standard

    if (collection is None) == (worlds is None) or (collection is not None and year is None):
        raise click.UsageError("Give either a collection and its --year, or --worlds.")
    standard = load_standard(name_standard(options["standard"]))
    if collection is not None and year is not None:
        tested = backtest_collection(
            read_collection(collection, standard.questionnaire), standard, year, options["share"]
        )
    else:
        tested = _backtest_worlds(standard, int(worlds or 0), options)
    write_backtest(tested, out)
    for among, rows, columns in list_worths(tested):
        click.echo(among)
        list_rows(rows, columns, "table")
    click.echo(f"{tell_backtest(tested)}\n{out / 'backtest.html'} has the plots, {out / 'backtest.json'} every figure")


def _backtest_worlds(standard: Standard, worlds: int, options: dict[str, Any]) -> Backtest:
    from crosscheck.backtest import backtest_worlds, build_worlds
    from crosscheck.simulation.margins import read_targets
    from crosscheck.simulation.model import WorldPlan, read_simulation_model

    plan = WorldPlan(read_simulation_model(settings.model_file(standard.name, "simulation")), options["difficulty"])
    targets = read_targets(settings.published_figures_file(standard.name))
    built = build_worlds(plan, standard, targets, worlds, options["seed"])
    return backtest_worlds(built, standard, plan.model.year, options["share"], with_first_wave=options["first_wave"])


@main.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--visits",
    required=True,
    type=click.Path(path_type=Path),
    help="What visits found: a file in the columns of visits.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="The new version's file; models/…/visit_risk/vN.toml if not given."
)
@_format
def learn(folder: Path, visits: Path, out: Path | None, form: str) -> None:
    """Learn from what visits found: a new version of the weights, and what each check was worth.

    \b
    Example:  crosscheck learn run --visits data/england-2008-09/visits_wave_1.csv --out v3.toml
    """
    from crosscheck.report.run_folder import read_json, read_table
    from crosscheck.risk.model import read_risk_model
    from crosscheck.risk.revision import revise, tell, write_version
    from crosscheck.visits.findings import read_findings

    told = read_json(folder, "manifest.json")
    used = settings.model_file(told["options"]["standard"], "visit_risk", told["models"]["visit_risk"]["version"])
    tables = {name: read_table(folder, name) for name in ("loadings", "beliefs", "parts", "findings")}
    revision = revise(tables, read_findings(visits), read_risk_model(used), told["options"]["year"])
    number = max(int(re.sub(r"\D", "", file.stem)) for file in used.parent.glob("v*.toml")) + 1
    file = out or used.with_stem(f"v{number}")
    if file.exists():
        raise UnknownNameError(
            f"{file}: is there already, and a version that was used never changes. Name another with --out."
        )
    file.write_text(write_version(used.read_text(encoding="utf-8"), revision, f"v{number}"), encoding="utf-8")
    click.echo("\n".join(line.removeprefix("# ") for line in tell(revision)))
    click.echo(
        "\nWhat each check was worth among those visited, in decibans between one that differs and one that agrees:"
    )
    list_rows(revision.rules.sort("learnt", descending=True).to_dicts(), revision.rules.columns, form)
    click.echo(f"\nNew version: {file}. Read it, then use it: crosscheck run … --risk-model v{number}")


@main.command()
@_collection
@click.option("--year", required=True, help="Assessment year, as 2008/09.", callback=_assessment_year)
@click.option("--first", type=click.IntRange(min=1), default=50, show_default=True, help="How many count as the first.")
@_standard
@_format
def sensitivity(collection: Path, year: str, first: int, standard: str | None, form: str) -> None:
    """Say how far the first of the list change when an assumption does.

    \b
    Example:  crosscheck sensitivity data/england-2008-09 --year 2008/09
    Ends with 1 if fewer than three in five stay under any of them.
    """
    from crosscheck.collection.read import read_collection
    from crosscheck.sensitivity import GATE, vary_assumptions
    from crosscheck.standard import load_standard, name_standard

    stated = load_standard(name_standard(standard))
    compared = vary_assumptions(read_collection(collection, stated.questionnaire), stated, year, first)
    list_rows(compared.to_dicts(), compared.columns, form)
    sys.exit(int(not compared.filter(compared["kept"] < GATE).is_empty()))


@main.command()
@click.argument("org_code")
@_run_folder
@click.option("--out", type=click.Path(path_type=Path), callback=_picture, help="Draw it too: a file .svg or .png.")
@_format
def network(org_code: str, folder: Path, out: Path | None, form: str) -> None:
    """List whom an organisation is tied to and how: commissioners, providers, boards, reviews, predecessors.

    \b
    Example:  crosscheck network R2X --out network.svg
    """
    from crosscheck.network.graph import ORGANISATION, neighbours
    from crosscheck.report.neighbourhood import draw_neighbourhood
    from crosscheck.report.run_folder import read_table

    ties, predecessors, names = (read_table(folder, name) for name in ("ties", "predecessors", "names"))
    known = dict(names.filter(names["kind"] == ORGANISATION).select("code", "name").iter_rows())
    if (code := org_code.upper()) not in known:
        raise UnknownNameError(nearest("organisation", org_code, known, "crosscheck run"))
    listed = neighbours(ties, predecessors, names, code)
    if out:
        _write_picture(draw_neighbourhood(listed, code, known[code]), out)
        click.echo(f"{out}: {known[code]} and its neighbours", err=True)
    list_rows(listed.to_dicts(), listed.columns, form)


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
    """Print what makes a shell complete commands and options.

    \b
    Example:  crosscheck completion bash >> ~/.bashrc
    """
    from click.shell_completion import BashComplete, FishComplete, ZshComplete

    classes = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
    click.echo(classes[shell](main, {}, "crosscheck", "_CROSSCHECK_COMPLETE").source())
