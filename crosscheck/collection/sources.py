"""Where the tables of a collection lie: the files of a folder or the sheets of a workbook, by the names they bear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from crosscheck.collection.limits import MOST_BYTES
from crosscheck.collection.problems import ROW, Place, Problem, alternatives, canonical, nearest, shorten_cell
from crosscheck.collection.workbook import read_workbook
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from crosscheck.contract.table import Table

# Beside the tables of the contract there may be those of the year's first wave of visits, in the same columns.
FIRST_WAVE: Final = {"visits": "visits_wave_1", "visit_items": "visit_items_wave_1"}

TABLES: Final[Mapping[str, Table]] = INPUTS | {
    wave: replace(INPUTS[name], name=wave) for name, wave in FIRST_WAVE.items()
}

WORKBOOKS: Final = (".xlsx", ".xlsm", ".ods")

_TEXTS: Final = (".csv", ".tsv", ".tab", ".psv", ".txt")

_READ: Final = (*_TEXTS, ".parquet")

# Why a file is not read, by its ending, and what to do.
_SAVE_AS_CSV: Final = "Save it as CSV, Parquet or a workbook (.xlsx, .ods)."

_INSIDE: Final = "A workbook is read only when its own path is given; it was not read."

_UNREADABLE: Final = {
    **dict.fromkeys(WORKBOOKS, (_INSIDE, "Give the path of the workbook, or save its sheets in this folder as CSV.")),
    **dict.fromkeys((".xls", ".xlsb"), ("A workbook of a format that is not read.", "Save it as .xlsx, or as CSV.")),
    **dict.fromkeys(
        (".zip", ".7z", ".bz2", ".xz", ".zst"), ("It is compressed, and not with gzip.", "Unpack it here.")
    ),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), ("An Arrow file is not read.", "Save it as Parquet, or as CSV.")),
}

# Documents that explain a collection, and what the system and open programs leave in a folder.
_NO_PART: Final = (".md", ".html", ".pdf")
EXPLAINS: Final = "readme"  # how the name of a file or sheet begins that explains the others
_LEFT_BY_PROGRAMS: Final = (
    "crosscheck-report-",
    ".",
    "~$",
    "thumbs.db",
    "desktop.ini",
    EXPLAINS,
    "license",
    "licence",
    "manifest",
)


@dataclass(frozen=True)
class Source:
    """A file, or a sheet of a workbook, and the name of the table that it bears.

    `sheet` is a sheet's (`package.Cells`) and `raw` its workbook's bytes; other files are read from `path`. `why` says
    of one that is not read why that is, and what to do.
    """

    name: str
    file: str
    path: Path
    sheet: dict[str, Any] | None = None
    raw: bytes = b""
    why: tuple[str, str] | None = None


def list_sources(path: Path) -> list[Source]:
    """Everything at a path that may hold a table: the files of a folder, or the sheets of a workbook.

    Raises:
        CollectionError: there is nothing, or something that is neither, or it can't be opened.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if path.suffix.lower() in WORKBOOKS and path.is_file():
            return _workbook(path)
    except OSError as error:
        raise CollectionError(f"{path} can't be opened: {error.strerror}. Check that you may read it.") from None
    what = "is neither a folder nor a workbook (.xlsx, .ods)" if path.exists() else "is not there"
    remedy = "Give the folder that holds organisations.csv, declarations.csv and answers.csv, or one workbook."
    raise CollectionError(f"{path} {what}. {remedy}")


def choose_export(path: Path, sheet: str | None) -> Source:
    """The one file or sheet of an export: the sheet that is named, or the first that holds anything.

    Raises:
        CollectionError: there is no such file or sheet.
    """
    if not path.is_file():
        raise CollectionError(f"{path} is not there, or is no file. Give the file that was exported.")
    if path.suffix.lower() not in WORKBOOKS:
        return Source("export", path.name, path)
    sheets = list_sheets(path)
    chosen = [
        source
        for source in sheets
        if source.sheet and (source.sheet["name"] == sheet if sheet else not is_blank(source))
    ]
    if not chosen:
        names = ", ".join(str(source.sheet["name"]) for source in sheets if source.sheet)
        raise CollectionError(f"{path} has no sheet {sheet or 'that holds anything'}. The sheets are: {names}.")
    return chosen[0]


def choose_only(sources: Iterable[Source], name: str) -> list[Source]:
    """The source that bears the name of a table, in a list that is empty where none does.

    Raises:
        CollectionError: several bear it.
    """
    mine = [source for source in sources if source.name == name]
    if len(mine) > 1:
        files = " and ".join(source.file for source in mine)
        raise CollectionError(f"{files} hold the same table, {name}. Leave one of them there.")
    return mine


def name_missing_tables(path: Path, sources: Sequence[Source]) -> list[str]:
    """What to say of each required table that no source bears the name of; nothing where all are there."""
    names = [source.name for source in sources]
    others = [name for name in names if name not in TABLES]
    missing = [table for table in TABLES.values() if table.required and table.name not in names]
    sheets = ", ".join(f"“{source.sheet['name']}”" for source in sources if source.sheet is not None)
    listed = f"The sheets are: {sheets}." if sheets else ""
    messages = [
        f"{path}: the table {table.name} is missing (one row is {table.row_is}). Add {table.name}.csv or "
        f"{table.name}.parquet, or to a workbook a sheet {table.name}. "
        f"{suggest_near(table.name, others)}{listed}".rstrip()
        for table in missing
    ]
    return messages + (_workbooks_inside(path) if missing else [])


def describe_stray(source: Source) -> tuple[Place, Problem]:
    """Why a source was not read, as a problem of its file."""
    remedy = alternatives(source.name, TABLES) or f"The tables are: {', '.join(TABLES)}."
    words = source.why or ("No table of the collection bears this name; it was not read.", remedy)
    return Place(source.name, source.file), Problem(None, None, None, *words, ROW)


def read_bytes(path: Path, file: str) -> bytes:
    """The content of a file.

    Raises:
        CollectionError: it can't be read, or is larger than is allowed; `file` is what it is called.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise CollectionError(
                f"{file} has {size:,} bytes; {MOST_BYTES:,} are allowed. Leave out what is not needed."
            )
        return path.read_bytes()
    except OSError as error:
        raise CollectionError(f"{file} can't be read: {error.strerror}. Check that you may open it.") from None


def _folder(path: Path) -> list[Source]:
    """Every file of a folder, and every folder in it that is called like one."""
    return [source for file in sorted(path.iterdir()) if (source := _file(file)) is not None]


def _file(file: Path) -> Source | None:
    """What a file holds, by its name; None where it is no part of a collection."""
    name = file.name.lower()
    stem, ending = _parted(name)
    if name.startswith(_LEFT_BY_PROGRAMS) or name.endswith(_NO_PART):
        return None
    if not file.is_file():
        is_named_so = ending in _READ or canonical(stem) in TABLES
        return Source(canonical(stem), file.name, file, why=_no_file(file)) if is_named_so else None
    if ending in _READ and not (ending == ".parquet" and name.endswith(".gz")):
        return Source(canonical(stem), file.name, file)
    not_read = (f"A file that ends in {ending or 'nothing'} is not read.", _SAVE_AS_CSV)
    return Source(canonical(stem), file.name, file, why=_UNREADABLE.get(ending, not_read))


def _parted(name: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending; `.gz` after another counts as none."""
    stem, dot, ending = name.removesuffix(".gz").rpartition(".")
    return (stem, dot + ending) if dot else (ending, "")


def _no_file(file: Path) -> tuple[str, str]:
    if file.is_dir():
        return "A folder and no file; nothing in it was read.", "Put its files into the collection's folder."
    return "No file, or a link that leads nowhere.", "Put the file itself there."


def _workbook(path: Path) -> list[Source]:
    """Every sheet of a workbook that is no empty one and does not explain the others by its name."""
    return [
        source
        for source in list_sheets(path)
        if source.name in TABLES or not (is_blank(source) or source.name.startswith(EXPLAINS))
    ]


def is_blank(source: Source) -> bool:
    """Whether it is a sheet that holds nothing."""
    return source.sheet is not None and not source.sheet["rows"]


def list_sheets(path: Path) -> list[Source]:
    """Every sheet of a workbook, empty ones too."""
    raw = read_bytes(path, str(path))
    return [
        Source(canonical(sheet["name"]), f"{path.name}, sheet {shorten_cell(sheet['name'])}", path, sheet, raw)
        for sheet in read_workbook(raw, str(path))
    ]


def suggest_near(wanted: str, others: Sequence[str]) -> str:
    """A hint at the name that may be meant; empty where none is near."""
    near = nearest(wanted, tuple(others))
    return f"There is {near}: if that is it, rename it. " if near else ""


def _workbooks_inside(path: Path) -> list[str]:
    inside = sorted(file for file in path.iterdir() if file.suffix.lower() in WORKBOOKS) if path.is_dir() else []
    return [f"{file} lies in the folder. To read a workbook, give its own path." for file in inside]
