"""The files of an edition of the final assessment: a page, tables, and the sums to check them by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.publication.assessment import AFTERS, WITHHELD, count_outcomes
from crosscheck.report.output.html import render
from crosscheck.report.output.tables import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from crosscheck.publication.assessment import After

SUMS: Final = "SHA256SUMS"
PAGE: Final = "assessment.html"

OUTCOMES: Final[dict[After, str]] = {
    "as_declared": "It was looked into, and stands as declared.",
    "explained": "It was asked about, and stands with the organisation's explanation.",
    "upheld": "A visit upheld it.",
    "qualified": "A visit, or what was looked into, found the standard not met.",
    "not_tested": "It was not looked into. It stands as declared, which does not say that the standard is met.",
}


@dataclass(frozen=True)
class Heading:
    """What an edition is: the standard, the year, and where it corrects another, which and why."""

    edition_id: str
    standard: str
    year: str
    corrects: str | None = None
    reason: str | None = None


def write_assessment(assessed: pl.DataFrame, not_assessed: pl.DataFrame, heading: Heading, folder: Path) -> None:
    """Write the final assessment as page, CSV and JSON, and the counts by type; the same rows give the same bytes.

    Args:
        assessed: as `assessment.assess`.
        not_assessed: who occurs in the collection and has no declaration here (`Evidence.not_assessed`).
        heading: what the edition is.
        folder: an empty folder.
    """
    counts = count_outcomes(assessed)
    # The first sentence says what is missing; what stood in the row is the regulator's to see.
    missing = not_assessed.select("org_code", reason=pl.col("reason").str.extract(r"^([^.]*\.)"))
    write_csv(assessed, folder / "assessment.csv")
    write_csv(counts, folder / "counts.csv")
    write_csv(missing, folder / "not_assessed.csv")
    content = {
        "edition": heading.edition_id,
        "standard": heading.standard,
        "year": heading.year,
        "corrects": heading.corrects,
        "reason": heading.reason,
        "outcomes": OUTCOMES,
        "counts": counts.to_dicts(),
        "declarations": assessed.to_dicts(),
        "not_assessed": missing.to_dicts(),
    }
    (folder / "assessment.json").write_text(as_json(content), encoding="utf-8")
    page = {
        "heading": heading,
        "outcomes": OUTCOMES,
        "counts": counts.to_dicts(),
        "withheld": WITHHELD,
        "declarations": assessed.to_dicts(),
        "not_assessed": missing.to_dicts(),
        "qualified": assessed.filter(pl.col("after") == "qualified").to_dicts(),
        "looked_into": assessed.filter(pl.col("after") != "not_tested").to_dicts(),
        "not_tested": group_not_tested(assessed.to_dicts()),
        "totals": {after: assessed.filter(pl.col("after") == after).height for after in AFTERS},
    }
    (folder / PAGE).write_text(render("assessment", PAGE, page), encoding="utf-8")


@dataclass(frozen=True)
class NotTested:
    """Declarations that nobody looked into, all for one reason and with one effect; by name."""

    why: str
    effect_says: str
    rows: tuple[Mapping[str, object], ...]


def group_not_tested(declarations: Iterable[Mapping[str, object]]) -> tuple[NotTested, ...]:
    """Group what was not tested by reason and effect, so that neither is said again in each of hundreds of rows.

    Args:
        declarations: rows of `assessment.assess`, in their order, which the rows of a group keep.
    """
    groups: dict[tuple[str, str], list[Mapping[str, object]]] = {}
    for row in declarations:
        if row["after"] == "not_tested":
            groups.setdefault((str(row["why"] or ""), str(row["effect_says"] or "")), []).append(row)
    return tuple(NotTested(why, effect, tuple(rows)) for (why, effect), rows in sorted(groups.items()))


def as_json(content: object) -> str:
    """JSON as all files of an edition have it."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def sum_up(files: Mapping[str, bytes]) -> bytes:
    """The sums of files as `sha256sum -c` reads them, in the order of their names."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))
    return "".join(lines).encode()


def find_unlike(files: Mapping[str, bytes]) -> list[str]:
    """What in the files of an edition is not as its sums say, each in words; none if all is well."""
    if SUMS not in files:
        return [f"{SUMS}: is not there"]
    lines = files[SUMS].decode(errors="replace").splitlines()
    stated = dict(line.split("  ", 1)[::-1] for line in lines if "  " in line)
    there = {path: hashlib.sha256(content).hexdigest() for path, content in files.items() if path != SUMS}
    return [
        f"{path}: {_say(stated.get(path), there.get(path))}"
        for path in sorted({*stated, *there})
        if stated.get(path) != there.get(path)
    ]


def read_files(folder: Path) -> dict[str, bytes]:
    """The content of every file of a folder, by path."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def _say(stated: str | None, there: str | None) -> str:
    if stated is None:
        return "does not belong to the edition"
    return "is not there" if there is None else "is not what was published"
