"""The command line. Each command imports what it needs only when it runs, so that help comes at once."""

from __future__ import annotations

import json
import re
import sys
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


_standard = click.option("--standard", default=None, help="The standard, if there are rules for more than one.")
_format = click.option("--format", "form", type=FORMATS, default="table", show_default=True, help="How to list.")
_run_folder = click.option(
    "--run", "folder", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="A run's folder."
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
    from crosscheck.pipeline import cross_check
    from crosscheck.report.manifest import describe_run, refuse_doubtful_signs
    from crosscheck.report.run_folder import refuse_foreign_folder, write_run
    from crosscheck.report.summary import summarise_run
    from crosscheck.standard import load_standard, name_standard
    from crosscheck.visits.plan import Capacity

    refuse_foreign_folder(out)
    steps = Steps()
    with steps("load rules and models"):
        standard = load_standard(name_standard(options["standard"]), options["risk_model"])
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
@_standard
@_format
@click.pass_context
def rules(ctx: click.Context, standard: str | None, form: str) -> None:
    """List the rules; `crosscheck rules show ID` shows one.

    \b
    Example:  crosscheck rules --format csv
    """
    if ctx.invoked_subcommand:
        return
    from crosscheck.standard import load_standard, name_standard

    columns = ("id", "severity", "strength", "group", "title")
    rulebook = load_standard(name_standard(standard)).rulebook
    list_rows([{name: getattr(rule, name) for name in columns} for rule in rulebook], columns, form)


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
    from crosscheck.report.plots import draw_funnel, draw_png
    from crosscheck.report.run_folder import read_table

    names = dict(read_table(folder, "visit_list").select("org_code", "name").iter_rows())
    if org_code.upper() not in names:
        raise UnknownNameError(nearest("organisation", org_code, names, "crosscheck run"))
    svg = draw_funnel(read_table(folder, "scores"), indicator, org_code.upper(), names[org_code.upper()])
    if out.suffix == ".png":
        out.write_bytes(draw_png(svg))
    else:
        out.write_text(svg, encoding="utf-8")
    click.echo(f"{out}: {indicator} of {names[org_code.upper()]} among its peers")


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
