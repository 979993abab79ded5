"""Each reader of the intake as a function of bytes, for fuzzing and to replay what fuzzing found.

Whatever the bytes are, a reader ends with a reading or with an error of the collection; anything else is a fault.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from crosscheck.batch.plan import read_batch
from crosscheck.cases.cases import catalogue
from crosscheck.collection.answers import read_answers
from crosscheck.collection.cells import read_cells, tidy_texts
from crosscheck.collection.child import inflate, read_parquet, read_workbook
from crosscheck.collection.files import open_table
from crosscheck.collection.import_map import read_import_map
from crosscheck.collection.import_proposal import propose_map
from crosscheck.collection.import_rows import import_export
from crosscheck.collection.outcome_form import Expected, read_outcomes
from crosscheck.collection.replies import read_replies
from crosscheck.collection.workbook import lay_out_sheet
from crosscheck.contract.inputs import INPUTS
from crosscheck.errors import CollectionError, CrosscheckError
from crosscheck.model_file import read_model_file
from crosscheck.questionnaire import read_questionnaire
from crosscheck.risk.model import RiskModel
from crosscheck.rulebook.load import load_rulebook
from crosscheck.visits.design import load_design
from crosscheck.visits.plan_file import read_team_plan

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = Path(__file__).resolve().parent / "corpus"
PART = b"\n\x00part\x00\n"  # what parts the sheet of a workbook from its styles, its texts and its list of sheets

_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_BOOK = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="answers" r:id="s"/></sheets></workbook>'
_TABLES = ("answers", "declarations", "comments", "organisations", "indicators")
_QUESTIONS = read_questionnaire(ROOT / "data" / "c2" / "questionnaire.csv")
_NAMES = catalogue(_QUESTIONS, ())
_RUN = "0123456789abcdef"
_ITEMS = pl.DataFrame(
    [
        ("R01/C2-TRN-01/whole", "training.level1_pct", "training.level1_pct", 0, "54"),
        ("R01/C2-CR-60/whole", "review1.case_reviews.sha_notified", "case_reviews.sha_notified", 1, "no"),
        ("R01/C2-DEC-12/whole", None, None, None, None),
    ],
    schema={"item": str, "question": str, "question_id": str, "review": pl.UInt8, "your_answer": str},
    orient="row",
).with_columns(org_code=pl.lit("R01"), check_id=pl.col("item").str.split("/").list.get(1), functions=pl.lit("whole"))
_EXPECTED = Expected(
    _RUN,
    "C2",
    pl.DataFrame({"org_code": ["R01", "R02"], "function": ["whole", "provider"]}),
    dt.date(2008, 4, 1),
    dt.date(2010, 3, 31),
)


def read_text_file(raw: bytes) -> None:
    """A text file as the table of which it names most columns: bytes, rows, cells."""
    named = {table: sum(column.name.encode() in raw for column in INPUTS[table].columns) for table in _TABLES}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(raw)
        _read_table(path, max(_TABLES, key=named.__getitem__))


def _read_table(path: Path, table: str) -> None:
    try:
        sheet, _ = open_table(path, INPUTS[table])
        if table == "answers":
            texts = tidy_texts(sheet)
            read_answers(texts, _QUESTIONS)
        else:
            read_cells(tidy_texts(sheet), INPUTS[table].columns)
    except CollectionError:
        return
    assert sheet.rows_read == sheet.used().height + sheet.set_aside()


def pack_xlsx(raw: bytes) -> bytes:
    """A workbook of the parts that the bytes hold."""
    sheet, styles, strings, book = (*raw.split(PART), b"", b"", b"", b"")[:4]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("_rels/.rels", _relations(("b", "officeDocument", "xl/workbook.xml")))
        kinds = ("s", "worksheet", "sheet.xml"), ("y", "styles", "styles.xml"), ("t", "sharedStrings", "strings.xml")
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(*kinds))
        archive.writestr("xl/workbook.xml", book or _BOOK)
        archive.writestr("xl/sheet.xml", sheet)
        archive.writestr("xl/styles.xml", styles or f'<styleSheet xmlns="{_MAIN}"/>')
        archive.writestr("xl/strings.xml", strings or f'<sst xmlns="{_MAIN}"/>')
    return packed.getvalue()


def _relations(*of: tuple[str, str, str]) -> str:
    links = (f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for name, kind, target in of)
    return f'<Relationships xmlns="{_RELATIONS}">{"".join(links)}</Relationships>'


def read_xlsx_parts(raw: bytes) -> None:
    """An XLSX workbook of which the parts are given."""
    _read_sheets(pack_xlsx(raw))


def read_ods_content(raw: bytes) -> None:
    """An ODS workbook of which the content is given."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("content.xml", raw)
    _read_sheets(packed.getvalue())


def read_archive(raw: bytes) -> None:
    """A workbook as it is."""
    _read_sheets(raw)


def _read_sheets(raw: bytes) -> None:
    try:
        sheets: list[dict[str, Any]] = json.loads(read_workbook(raw))
    except Exception:  # noqa: BLE001  # the child process makes one sentence of whatever a damaged archive raises
        return
    for sheet in sheets:
        try:
            grid = lay_out_sheet(sheet, "sheet", INPUTS["answers"])
        except CollectionError:
            continue
        assert grid.rows_read == grid.cells.height + grid.lost


def read_columns(raw: bytes) -> None:
    """A Parquet file."""
    try:
        read_parquet(raw)
    except BaseException as error:  # a panic is no Exception; the child process ends with a sentence
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise


def read_gzip(raw: bytes) -> None:
    """A gzip file."""
    try:
        inflate(raw)
    except Exception:  # noqa: BLE001  # as above
        return


def read_settings(raw: bytes) -> None:
    """A TOML file as each kind that people write: map, design and plan of visits, batch, rule, model."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c2" / "audit" / "C2-AUD-01.toml"
        file.parent.mkdir(parents=True)
        file.write_bytes(raw)
        for read in _OF_TOML:
            with contextlib.suppress(CrosscheckError):
                read(file)


_OF_TOML: tuple[Callable[[Path], object], ...] = (
    read_import_map,
    load_design,
    lambda file: read_team_plan(file, ("North", "South")),
    lambda file: read_batch(file, ("--year", "--out", "--capacity", "--seed")),
    lambda file: load_rulebook(file.parent.parent, _NAMES),
    lambda file: read_model_file(file, RiskModel),
)


def read_import(raw: bytes) -> None:
    """A map and, after `PART`, the export that it is for; and what would be proposed for that export."""
    stated, export = (*raw.split(PART), b"")[:2]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "map.toml").write_bytes(stated)
        (folder / "export.csv").write_bytes(export)
        with contextlib.suppress(CrosscheckError):
            made = import_export(folder / "export.csv", read_import_map(folder / "map.toml"), folder)
            assert made.read >= made.unread
        with contextlib.suppress(CrosscheckError):
            propose_map(folder / "export.csv", "organisations")


def read_reply(raw: bytes) -> None:
    """A reply form in CSV."""
    _read_form(raw, lambda file: read_replies([file], _ITEMS, _RUN, _QUESTIONS))


def read_outcome(raw: bytes) -> None:
    """An outcome form in CSV."""
    _read_form(raw, lambda file: read_outcomes([file], _EXPECTED, _QUESTIONS))


def _read_form(raw: bytes, read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "form.csv"
        file.write_bytes(raw)
        with contextlib.suppress(CrosscheckError):
            read(file)


READERS: dict[str, Callable[[bytes], None]] = {
    "text": read_text_file,
    "xlsx": read_xlsx_parts,
    "ods": read_ods_content,
    "archive": read_archive,
    "parquet": read_columns,
    "gzip": read_gzip,
    "toml": read_settings,
    "import": read_import,
    "reply": read_reply,
    "outcome": read_outcome,
}


def seeds(reader: str) -> list[Path]:
    """The corpus of a reader."""
    return sorted((CORPUS / reader).iterdir())
