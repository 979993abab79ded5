"""The picture: what was published set beside what the record-level answers give, and how both are worded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from crosscheck import settings
from crosscheck.questionnaire import read_questionnaire
from crosscheck.report.national.differences import AGREEMENTS, POINTS, classify_agreement
from crosscheck.report.national.disclosure import withhold, withhold_returns
from crosscheck.report.national.figures import PARTS, recompute
from crosscheck.report.national.respondents import ORGANISATIONS, list_respondents
from crosscheck.report.national.review import EVERY_TYPE, read_review
from crosscheck.report.national.suppression import POSSIBLE, SMALLEST
from crosscheck.rulebook.to_english import in_words
from crosscheck.runs.run_folder import read_manifest, read_table
from crosscheck.vocabulary import ORG_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire
    from crosscheck.report.national.review import Review, Table

Figure = dict[str, Any]

WITHHELD: Final = "withheld"
_DECIMALS: Final = 6
_TARGET: Final = "target"
_COMPLIANCE: Final = "section 7, Table 12"
_STATISTICS: Final = {"range_min": "smallest", "range_max": "largest", "mean_percent": "mean"}
_KEPT: Final = (
    "figure_id", "use", "where", "question_id", "question", "counted", "statistic", "level", "trust_type", "period",
    "unit", "decimals", "qualifier", "published", "percent_not_applicable", "recomputed", "difference", "agreement",
    "reason", *PARTS, "base_rule", "remark", "published_base", "note", "withheld", "by_type",
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
class NationalReport:
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
        """Figures that differ by more than rounding, the largest difference first.

        A figure whose base is so small that the nearest it can come is more than two points away is one of them.
        """
        apart = [
            figure
            for figure in self.figures
            if figure["agreement"] in ("within", "beyond", "none") or (figure["agreement"] and not _is_near(figure))
        ]
        return sorted(apart, key=lambda figure: (-abs(figure["difference"] or 0), figure["figure_id"]))

    @property
    def coarse(self) -> list[Figure]:
        """Figures that no whole number of their base prints as published, and that come within two points of it."""
        return [figure for figure in self.figures if figure["agreement"] == "nearest" and _is_near(figure)]

    def summary(self) -> dict[str, int]:
        """How many target figures there are, were recomputed and shown, and how far they agree."""
        printed = [figure for figure in self.targets if figure["agreement"]]
        degrees: dict[str, int] = {name: sum(figure["agreement"] == name for figure in printed) for name in AGREEMENTS}
        near = sum(_is_near(figure) for figure in printed)
        return {"targets": len(self.targets), "shown": len(printed), **degrees, "within_2_points": near}


def _is_near(figure: Figure) -> bool:
    """Prints as published, or is no more than two points away (two per cent, where it is no percentage)."""
    if figure["agreement"] == "nearest":
        return bool(abs(figure["difference"]) <= POINTS)
    return figure["agreement"] in ("agrees", "within")


def build_national_report(run: Path, *, publish: bool = False) -> NationalReport:
    """Recompute everything that was published, from what a run had read.

    Args:
        run: the run's folder.
        publish: withhold small numbers and what would give them back.

    Raises:
        RunError: there is no such run.
        ModelError: what was published on its standard is missing.
    """
    options = read_manifest(run).options
    standard, year = options.standard, options.year
    review = read_review(settings.published_figures_file(standard), settings.review_tables_file(standard))
    questionnaire = read_questionnaire(settings.questionnaire_file(standard))
    tables = {name: read_table(run, f"collection/{name}") for name in ("organisations", "answers", "declarations")}
    respondents = list_respondents(tables, questionnaire, standard)
    judged = classify_agreement(recompute(review, respondents, year))
    if publish:
        judged = withhold(judged, respondents, review)
        organisations = withhold_returns(_returns(respondents))
    else:
        # Both editions have the same columns, so that no page has to ask which of them it shows.
        judged = judged.with_columns(withheld=pl.lit([], dtype=pl.List(pl.String)))
        organisations = _returns(respondents).with_columns(withheld=pl.lit(value=False))
    figures = _rows(judged, questionnaire)
    return NationalReport(standard, year, publish, figures, _set(review, figures), tuple(organisations.to_dicts()))


def _returns(respondents: pl.DataFrame) -> pl.DataFrame:
    """How many organisations of each type were contacted, and made a return that says anything at all."""
    contacted = respondents.filter(pl.col("question") == ORGANISATIONS)
    counts = contacted.group_by("kind").agg(contacted=pl.len(), responded=(pl.col("state") == "answered").sum())
    by_kind = pl.DataFrame({"kind": ORG_TYPES}).join(counts, on="kind", maintain_order="left")
    whole = by_kind.select(pl.lit(EVERY_TYPE).alias("kind"), pl.col("contacted", "responded").sum())
    return pl.concat([by_kind, whole]).with_columns(silent=pl.col("contacted") - pl.col("responded"))


def _rows(judged: pl.DataFrame, questionnaire: Questionnaire) -> tuple[Figure, ...]:
    texts = {question.question_id: question.text for question in questionnaire}
    figures = (
        judged.with_columns(pl.selectors.float().round(_DECIMALS))
        .with_columns(
            question=pl.col("question_id").replace_strict(texts, default=""),
            counted=pl.lit(""),
            decimals=pl.col("decimals").cast(pl.Int64),
        )
        .select(_KEPT)
    )
    return tuple(_with_words(figure) for figure in figures.iter_rows(named=True))


def _with_words(figure: Figure) -> Figure:
    by_type = [
        {"type": part.pop("kind"), **part, "recomputed": _rounded(part["recomputed"])}
        for part in figure["by_type"] or []
    ]
    return figure | {"counted": _counted(figure), "by_type": by_type}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _counted(figure: Figure) -> str:
    """What a figure counts, in words: the answers, or what is averaged."""
    if figure["statistic"].startswith("percent") or figure["statistic"] in ("count", "mode"):
        return " or ".join(in_words(level) for level in figure["level"].split("+") if level)
    statistic = _STATISTICS.get(figure["statistic"]) or str(figure["statistic"])
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


def how_to_read(publish: bool) -> dict[str, str]:  # one of two editions
    """What a reader must know of the numbers, by what it is on."""
    notes = {
        "base": "The base of a percentage is those that answered, unless the review says otherwise. Those to whom the "
        "question does not apply, who did not know and who gave no answer are counted beside it, never in it in "
        "silence. Where the review prints a share of not applicable, of unclear answers or of no response, these are "
        "in the base. Where a figure has no base, it says so.",
        "not asked": "Organisations of the figure's types to which the question was not put: they lack the service, "
        "or are not among those that the review counts. They are in no base.",
        "Table 13": "The review prints counts in brackets as numbers of trusts. They are the declarations that "
        "reported compliance: in the review 506 of 539 in all.",
        "Table 12": "Until 2007/08 each organisation made one declaration; in 2008/09 primary care trusts made two. "
        "The last year is on another basis than those before.",
        "agreement": "A figure agrees if it prints as published. About, more than and such are taken at their word.",
    }
    if publish:
        notes["withheld"] = (
            f"Counts from 1 to {SMALLEST - 1} are withheld, and as many others as it takes that each of these could "
            f"still be one of at least {POSSIBLE} numbers. A figure is shown only with its base and its count. "
            "Smallest and largest values are those of one organisation and are withheld. Withheld is not nought."
        )
    return notes


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
