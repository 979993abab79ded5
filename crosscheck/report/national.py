"""The national picture: every table and figure of the review beside what the record-level answers give.

It is written for two readers. Within the regulator nothing is withheld. For publication small numbers are, and whatever
would give them back (`disclosure`); the page says so, and carries nothing of a single organisation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck import settings
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.differences import AGREEMENTS, AS_PUBLISHED, POINTS, judge
from crosscheck.report.figures import ABSENT, PARTS, recompute
from crosscheck.report.folder import refuse_foreign, written_whole
from crosscheck.report.page import render
from crosscheck.report.respondents import ORGANISATIONS, list_respondents
from crosscheck.report.review import read_review
from crosscheck.report.run_folder import MANIFEST, read_json, read_table
from crosscheck.report.suppression import POSSIBLE, SMALLEST
from crosscheck.rulebook.plain import in_words
from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.report.review import Review, Table

Figure = dict[str, Any]

FILES: Final = ("national.html", "national.json", "national.xlsx")
MARK: Final = "national.json"
WITHHELD: Final = "withheld"
_DECIMALS: Final = 6

_TARGET: Final = "target"
_COMPLIANCE: Final = "section 7, Table 12"
_STATISTICS: Final = {"range_min": "smallest", "range_max": "largest", "mean_percent": "mean"}
_KEPT: Final = (
    "figure_id", "use", "where", "question_id", "question", "counted", "statistic", "level", "trust_type", "period",
    "unit", "decimals", "qualifier", "published", "percent_not_applicable", "recomputed", "difference", "agreement", "reason", *PARTS,
    "base_rule", "published_base", "note", "withheld", "by_type",
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell of a table of the review: its figure, or what the review prints where there is none."""

    figure: Figure | None
    unprinted: str


@dataclass(frozen=True)
class Setting:
    """A table as the review sets it: the heads of each row, and its cells."""

    table: Table
    rows: tuple[tuple[tuple[str, ...], tuple[Cell, ...]], ...]

    @property
    def figures(self) -> list[Figure]:
        """Its figures, row by row."""
        return [cell.figure for _, cells in self.rows for cell in cells if cell.figure]


@dataclass(frozen=True)
class Picture:
    """The national picture of one run.

    `figures` are all in the review's order, each a mapping by the names of the JSON; `tables` hold the same figures as
    the review sets them, `sections` those that stand in its text, by place. `organisations` says who was contacted and
    who made a return, by type.
    """

    standard: str
    year: str
    publish: bool
    figures: tuple[Figure, ...]
    tables: tuple[Setting, ...]
    organisations: tuple[dict[str, Any], ...]

    @property
    def targets(self) -> list[Figure]:
        """The figures that the review prints on the questionnaire."""
        return [figure for figure in self.figures if figure["use"] == _TARGET]

    @property
    def sections(self) -> dict[str, list[Figure]]:
        """The figures of the text, by where they stand."""
        placed = {figure["figure_id"] for setting in self.tables for figure in setting.figures}
        sections: dict[str, list[Figure]] = {}
        for figure in self.figures:
            if figure["figure_id"] not in placed:
                sections.setdefault(figure["where"], []).append(figure)
        return sections

    @property
    def trend(self) -> list[Figure]:
        """Declared compliance by year, as Table 12 has it."""
        return [figure for figure in self.figures if figure["where"] == _COMPLIANCE]

    @property
    def differing(self) -> list[Figure]:
        """Figures that differ by more than rounding, the largest difference first."""
        apart = [figure for figure in self.figures if figure["agreement"] in ("within", "beyond", "none")]
        return sorted(apart, key=lambda figure: (-abs(figure["difference"] or 0), figure["figure_id"]))

    @property
    def coarse(self) -> list[Figure]:
        """Figures that no whole number of their base prints as published, and that are as near as one can come."""
        return [figure for figure in self.figures if figure["agreement"] == "nearest"]

    def summary(self) -> dict[str, int]:
        """How many target figures there are, were recomputed and shown, and how far they agree."""
        shown = [figure for figure in self.targets if figure["agreement"]]
        degrees = {name: sum(figure["agreement"] == name for figure in shown) for name in AGREEMENTS}
        near = sum(_is_near(figure) for figure in shown)
        return {"targets": len(self.targets), "shown": len(shown), **degrees, "within_2_points": near}


def _is_near(figure: Figure) -> bool:
    """Prints as published, or is no more than two points away (two per cent, where it is no percentage)."""
    if figure["agreement"] == "nearest":
        return abs(figure["difference"]) <= POINTS
    return figure["agreement"] in ("agrees", "within")


def draw_picture(run: Path, *, publish: bool = False) -> Picture:
    """Recompute everything that was published, from what a run had read.

    Args:
        run: the run's folder.
        publish: withhold small numbers and what would give them back.

    Raises:
        RunError: there is no such run.
        ModelError: what was published on its standard is missing.
    """
    options = read_json(run, MANIFEST)["options"]
    standard, year = options["standard"], options["year"]
    review = read_review(settings.published_figures_file(standard), settings.review_tables_file(standard))
    questionnaire = read_questionnaire(settings.questionnaire_file(standard))
    tables = {name: read_table(run, f"collection/{name}") for name in ("organisations", "answers", "declarations")}
    respondents = list_respondents(tables, questionnaire, standard)
    judged = judge(recompute(review, respondents, year))
    if publish:
        from crosscheck.report.disclosure import withhold, withhold_returns

        judged = withhold(judged, respondents, review)
        organisations = withhold_returns(_returns(respondents))
    else:
        judged = judged.with_columns(withheld=pl.lit([], dtype=pl.List(pl.String)))
        organisations = _returns(respondents).with_columns(withheld=pl.lit(value=False))
    figures = _rows(judged, questionnaire)
    return Picture(standard, year, publish, figures, _set(review, figures), tuple(organisations.to_dicts()))


def _returns(respondents: pl.DataFrame) -> pl.DataFrame:
    """How many organisations of each type were contacted, and made a return that says anything at all."""
    contacted = respondents.filter(pl.col("question") == ORGANISATIONS)
    counts = contacted.group_by("kind").agg(contacted=pl.len(), responded=(pl.col("state") == "answered").sum())
    known = pl.DataFrame({"kind": ORG_TYPES}).join(counts, on="kind", maintain_order="left")
    whole = known.select(pl.lit("all").alias("kind"), pl.col("contacted", "responded").sum())
    return pl.concat([known, whole]).with_columns(silent=pl.col("contacted") - pl.col("responded"))


def _rows(judged: pl.DataFrame, questionnaire: Questionnaire) -> tuple[Figure, ...]:
    texts = {one.question_id: one.text for one in questionnaire}
    told = (
        judged.with_columns(pl.selectors.float().round(_DECIMALS))
        .with_columns(
            question=pl.col("question_id").replace_strict(texts, default=""),
            counted=pl.lit(""),
            decimals=pl.col("decimals").cast(pl.Int64),
        )
        .select(_KEPT)
    )
    return tuple(_told(figure) for figure in told.iter_rows(named=True))


def _told(figure: Figure) -> Figure:
    by_type = [
        {"type": part.pop("kind"), **part, "recomputed": _rounded(part["recomputed"])} for part in figure["by_type"] or []
    ]
    return figure | {"counted": _counted(figure), "by_type": by_type}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _counted(figure: Figure) -> str:
    """What a figure counts, in words: the answers, or what is averaged."""
    if figure["statistic"].startswith("percent") or figure["statistic"] in ("count", "mode"):
        return " or ".join(in_words(level) for level in figure["level"].split("+") if level)
    statistic = _STATISTICS.get(figure["statistic"], figure["statistic"])
    return in_words(statistic) + (f", {in_words(figure['level'])}" if figure["level"] else "")


def _set(review: Review, figures: Iterable[Figure]) -> tuple[Setting, ...]:
    place = ("where", "question_id", "level", "trust_type", "period")
    found = {tuple(figure[part] for part in place): figure for figure in figures}
    return tuple(
        Setting(
            table,
            tuple(
                (
                    row.heads,
                    tuple(
                        Cell(found.get((table.where, *table.key(row, column))), column.unprinted)
                        for column in table.columns
                    ),
                )
                for row in table.rows
            ),
        )
        for table in review.tables
    )


def write_national(run: Path, folder: Path, *, publish: bool = False) -> Picture:
    """Write the national picture of a run as page, JSON and workbook (`FILES`) into a folder that is there.

    It needs the run's manifest and what it keeps in `collection/`, and no more: it can be called while a run is being
    written. The same run gives the same bytes.

    Raises:
        RunError, ModelError: as `draw_picture`.
    """
    from crosscheck.report.national_workbook import write_workbook

    picture = draw_picture(run, publish=publish)
    (folder / FILES[0]).write_text(render("national", "national.html", _context(picture)), encoding="utf-8")
    (folder / FILES[1]).write_text(_json_text(as_json(picture)), encoding="utf-8")
    write_workbook(picture, folder / FILES[2])
    return picture


def publish_folder(run: Path, folder: Path, *, publish: bool = False) -> Picture:
    """The same into a folder of its own, whole or not at all; what was written there before is replaced.

    Raises:
        RunError: the place holds something else, or can't be written; otherwise as `write_national`.
    """
    with written_whole(folder, MARK, "national picture") as whole:
        return write_national(run, whole, publish=publish)


def refuse_foreign_folder(folder: Path) -> None:
    """Stop before any work if the place holds something that is no national picture.

    Raises:
        RunError: it does.
    """
    refuse_foreign(folder, MARK, "national picture")


def as_json(picture: Picture) -> dict[str, Any]:
    """The whole picture; numbers in their own unit, absent ones null, and what is withheld named as such."""
    tables = [
        {
            "number": setting.table.number,
            "title": setting.table.title,
            "note": setting.table.note,
            "row_heads": setting.table.row_heads,
            "columns": [column.head for column in setting.table.columns],
            "rows": [
                {"heads": heads, "figures": [cell.figure["figure_id"] if cell.figure else None for cell in cells]}
                for heads, cells in setting.rows
            ],
        }
        for setting in picture.tables
    ]
    return {
        "standard": picture.standard,
        "year": picture.year,
        "for_publication": picture.publish,
        "how_to_read": how_to_read(picture.publish),
        "agreements": AGREEMENTS,
        "summary": picture.summary(),
        "organisations": picture.organisations,
        "trend": [figure["figure_id"] for figure in picture.trend],
        "differing": [figure["figure_id"] for figure in picture.differing],
        "tables": tables,
        "figures": picture.figures,
    }


def _json_text(told: dict[str, Any]) -> str:
    """As JSON with a line a figure: an eighth of a second quicker than indented through and through, and read more easily."""
    figures = ",\n".join(json.dumps(figure, ensure_ascii=False) for figure in told["figures"])
    rest = json.dumps(told | {"figures": []}, indent=1, ensure_ascii=False)
    return rest.removesuffix("[]\n}") + f"[\n{figures}\n]\n}}\n"


def how_to_read(publish: bool) -> dict[str, str]:  # noqa: FBT001  # one of two editions
    """What a reader must know of the numbers, by what it is on."""
    told = {
        "base": "The base of a percentage is those that answered, unless the review says otherwise. Those to whom the "
        "question does not apply, who did not know and who gave no answer are counted beside it, never in it in "
        "silence. Where the review prints a share of not applicable, of unclear answers or of no response, these are "
        "in the base. Where a figure has no base, it says so.",
        "not asked": "Organisations of the figure's types to which the question was not put: they lack the service, or "
        "are not among those that the review counts. They are in no base.",
        "Table 13": "The review prints counts in brackets as numbers of trusts. They are the declarations that reported "
        "compliance: in the review 506 of 539 in all.",
        "Table 12": "Until 2007/08 each organisation made one declaration; in 2008/09 primary care trusts made two. The "
        "last year is on another basis than those before.",
        "agreement": "A figure agrees if it prints as published. About, more than and the like are taken at their word.",
    }
    if publish:
        told["withheld"] = (
            f"Counts from 1 to {SMALLEST - 1} are withheld, and as many others as it takes that each of these could "
            f"still be one of at least {POSSIBLE} numbers. A figure is shown only with its base and its count. "
            "Smallest and largest values are those of one organisation and are withheld. Withheld is not nought."
        )
    return told


def _context(picture: Picture) -> dict[str, Any]:
    return {
        "picture": picture,
        "summary": picture.summary(),
        "reading": how_to_read(picture.publish),
        "agreements": AGREEMENTS,
        "as_published": AS_PUBLISHED,
        "absent": ABSENT,
        "published_words": published_words,
        "value_words": value_words,
        "difference_words": difference_words,
        "count_words": count_words,
        "by_type_words": by_type_words,
        "trend": _trend_points(picture.trend),
        "anchor": anchor,
    }


def anchor(where: str) -> str:
    """A place in the review as an address within the page."""
    return "".join(letter if letter.isalnum() else "-" for letter in where.casefold())


def published_words(figure: Figure) -> str:
    """A published figure as it is printed, with its loose words."""
    qualifier = "" if figure["qualifier"] == "exact" else in_words(figure["qualifier"]) + " "
    absent = figure["percent_not_applicable"]
    beside = "" if absent is None else f" ({_number(absent, 0, 'percent')} n/a)"
    return qualifier + _number(figure["published"], max(figure["decimals"], 0), figure["unit"]) + beside


def value_words(figure: Figure, value: float | None) -> str:
    """A recomputed figure with one decimal more than was printed; what is absent in words."""
    if value is None:
        return WITHHELD if "recomputed" in figure["withheld"] else "nobody answered"
    return _number(value, decimals_of(figure), figure["unit"])


def difference_words(figure: Figure) -> str:
    """Recomputed less published with its sign, in points or the figure's own unit; what is absent in words."""
    if figure["difference"] is None:
        return value_words(figure, None)
    rounded = round(figure["difference"], decimals_of(figure))
    return f"{rounded:+,.{decimals_of(figure)}f}".replace("-", "−") if rounded else "0"


def decimals_of(figure: Figure) -> int:
    """The decimals that a recomputed figure is shown with: one more than printed, none for what is counted."""
    whole = figure["statistic"] in ("count", "mode", "sum") or figure["unit"] == "GBP"
    return 0 if whole else max(figure["decimals"], 0) + 1


def count_words(figure: Figure, part: str) -> str:
    """A count of a figure, or why there is none."""
    if part in figure["withheld"]:
        return WITHHELD
    return "–" if figure[part] is None else f"{figure[part]:,}"


def by_type_words(figure: Figure) -> str:
    """A figure by type of organisation, where it is on more than one."""
    parts = [part for part in figure["by_type"] if part["base"] and part["recomputed"] is not None]
    if len(parts) < 2 or figure["trust_type"] in ORG_TYPES or figure["statistic"] == "mode":
        return ""
    words = [f"{in_words(part['type'])} {value_words(figure, part['recomputed'])} of {part['base']}" for part in parts]
    return "; ".join(words)


def _number(value: float, decimals: int, unit: str) -> str:
    number = f"{value:,.{decimals}f}".replace("-", "−")
    return {"percent": f"{number}%", "GBP": f"£{number}"}.get(unit, number)


def _trend_points(trend: Sequence[Figure]) -> list[dict[str, Any]]:
    """Where each year stands in the picture of the trend: 90% at the bottom, 100% on top."""
    points = []
    for place, figure in enumerate(trend):
        told = {"figure": figure, "x": 90 + 150 * place, "published": _height(figure["published"])}
        points.append(told | {"recomputed": None if figure["recomputed"] is None else _height(figure["recomputed"])})
    return points


def _height(percentage: float) -> float:
    return round(180 - 16 * (min(max(percentage, 90), 100) - 90), 1)


def tell_picture(picture: Picture) -> str:
    """The picture in a few lines, for a terminal."""
    told = picture.summary()
    withheld = f"; {told['targets'] - told['shown']} are withheld" if picture.publish else ""
    lines = [
        f"{told['shown']} of {told['targets']} published figures {'shown' if picture.publish else 'recomputed'}{withheld}",
        f"  {told['agrees']} print as published, {told['nearest']} are as near as their base allows",
        f"  {told['within'] + told['beyond']} differ by more than rounding; {told['within_2_points']} are within 2 points",
    ]
    if told["none"]:
        lines.append(f"  {told['none']} can't be recomputed: nobody answered")
    return "\n".join(lines)
