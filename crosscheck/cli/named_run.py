"""How a run is named, alike in every command: by its folder, or by how its identifier in a store begins.

It is the argument of a command that is about a run as a whole (`runs …`, `sign`, `publish`), and `--run` elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from crosscheck.cli.completion import complete_runs
from crosscheck.passwords import STORE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

USUAL_RUN: Final = Path("run")
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)
_MANIFEST: Final = "manifest.json"
_STORE: Final = "crosscheck.store"
_NAMED: Final = "crosscheck.run"


class RunFolder(click.ParamType[Path]):
    """The folder of a run; of a run that is named by its identifier, a copy that the store gives out meanwhile."""

    name = "run"

    def convert(self, value: Any, _param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The folder, whatever lies in it: the command says what is wrong with it."""
        if ctx is None or ctx.resilient_parsing or isinstance(value, Path) or not _is_identifier(value):
            return Path(value)
        return _lay_out(value, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The folders that hold a run, and the identifiers of a store that is a file."""
        return complete_runs(ctx, param, incomplete)


class RunIdentifier(click.ParamType[str]):
    """The identifier of a kept run, or how it begins; of a run that is named by its folder, what its manifest says."""

    name = "run"

    def convert(self, value: Any, _param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The identifier; whether the store keeps that run is for the command to say."""
        if (ctx and ctx.resilient_parsing) or not Path(value).is_dir():
            return str(value)
        from crosscheck.runs.run_folder import read_manifest

        return read_manifest(Path(value)).run_id

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """As `RunFolder`."""
        return complete_runs(ctx, param, incomplete)


def _is_identifier(value: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(value)) and not Path(value).exists()


def _lay_out(run_id: str, ctx: click.Context) -> Path:
    """Lay a kept run out in a folder that is gone when the command ends."""
    from crosscheck.errors import RunError
    from crosscheck.store.database import open_store
    from crosscheck.store.runs import export_run

    store = ctx.meta.get(_STORE)
    if store is None:
        raise RunError(
            f"{run_id}: there is no such folder. If a store keeps a run by that identifier, name the store: --store "
            f"FILE, or the environment variable {STORE_VARIABLE}."
        )
    folder = Path(ctx.with_resource(TemporaryDirectory(prefix="crosscheck-"))) / run_id.lower()
    with open_store(str(store)) as opened:
        export_run(opened, run_id, folder)
    ctx.meta[_NAMED] = run_id
    return folder


def run_as_named(folder: Path) -> str:
    """How the user named the run of this command: for messages, since a kept run lies in a passing folder."""
    return str(click.get_current_context().meta.get(_NAMED, folder))


def remember_store(ctx: click.Context, _param: click.Parameter, store: str | None) -> str | None:
    """Let a run be looked up in this store; an option with this callback is read before all others (`is_eager`)."""
    ctx.meta[_STORE] = store
    return store


def _of_store(**attributes: Any) -> Callable[[Any], Any]:
    return click.option(
        "--store", envvar=STORE_VARIABLE, show_envvar=True, is_eager=True, callback=remember_store, **attributes
    )


_FOLDER_HELP: Final = "A run: its folder, or its identifier in the store."
store_option = _of_store(required=True, help="A file, for example runs.db, or postgresql://user@host/name.")
store_of_run_option = _of_store(expose_value=False, help="The store, where the run is named by its identifier.")
run_folder_option = click.option(
    "--run", "folder", type=RunFolder(), metavar="RUN", default=str(USUAL_RUN), show_default=True, help=_FOLDER_HELP
)
kept_run_option = click.option(
    "--run", "run_id", type=RunIdentifier(), metavar="RUN", required=True,
    help="A run of the store: its identifier, or how that begins (four characters at least), or its folder.",
)  # fmt: skip
run_folder_argument = click.argument("folder", metavar="RUN", type=RunFolder())
kept_run_argument = click.argument("run_id", metavar="RUN", type=RunIdentifier())


def run_option(command: Any) -> Any:
    """`--run` and the store that it may be in; for a command that takes no store for another reason."""
    return run_folder_option(store_of_run_option(command))


def former_option(name: str, instead: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option by a former name, which is refused with the new one named."""

    def refuse(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value and not ctx.resilient_parsing:
            raise click.UsageError(f"{name} is not used any more. {instead}", ctx)

    # By a name of its own: options of one name share what was typed.
    own = f"former_{name.strip('-').replace('-', '_')}"
    return click.option(name, own, hidden=True, expose_value=False, is_eager=True, callback=refuse, **attributes)


former_run_id = former_option("--run-id", "Name the run with --run: its identifier or its folder.")


class RunWasArgument(click.Command):
    """A command whose run was its first argument, and is named with `--run`: the former spelling is refused."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; where there is an argument too many, the first was meant as the run."""
        _, too_many, _ = self.make_parser(ctx).parse_args(args=list(args))
        if too_many and not ctx.resilient_parsing:
            raise click.UsageError(f"The run is no argument here any more. Name it: {ctx.command_path} --run RUN", ctx)
        return super().parse_args(ctx, args)
