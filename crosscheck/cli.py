"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

import crosscheck
from crosscheck import settings
from crosscheck.errors import CrosscheckError, UnknownNameError
from crosscheck.terminal import Steps, as_typed, list_rows, nearest

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
@click.option("--risk-model", default=None, help="Version of the weights, as v1; the newest if not given.")
@click.option("--screens", is_flag=True, help="Also write what asks and does not weigh: patterns, oddities, surprises.")
@click.option("--allow-polarity", metavar="REASON", help="Publish although a sign is in doubt; the manifest keeps why.")
@_standard
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
