"""The right of reply: forms that go out, replies that come back, corrections that are accepted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from crosscheck.cli.group import format_option, main, only_option
from crosscheck.cli.named_run import run_as_named, run_option
from crosscheck.cli.terminal import Steps, list_rows, print_problems, undisturbed


@main.group()
def reply() -> None:
    """Letters and reply forms, their replies, corrections.

    Organisations are told what the assessment relies on; their replies are read; what is accepted is worked out again.

    \b
    Example:  crosscheck reply form --run run --out forms
    Then:     crosscheck reply read forms-that-came-back/*.xlsx --run run --out replies
    Then:     crosscheck reply accept replies --run run --item R2X/C2-HR-01/whole --by NAME --on 2009-06-02 \\
              --because "The register of checks was seen" --out run-corrected
    """


@reply.command("form")
@run_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("forms"), show_default=True, help="The folder.")
@only_option("Only this organisation; may be given several times.")
@click.option("--reply-by", metavar="DAY", help="The last day for a reply, as the letter is to say it.")
@click.option("--reply-to", metavar="WHOM", help="Whom to send the reply to, as the letter is to say it.")
@click.option("--pdf", "paper", is_flag=True, help="Also set each letter as PDF.")
def write_form(
    folder: Path, out: Path, only: tuple[str, ...], reply_by: str | None, reply_to: str | None, *, paper: bool
) -> None:
    """Write a letter and a reply form for each organisation.

    The letter says what the assessment relies on, item by item.

    An organisation whose own answers say that a statutory duty is unmet also gets a letter on that, to send first.

    \b
    Example:  crosscheck reply form --run run --out forms --only 5UJ --reply-by "31 May 2009" --pdf
    """
    from crosscheck.collection.problems import counted
    from crosscheck.report.reply.reply_form import write_forms

    with Steps()("write letters and forms"):
        count, with_duties = write_forms(folder, out, only, reply_by, reply_to, paper=paper)
    organisations = "1 organisation" if count == 1 else f"{count} organisations"
    endings = f".html{', .pdf' if paper else ''}, .xlsx, .csv"
    click.echo(f"{out}: letters and forms ({endings}) for {organisations}; nothing was sent")
    if with_duties:
        letters = counted(with_duties, "letter")
        click.echo(f"Send first: {letters} on a statutory duty unmet by the trust's own answers (…-duties.html)")
    click.echo(f"When they come back: crosscheck reply read FILE… --run {run_as_named(folder)} --out replies")


@reply.command("read")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@run_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("replies"), show_default=True, help="The folder.")
@format_option
def read(files: tuple[Path, ...], folder: Path, out: Path, form: str) -> None:
    """Read filled-in forms (CSV or XLSX).

    What they say is kept; the run stays as it is.

    \b
    Example:  crosscheck reply read 5UJ.xlsx R2X.csv --run run --out replies

    Exits with status 1 if anything was set aside; problems.csv in the folder says what, and how to mend it.
    """
    from crosscheck.report.reply.replies import read_forms, refuse_decided, summarise_replies, write_replies

    refuse_decided(out)
    with Steps()("read replies"):
        replies = read_forms(folder, files)
        write_replies(replies, folder, out)
    columns = ["item", "question", "your_answer", "reply", "corrected_answer", "signed_by"]
    list_rows(replies.replies.select(columns).to_dicts(), columns, form)
    aside = replies.problems.filter(replies.problems["effect"] != "converted")
    print_problems(aside, "table", beside=form != "table")
    if form == "table":
        click.echo(summarise_replies(replies))
        click.echo(f"{out / 'problems.csv'} has these, and {replies.problems.height - aside.height} things mended")
        click.echo(f"{out / 'replies.csv'} has every reply. Nothing is changed until somebody accepts one.")
    sys.exit(int(not aside.is_empty()))


@reply.command("accept")
@click.argument("replies", nargs=-1, required=True, type=click.Path(path_type=Path))
@run_option
@click.option(
    "--item", "items", multiple=True, metavar="ITEM", help="Accept the reply to this item; several times too."
)
@click.option("--by", metavar="NAME", help="Who accepts it.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the decision, for example 2009-06-02.")
@click.option("--because", metavar="TEXT", help="Why it is accepted.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("run-corrected"),
    show_default=True,
    help="The corrected run's folder.",
)
@undisturbed()
def accept(replies: tuple[Path, ...], folder: Path, items: tuple[str, ...], out: Path, **decision: Any) -> None:
    """Accept replies, and make the corrected run.

    Everything is worked out again with the corrected answers; both versions are kept.

    \b
    Example:  crosscheck reply accept replies --run run --item 5UJ/C2-HR-02/both --by "A. Assessor" \\
              --on 2009-06-02 --because "The certificate was seen" --out run-corrected

    Without --item, the replies are accepted that have yes in the column accepted of replies.csv, with who, when and
    why in decided_by, decided_on and because, or as --by, --on and --because say it of all. An explanation changes no
    answer: the entry of waivers.toml that an assessor may adopt is printed.
    """
    from crosscheck.collection.corrections import Decision, choose_accepted
    from crosscheck.report.reply.corrected_run import make_corrected_run, refuse_other_runs
    from crosscheck.report.reply.replies import propose_waivers, read_decisions
    from crosscheck.report.write_pages import write_pages

    refuse_other_runs(out, folder)
    steps = Steps()
    with steps("read replies"):
        decisions = read_decisions(folder, replies)
    day = decision["on"] and decision["on"].date()
    accepted = choose_accepted(decisions, items, Decision(decision["by"], day, decision["because"]))
    summary = make_corrected_run(folder, accepted, out, steps, write_pages)
    click.echo(summary or "No correction among them, so that nothing was worked out again.")
    if waivers := propose_waivers(folder, accepted):
        click.echo(
            f"\nExplanations that were accepted, for rules/…/waivers.toml, if an assessor adopts them:\n\n{waivers}"
        )
