"""Commands on the versions of the models: list them, begin the next, release it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crosscheck import settings
from crosscheck.cli.completion import complete_models, complete_versions
from crosscheck.cli.group import format_option, main, standard_option
from crosscheck.cli.terminal import list_rows
from crosscheck.errors import UnknownNameError
from crosscheck.near_names import describe_unknown

if TYPE_CHECKING:
    from pathlib import Path


@main.group(invoke_without_command=True)
@standard_option
@format_option
@click.pass_context
def models(ctx: click.Context, standard: str | None, form: str) -> None:
    """List the models and their versions.

    Each version is released, a draft, or released and edited since.

    \b
    Example:  crosscheck models

    A released file never changes: a change is a new version (`crosscheck models new`).
    """
    if ctx.invoked_subcommand:
        return
    from crosscheck.model_versions import describe_versions
    from crosscheck.standard import name_standard

    rows = describe_versions(settings.all_models(), name_standard(standard).lower())
    list_rows([asdict(row) for row in rows], ("model", "version", "state"), form)


@models.command()
@click.argument("name", shell_complete=complete_models)
@standard_option
def new(name: str, standard: str | None) -> None:
    """Begin the next version of a model, as a draft.

    The draft is a copy of the newest version.

    \b
    Example:  crosscheck models new visit_risk

    The draft can be changed until it is released: crosscheck models release NAME VERSION
    """
    from crosscheck.model_versions import make_version
    from crosscheck.standard import name_standard

    file = make_version(_folder(name, name_standard(standard)), datetime.now(tz=UTC).date())
    click.echo(f"{file}: a draft, with the next number. Runs take it from now on, and say that it is a draft.")
    click.echo(
        "\n".join(
            (
                "Next:",
                "  1. Change it. Beside every number stands its reason: change that, too.",
                "  2. Say in made_by who made this version, and why.",
                "  3. See what it changes:  crosscheck run COLLECTION --year YEAR --out tried",
                "                           crosscheck runs diff BEFORE tried --out difference",
                f"  4. Say in {file.parent / 'card.md'} what is known of its worth.",
                f"  5. Release it:           crosscheck models release {name} {file.stem}",
                f"To give it up, delete {file}.",
            )
        )
    )


@models.command()
@click.argument("name", shell_complete=complete_models)
@click.argument("version", shell_complete=complete_versions)
@standard_option
def release(name: str, version: str, standard: str | None) -> None:
    """Release a draft; from then on it never changes.

    Its digest is noted, and a file that is edited afterwards is refused.

    \b
    Example:  crosscheck models release visit_risk v4
    """
    from crosscheck.model_versions import RELEASED, release_version
    from crosscheck.standard import name_standard

    named = name_standard(standard)
    _folder(name, named)
    file = settings.model_file(named, name, version)
    release_version(file, _read(named, name, file))
    click.echo(f"{file} is released; {settings.all_models() / RELEASED} has its digest. It never changes again.")


def _folder(name: str, standard: str) -> Path:
    """The folder of a model.

    Raises:
        UnknownNameError: there is no such model.
    """
    folder = settings.models_folder(standard)
    known = [model.name for model in folder.iterdir() if model.is_dir()]
    if name not in known:
        raise UnknownNameError(describe_unknown("model", name, known, "crosscheck models"))
    return folder / name


def _read(standard: str, name: str, file: Path) -> dict[str, object]:
    """What a version says of itself, once it is read as the commands read it, with every problem named.

    Raises:
        ModelError: it can't be read so.
    """
    from crosscheck.publication.assessment import read_assessment_model
    from crosscheck.simulation.model import read_simulation_model
    from crosscheck.standard import read_standard
    from crosscheck.toml_file import parse_toml

    alone = {"assessment": read_assessment_model, "simulation": read_simulation_model}
    if name in alone:
        alone[name](file)
    else:
        read_standard(standard, file.stem if name == "visit_risk" else None)
    return parse_toml(file.read_bytes())
