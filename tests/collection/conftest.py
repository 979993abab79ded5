"""A collection of three organisations, small enough to be written out, for tests to spoil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from crosscheck.collection.read import Collection, read_collection

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire

TABLES = {
    "organisations": "org_code,name,org_type,region\nR01,Arden,acute,North\nR02,Bray,pct,North\n5E0,Corfe,pct,South\n",
    "declarations": (
        "org_code,year,function,category,standard,status,lapse_from,lapse_to\nR01,2008/09,whole,acute,C2,compliant,,\n"
    ),
    "answers": "org_code,question_id,item,answer\nR01,training.strategy,,yes\n",
}
HEADINGS = {
    "answers": "org_code,question_id,item,answer",
    "organisations": "org_code,name,org_type,region,services,care_trust,easting,staff_wte",
    "declarations": "org_code,year,function,category,standard,status,lapse_from,lapse_to,statement",
    "indicators": "org_code,source,indicator,period,numerator,denominator,value,direction,kind",
    "comments": "org_code,author,year,standard,polarity,reliability,text",
    "relationships": "from_code,relation,to_code,reference,since,until",
    "bodies": "body_code,kind,name,region",
    "visits": "org_code,function,year,selected_by,inclusion_probability,visited_on,finding",
    "visit_items": "org_code,function,year,question_id,item,seen,standard",
}


@dataclass
class Small:
    """A folder with a small collection."""

    folder: Path
    questionnaire: Questionnaire

    def write(self, table: str, content: str | bytes) -> Small:
        """Write a whole file."""
        raw = content if isinstance(content, bytes) else content.encode()
        (self.folder / f"{table}.csv").write_bytes(raw)
        return self

    def rows(self, table: str, *rows: str) -> Small:
        """Write a table's usual headings and these rows, the first of them row 2."""
        return self.write(table, "\n".join((HEADINGS[table], *rows)) + "\n")

    def read(self) -> Collection:
        """Read the folder."""
        return read_collection(self.folder, self.questionnaire)

    def answer(self, answer: str, question: str = "training.strategy", item: str = "") -> Collection:
        """Read a collection with this one answer."""
        return self.rows("answers", f'R01,{question},{item},"{answer}"').read()


@pytest.fixture
def small(tmp_path: Path, questionnaire: Questionnaire) -> Small:
    folder = tmp_path / "collection"
    folder.mkdir()
    written = Small(folder, questionnaire)
    for table, content in TABLES.items():
        written.write(table, content)
    return written


@pytest.fixture
def cells() -> dict[str, list[list[str]]]:
    """The cells of the small collection, headings first, by table."""
    return {table: [line.split(",") for line in content.splitlines()] for table, content in TABLES.items()}


def problems_of(collection: Collection, **where: Any) -> list[dict[str, Any]]:
    """The problems with these values."""
    found = collection.problems.to_dicts()
    return [problem for problem in found if all(problem[name] == value for name, value in where.items())]


@pytest.fixture
def problems() -> Any:
    return problems_of
