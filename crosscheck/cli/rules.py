"""Commands on the rules and the questions that they speak of."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crosscheck import settings
from crosscheck.cli.completion import complete_rules, complete_sections
from crosscheck.cli.group import format_option, main, standard_option
from crosscheck.cli.named_run import USUAL_RUN, RunFolder, former_option, run_as_named, store_of_run_option
from crosscheck.cli.terminal import Steps, list_rows
from crosscheck.errors import MissingLibraryError, UnknownNameError
from crosscheck.near_names import describe_unknown

if TYPE_CHECKING:
    from crosscheck.rulebook.rule import Rulebook


@main.group(invoke_without_command=True)
@click.option(
    "--project-thresholds", is_flag=True, help="Only those with a cut-off that the project chose itself, and why."
)
@former_option("--own-choices", "It is now --project-thresholds.", is_flag=True)
@standard_option
@format_option
@click.pass_context
def rules(ctx: click.Context, standard: str | None, form: str, *, project_thresholds: bool) -> None:
    """List the rules; `crosscheck rules show ID` shows one.

    \b
    Example:  crosscheck rules --project-thresholds --format csv
    """
    if ctx.invoked_subcommand:
        return
    from crosscheck.standard import name_standard, read_standard

    overview = ("id", "kind", "severity", "strength", "group", "title")
    columns = ("id", "threshold_rationale") if project_thresholds else overview
    rulebook = read_standard(name_standard(standard)).rulebook
    listed = [rule for rule in rulebook if rule.threshold_rationale or not project_thresholds]
    rows = [{name: getattr(rule, name) for name in columns} for rule in listed]
    list_rows(rows, columns, form, () if project_thresholds else ("id", "severity", "title"))


@rules.command()
@click.argument("rule_id", shell_complete=complete_rules)
@standard_option
def show(rule_id: str, standard: str | None) -> None:
    """Show one rule: its law, condition and explanations.

    \b
    Example:  crosscheck rules show C2-HR-01
    """
    from crosscheck.standard import name_standard, read_standard

    known = {rule.id: rule for rule in read_standard(name_standard(standard)).rulebook}
    if rule_id.upper() not in known:
        raise UnknownNameError(describe_unknown("rule", rule_id, known, "crosscheck rules"))
    click.echo(known[rule_id.upper()].file.read_text(encoding="utf-8").rstrip())


@rules.command()
@click.option("--outcome", type=click.Choice(["rule", "merged", "declined"]), help="Only what came to this.")
@standard_option
@format_option
def coverage(outcome: str | None, standard: str | None, form: str) -> None:
    """List what became of every check that was considered.

    \b
    Example:  crosscheck rules coverage --outcome declined
    """
    from crosscheck.rulebook.coverage import read_coverage
    from crosscheck.standard import name_standard, read_standard

    name = name_standard(standard)
    table = read_coverage(settings.coverage_file(name), read_standard(name).rulebook)
    rows = [row for row in table.to_dicts() if outcome in (None, row["outcome"])]
    list_rows(rows, table.columns, form)


@rules.command("check")
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day whose thresholds count, for example 2009-03-31; today if not given.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ID",
    help="Check this rule, beside all others; may be given several times.",
    shell_complete=complete_rules,
)
@click.option("--strict", is_flag=True, help="Exit with status 1 for a note, too.")
@standard_option
@format_option
def check_rules(on: datetime | None, only: tuple[str, ...], standard: str | None, form: str, *, strict: bool) -> None:
    """Prove what is wrong with the rules, without any data.

    \b
    Example:  crosscheck rules check --on 2009-03-31
    Or:       crosscheck rules check --only C2-HR-01 --only C2-HR-02

    Exits with status 1 if anything has to be mended.
    """
    _need_solver()
    from crosscheck.cases.cases import catalogue
    from crosscheck.rulebook.verify import GRADES, find_flaws
    from crosscheck.standard import name_standard, read_standard

    day = (on or datetime.now(tz=UTC)).date()
    known = read_standard(name_standard(standard), day=day)
    chosen = _choose(known.rulebook, only)
    number = len(chosen or known.rulebook.rules)
    names = catalogue(known.questionnaire, known.indicators.names)
    only_ask = {kind for kind, weight in known.risk.kinds.items() if weight.factor == 0}
    with Steps()(f"check {number} rules"):
        flaws = find_flaws(known.rulebook, known.questionnaire, names, day, only_ask, chosen)
    found = {grade: sum(flaw.grade == grade for flaw in flaws) for grade in GRADES}
    if form == "table":
        counted = ", ".join(f"{count} {grade}{'' if count == 1 else 's'}" for grade, count in found.items())
        click.echo("\n".join((*map(str, flaws), f"{number} rule{'' if number == 1 else 's'}: {counted}")))
    else:
        list_rows([asdict(flaw) for flaw in flaws], ("rule", "grade", "flaw", "witness"), form)
    sys.exit(int(found["error"] > 0 or (strict and found["note"] > 0)))


def _need_solver() -> None:
    if find_spec("z3") is None:
        raise MissingLibraryError(
            "Proofs about the rules need the solver z3 (package z3-solver): pip install 'crosscheck[proof]'. "
            "Nothing else needs it: runs, lists and pages can be made without."
        )


def _choose(rulebook: Rulebook, only: tuple[str, ...]) -> tuple[str, ...]:
    """The rules named, in the rulebook's order; none if all are to be checked."""
    known = (*rulebook.rules, *rulebook.not_in_force)
    wanted = {rule_id.upper() for rule_id in only}
    if unknown := sorted(wanted - {*known}):
        raise UnknownNameError(describe_unknown("rule", rule_id, known, "crosscheck rules") for rule_id in unknown)
    return tuple(rule_id for rule_id in known if rule_id in wanted)


@rules.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("handbook"), show_default=True, help="The site's folder."
)
@click.option(
    "--run", "folder", type=RunFolder(), metavar="RUN", help="A run that says how often: its folder, or its identifier."
)
@store_of_run_option
@standard_option
def handbook(out: Path, folder: Path | None, standard: str | None) -> None:
    """Write the handbook of all rules, one page a rule.

    It is a searchable site that opens from its folder.

    \b
    Example:  crosscheck rules handbook --out handbook --run run
    """
    from crosscheck.report.handbook.handbook import refuse_foreign_folder, write_handbook
    from crosscheck.standard import name_standard, read_standard

    refuse_foreign_folder(out)
    run_folder = folder or (USUAL_RUN if USUAL_RUN.is_dir() else None)
    known = read_standard(name_standard(standard))
    pages = write_handbook(known, out, run_folder)
    how_often = (
        f"how often they differ is from {run_as_named(run_folder)}"
        if run_folder
        else "no run, so not how often they differ"
    )
    click.echo(f"{len(known.rulebook)} rules on {pages} pages; {how_often}. Open {out / 'index.html'}")


@main.command()
@click.argument("section", required=False, shell_complete=complete_sections)
@standard_option
@format_option
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
        raise UnknownNameError(describe_unknown("section", section, sections, "crosscheck questions"))
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
