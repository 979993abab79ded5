"""What an import leaves in the folder of a collection: the table, the map as it was used, and what became of each row.

The names of the latter two begin with `manifest`, so that nobody takes them for tables of the collection.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from crosscheck.errors import ImportMapError
from crosscheck.report.output.folder import replace_file
from crosscheck.report.output.tables import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.collection.import_rows import Imported

_NAME: Final = "manifest-{}"


def refuse_table(folder: Path, table: str, *, replace: bool) -> None:
    """Stop before any work if the table is there already.

    Raises:
        ImportMapError: it is, and nobody said that it may be replaced; or the folder is none.
    """
    if folder.exists() and not folder.is_dir():
        raise ImportMapError(f"{folder}: is no folder. Name another with --out.")
    there = [file.name for file in sorted(folder.glob(f"{table}.*"))] if folder.is_dir() else []
    others = [name for name in there if not (replace and name == f"{table}.csv")]
    if others:
        raise ImportMapError(f"{folder / others[0]}: is there already. Move it, or say --replace where it is CSV.")


def write_import(made: Imported, map_file: Path, export: Path, folder: Path) -> Path:
    """Write the table as CSV, the map and the account of rows beside it.

    Returns:
        The table's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, map_content = folder / f"{made.table}.csv", map_file.read_bytes()
    account = {
        "export": {"file": export.name, "sha256": made.sha256},
        "map": {"file": map_file.name, "sha256": hashlib.sha256(map_content).hexdigest()},
        "read": made.read,
        "set_aside_as_they_stand": made.unread,
        "long": made.long,
        "left_out": [{"kept_where": step.kept_where, "rows": step.rows} for step in made.left_out],
        "set_aside": made.set_aside,
        "repeated": made.repeated,
        "written": made.rows.height,
        "not_used": list(made.unused),
    }
    content = json.dumps(account, indent=1, ensure_ascii=False) + "\n"
    name = _NAME.format(made.table)
    replace_file(folder / f"{name}.toml", lambda place: place.write_bytes(map_content))
    replace_file(folder / f"{name}.json", lambda place: place.write_text(content, encoding="utf-8"))
    # The table comes last, so that there is none without the map and the account that explain it.
    replace_file(file, lambda place: write_csv(made.rows, place))
    return file
