"""What a shell offers for codes, rules, runs and other names, read from files alone, so that it comes at once.

Nothing here raises, opens a database server or imports a library of tables: where nothing can be read, nothing is
offered.
"""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem

from crosscheck import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import click

_LIST: Final = "visit_list.csv"
_MANIFEST: Final = "manifest.json"
_WAIVERS: Final = "waivers"


def complete_organisations(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of the run's list, with the names of the organisations; a name that is begun finds its code, too."""
    folder = ctx.params.get("folder") or ctx.params.get("run_id") or "run"
    names = {row["org_code"]: row["name"] for row in _read_rows(Path(str(folder)) / _LIST)}
    begun = incomplete.casefold()
    return [CompletionItem(code, help=name) for code, name in names.items() if code.casefold().startswith(begun)]


def complete_rules(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The identifiers of the standard's rules."""
    with suppress(OSError):
        files = settings.rules_folder(_standard(ctx)).rglob("*.toml")
        return _beginning(sorted(file.stem for file in files if file.stem != _WAIVERS), incomplete)
    return []


def complete_sections(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The sections of the standard's questionnaire."""
    with suppress(OSError):
        questions = _read_rows(settings.questionnaire_file(_standard(ctx)))
        return _beginning(dict.fromkeys(row["question_id"].partition(".")[0] for row in questions), incomplete)
    return []


def complete_indicators(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The figures and answers that the run has scores of."""
    file = Path(str(ctx.params.get("folder") or "run")) / "scores.csv"
    with suppress(OSError, UnicodeDecodeError), file.open(encoding="utf-8-sig") as scores:
        # The name is the first column and never quoted; to read tens of thousands of rows as CSV takes too long.
        names = {row.partition(",")[0] for row in scores} - {"indicator"}
        return _beginning(sorted(names), incomplete)
    return []


def complete_models(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The models of the standard."""
    with suppress(OSError):
        folders = settings.models_folder(_standard(ctx)).iterdir()
        return _beginning(sorted(folder.name for folder in folders if folder.is_dir()), incomplete)
    return []


def complete_versions(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The versions of the model that the command line names; of the weights where it names none."""
    with suppress(OSError):
        files = (settings.models_folder(_standard(ctx)) / str(ctx.params.get("name") or "visit_risk")).glob("v*.toml")
        return _beginning(sorted(file.stem for file in files), incomplete)
    return []


def complete_standards(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The standards that there are rules for."""
    with suppress(OSError):
        return _beginning((name.upper() for name in settings.standards()), incomplete)
    return []


def complete_runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The folders that hold a run, then the identifiers in the store, where that is a file of SQLite."""
    identifiers = [
        CompletionItem(run_id, help=year) for run_id, year in _read_kept_runs(ctx) if run_id.startswith(incomplete)
    ]
    return [*(CompletionItem(folder) for folder in _list_run_folders(incomplete)), *identifiers]


def _standard(ctx: click.Context) -> str:
    """The standard that the command line names, else the first: most often there is one only."""
    return str(ctx.params.get("standard") or settings.standards()[0])


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    begun = incomplete.casefold()
    return [CompletionItem(name) for name in names if name.casefold().startswith(begun)]


def _read_rows(file: Path) -> Iterator[dict[str, str]]:
    with suppress(OSError, UnicodeDecodeError, csv.Error), file.open(encoding="utf-8-sig", newline="") as opened:
        yield from csv.DictReader(opened)


def _list_run_folders(incomplete: str) -> list[str]:
    """Folders beginning so that hold a run; of those that hold none, the ones that have a run a level below."""
    within = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    with suppress(OSError):
        found = [file.parent for file in within.glob(f"*/{_MANIFEST}")]
        found += [file.parent for file in within.glob(f"*/*/{_MANIFEST}")]
        return sorted(str(folder) for folder in found if str(folder).startswith(incomplete))
    return []


def _read_kept_runs(ctx: click.Context) -> list[tuple[str, str]]:
    """Identifier and year of each run that a store keeps, the latest first; none of a database server."""
    store = Path(str(ctx.params.get("store") or ctx.meta.get("crosscheck.store") or ""))
    if not store.is_file():
        return []
    address = f"{store.resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True, timeout=0.1)) as database:
        return list(database.execute("SELECT run_id, year FROM run ORDER BY number DESC"))
    return []
