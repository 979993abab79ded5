"""Commands on what people decide about the declarations of a kept run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from crosscheck.cli.completion import complete_organisations
from crosscheck.cli.group import Share, format_option, main
from crosscheck.cli.named_run import former_run_id, kept_run_option, store_option
from crosscheck.cli.terminal import list_rows

if TYPE_CHECKING:
    from crosscheck.store.decisions import CurrentDecision

_COLUMNS: Final = ("rank", "org_code", "name", "function", "declared", "risk", "selected_by")
_DECIDED: Final = ("kind", "reason", "who", "version", "at")
_NARROW: Final = ("rank", "org_code", "function", "risk", "kind", "version", "who", "reason")

_FUNCTIONS: Final = click.Choice(["whole", "commissioner", "provider"])
_RULINGS: Final = click.Choice(["accept", "visit", "explain", "qualify"])  # `vocabulary` would import polars for help


@main.command()
@click.argument("org_code", shell_complete=complete_organisations)
@click.option("--function", type=_FUNCTIONS, required=True, help="Which of its declarations.")
@kept_run_option
@former_run_id
@click.option("--as", "kind", type=_RULINGS, required=True, help="What is decided.")
@click.option("--by", "who", required=True, help="Who decides.")
@click.option("--because", "reason", required=True, help="Why.")
@click.option(
    "--seen",
    type=click.IntRange(min=0),
    default=0,
    help="The version of the decision that you saw, if there is one already.",
)
@store_option
def decide(org_code: str, run_id: str, store: str, **decision: Any) -> None:
    """Record a decision about a declaration.

    It can be accepted, visited, sent back to be explained, or qualified.

    \b
    Example:  crosscheck decide 5YQ --function whole --run 7bf1 --as visit --by "A. Byrne" \\
              --because "Two accounts of one review differ" --store runs.db

    To change a decision add --seen with the version that you saw. If there is a later one by then, nothing is saved,
    the command prints the current decision, and exits with status 13.
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.decisions import Proposal
    from crosscheck.store.decisions import decide as keep

    with open_store(store) as opened:
        (current,) = keep(opened, run_id, [Proposal(org_code.upper(), **decision)])
    click.echo(f"{current.org_code} {current.function}: {current}")


@main.group()
def decisions() -> None:
    """List, show and import decisions about declarations.

    \b
    Example:  crosscheck decisions list --run 7bf1 --store runs.db
    """


@decisions.command("list")
@kept_run_option
@former_run_id
@click.option("--undecided", is_flag=True, help="Only declarations that nobody has decided about.")
@click.option("--risk-from", type=Share(0, 1), default=0.0, help="Only declarations of at least this risk.")
@store_option
@format_option
def list_(run_id: str, store: str, form: str, *, undecided: bool, risk_from: float) -> None:
    """List every declaration with the decision on it.

    By rank, with what was decided, why, by whom and when.

    \b
    Example:  crosscheck decisions list --run 7bf1 --undecided --risk-from 0.5 --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.decisions import list_decisions

    with open_store(store) as opened:
        rows = list_decisions(opened, run_id)
    chosen = [row for row in rows if row["risk"] >= risk_from and not (undecided and row["version"])]
    if form == "table":
        list_rows([row | {"risk": f"{row['risk']:.2f}"} for row in chosen], _COLUMNS if undecided else _NARROW, form)
    else:
        list_rows(chosen, (*_COLUMNS, *_DECIDED), form)
    nobody = sum(not row["version"] for row in rows)
    click.echo(f"{len(chosen)} of {len(rows)} declarations; {nobody} of all undecided", err=True)


@decisions.command()
@click.argument("org_code", shell_complete=complete_organisations)
@kept_run_option
@former_run_id
@store_option
def show(org_code: str, run_id: str, store: str) -> None:
    """Show every decision about an organisation's declarations.

    From first to last; the last one counts.

    \b
    Example:  crosscheck decisions show 5YQ --run 7bf1 --store runs.db
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.decisions import show_decisions

    with open_store(store) as opened:
        for function, history in show_decisions(opened, run_id, org_code).items():
            click.echo(f"{org_code.upper()} {function}")
            click.echo("\n".join(_lines(history)))


@decisions.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@kept_run_option
@former_run_id
@store_option
def import_(file: Path, run_id: str, store: str) -> None:
    """Take decisions from a CSV file, all or none.

    The file is the list as `decisions list` wrote it, filled in.

    \b
    Example:  crosscheck decisions import decided.csv --run 7bf1 --store runs.db
    Write the list:  crosscheck decisions list --run 7bf1 --format csv --store runs.db > decided.csv

    Fill in kind, reason and who; leave version as it is. Rows without kind, and decisions that are saved already, are
    left out.
    """
    from crosscheck.store.database import open_store
    from crosscheck.store.decisions import decide as keep
    from crosscheck.store.decisions import drop_kept, read_proposals

    proposals = read_proposals(file)
    with open_store(store) as opened:
        new = drop_kept(opened, run_id, proposals)
        keep(opened, run_id, new)
    click.echo(f"{len(new)} decisions kept; {len(proposals) - len(new)} stood already")


def _lines(history: list[CurrentDecision]) -> list[str]:
    return [f"  {current}" for current in history] or ["  nobody has decided yet"]
