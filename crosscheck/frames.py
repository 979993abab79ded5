"""The promised shape of every table that goes in or out: columns, meanings, units, what is allowed.

The reader checks what comes in against `INPUTS`, the writer what goes out against `OUTPUTS`, and the data dictionary is
printed from both. Names and order are fixed by the contract; other tools rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from crosscheck.vocabulary import ARMS, BANDS, COMMENTATORS, FUNCTIONS, ORG_TYPES, SEVERITIES, STATUSES, VERDICTS

Kind = Literal["text", "code", "choice", "number", "date", "year", "flag", "list"]

_DTYPES: Final[dict[Kind, pl.DataType]] = {
    "text": pl.String(),
    "code": pl.String(),
    "choice": pl.String(),
    "number": pl.Float64(),
    "date": pl.Date(),
    "year": pl.String(),
    "flag": pl.Boolean(),
    "list": pl.List(pl.String()),
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    `kind` says how a cell is read: `text` as it stands, `code` trimmed and in capitals, `choice` one of
    `allowed`, `number` a float between `low` and `high`, `date` ISO, `year` as `2008/09`, `flag` yes or no,
    `list` items between `|`. A column that is not `required` may be missing. A cell may be empty where
    `may_be_empty`; an empty cell is null, never zero or no.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = True
    may_be_empty: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of the column once it is read."""
        return _DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: what a row is, its columns, and the columns that tell one row from another (`key`)."""

    name: str
    row_is: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    required: bool = False

    @property
    def schema(self) -> pl.Schema:
        """Column names and polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """The table without a row: what a collection that lacks it holds."""
        return pl.DataFrame(schema=self.schema)


def _optional(name: str, kind: Kind, meaning: str, **rest: float | tuple[str, ...] | None) -> Column:
    return Column(name, kind, meaning, required=False, may_be_empty=True, **rest)  # type: ignore[arg-type]  # typed by Column


_ORG = Column("org_code", "code", "the organisation's code")
_FUNCTION = Column(
    "function", "choice", "`whole`, or one of the two functions of a primary care trust", allowed=FUNCTIONS
)
_YEAR = Column("year", "year", "assessment year, as 2008/09")
_STANDARD = Column("standard", "code", "the core standard declared on")

CATEGORIES: Final = (
    "acute", "ambulance", "community_trust", "mental_health", "other", "pct_and_mental_health_provider",
    "pct_commissioner", "pct_provider", "care_trust_commissioner", "care_trust_provider",
)  # fmt: skip
DIRECTIONS: Final = ("higher_better", "lower_better", "none")
INDICATOR_KINDS: Final = ("proportion", "ratio", "number")

INPUTS: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "organisations",
            "one organisation in scope",
            (
                _ORG,
                Column("name", "text", "the organisation's name"),
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column("region", "text", "strategic health authority region"),
                _optional("services", "list", "services provided, separated by |"),
                _optional("care_trust", "flag", "a care trust"),
                _optional("easting", "number", "metres, national grid", low=0, high=700_000),
                _optional("northing", "number", "metres, national grid", low=0, high=1_300_000),
                _optional("staff_wte", "number", "staff, whole-time equivalent", low=0),
                _optional("population_0_4", "number", "resident children aged 0-4", low=0),
                _optional("caseload_population", "number", "people served", low=0),
            ),
            key=("org_code",),
            required=True,
        ),
        Table(
            "declarations",
            "one declaration of one function of one organisation in one year",
            (
                _ORG,
                _YEAR,
                _FUNCTION,
                Column("category", "choice", "category of Table 13", allowed=CATEGORIES),
                _STANDARD,
                Column("status", "choice", "what was declared", allowed=STATUSES),
                _optional("lapse_from", "date", "first day of the period not met"),
                _optional("lapse_to", "date", "last day of the period not met"),
                _optional("statement", "text", "free text with the declaration"),
            ),
            key=("org_code", "year", "function", "standard"),
            required=True,
        ),
        Table(
            "answers",
            "one answer to one question of the review",
            (
                _ORG,
                Column("question_id", "text", "the question's name in the questionnaire"),
                _optional("item", "text", "which repeated item; empty where the question is asked once"),
                Column("answer", "text", "the answer as returned", may_be_empty=True),
            ),
            key=("org_code", "question_id", "item"),
            required=True,
        ),
        Table(
            "indicators",
            "one figure about one organisation from another source",
            (
                _ORG,
                Column("source", "text", "where the figure comes from"),
                Column("indicator", "text", "name of the figure within its source"),
                Column("period", "text", "year or day that the figure is about"),
                _optional("numerator", "number", "cases", low=0),
                _optional("denominator", "number", "out of how many", low=0),
                _optional("value", "number", "the figure as published"),
                Column("direction", "choice", "whether more is better", allowed=DIRECTIONS),
                _optional("kind", "choice", "what sort of figure it is", allowed=INDICATOR_KINDS),
            ),
            key=("org_code", "source", "indicator", "period"),
        ),
        Table(
            "comments",
            "one remark of a third party on a declaration",
            (
                _ORG,
                Column("author", "choice", "who commented", allowed=COMMENTATORS),
                _YEAR,
                _STANDARD,
                Column("polarity", "number", "from -3 (critical) to +3 (praising)", low=-3, high=3),
                Column("reliability", "number", "how far the remark can be relied on, 0 to 1", low=0, high=1),
                Column("text", "text", "the remark", may_be_empty=True),
            ),
            key=(),
        ),
        Table(
            "relationships",
            "one tie between two bodies",
            (
                Column("from_code", "code", "the body that commissions, sits, succeeds or took part"),
                Column(
                    "relation",
                    "choice",
                    "what ties them",
                    allowed=("commissions", "sits_on", "succeeds", "shared_review"),
                ),
                Column("to_code", "code", "the other body"),
                _optional("reference", "text", "case number of a shared review"),
                _optional("since", "date", "first day of the tie"),
                _optional("until", "date", "last day of the tie"),
            ),
            key=("from_code", "relation", "to_code", "reference", "since"),
        ),
        Table(
            "bodies",
            "one body that is no organisation in scope",
            (
                Column("body_code", "code", "the body's code"),
                Column("kind", "choice", "what it is", allowed=("lscb", "sha")),
                Column("name", "text", "its name"),
                _optional("region", "text", "strategic health authority region"),
            ),
            key=("body_code",),
        ),
        Table(
            "visits",
            "one past visit and what it found",
            (
                _ORG,
                _FUNCTION,
                _YEAR,
                Column("selected_by", "choice", "why it was chosen", allowed=("risk", "random", "mandatory")),
                _optional("inclusion_probability", "number", "chance of being drawn", low=0, high=1),
                Column("visited_on", "date", "day of the visit"),
                Column("finding", "choice", "what it found", allowed=("upheld", "qualified")),
            ),
            key=("org_code", "function", "year", "visited_on"),
        ),
    )
}

_CHECK = Column("check_id", "text", "the rule")

OUTPUTS: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "visit_list",
            "one declaration of the year, worst first, none left out",
            (
                Column("rank", "number", "1 is the declaration that a visit would most likely find otherwise"),
                _ORG,
                Column("name", "text", "the organisation's name"),
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column("region", "text", "region"),
                _FUNCTION,
                Column("declared", "choice", "what was declared", allowed=STATUSES),
                Column(
                    "risk", "number", "probability, 0-1, that a visit would find the standard not met", low=0, high=1
                ),
                Column("risk_low", "number", "lower end of the risk's 90% interval", low=0, high=1),
                Column("risk_high", "number", "upper end of the risk's 90% interval", low=0, high=1),
                Column("rank_low", "number", "lower end of the rank's 90% interval"),
                Column("rank_high", "number", "upper end of the rank's 90% interval"),
                _optional("selected_by", "choice", "arm of the plan that chose it; empty where none did", allowed=ARMS),
                _optional("inclusion_probability", "number", "chance in the random draw", low=0, high=1),
                Column("flags", "number", "checks whose evidence differs from what we would expect"),
                Column("unknowns", "number", "checks that the want of an answer left open"),
                Column("reason", "text", "the weightiest evidence in one plain sentence"),
            ),
            key=("org_code", "function"),
        ),
        Table(
            "findings",
            "one check on one declaration",
            (
                _CHECK,
                _ORG,
                _FUNCTION,
                Column("verdict", "choice", "what the check says", allowed=VERDICTS),
                Column("severity", "choice", "how grave it would be", allowed=SEVERITIES),
                Column("weight", "number", "log-odds added to the risk, in decibans; positive is worse"),
                Column("evidence", "text", "the answers and figures it rests on"),
                Column("expected", "text", "what the basis asks for"),
                Column("basis", "text", "the law or guidance"),
            ),
            key=("check_id", "org_code", "function"),
        ),
        Table(
            "scores",
            "one indicator of one organisation",
            (
                Column("indicator", "text", "the figure's name"),
                _ORG,
                Column("value", "number", "the figure, in its own unit"),
                _optional("expected", "number", "what its peers lead to, in the same unit"),
                _optional("z", "number", "distance from expected, dispersion-adjusted; positive is worse"),
                _optional("z_unadjusted", "number", "the same before adjustment"),
                _optional("phi", "number", "over-dispersion factor of the group"),
                _optional("tau2", "number", "variance between organisations, on the transformed scale"),
                _optional("n", "number", "denominator"),
                Column("peer_group", "text", "whom it was compared with"),
                Column(
                    "band",
                    "choice",
                    "how far from expected, in words",
                    allowed=(*BANDS, "no_direction", "too_few_peers"),
                ),
            ),
            key=("indicator", "org_code"),
        ),
        Table(
            "problems",
            "one thing wrong with the input",
            (
                Column("table", "text", "the table"),
                Column("file", "text", "the file, or the sheet of a workbook"),
                _optional("row", "number", "row as a person counts it, heading = 1; empty for a whole file"),
                _optional("column", "text", "the column; empty for a whole row"),
                _optional("value", "text", "what stood there, as read"),
                Column("problem", "text", "what is wrong"),
                Column("remedy", "text", "what would mend it"),
                Column("effect", "choice", "what was done", allowed=("row set aside", "cell set aside", "converted")),
            ),
            key=("table", "file", "row", "column"),
        ),
    )
}

# What an organisation may say to an item that the regulator intends to rely on.
REPLIES: Final = ("agree", "correct", "explain", "no_reply")

_FORM: Final = (
    Column("item", "text", "what is relied on: organisation, check and function"),
    _optional("check_id", "text", "the rule"),
    _optional("functions", "text", "the declarations that it speaks of"),
    _optional("what_we_intend_to_rely_on", "text", "the finding in words"),
    _optional("expected", "text", "what the basis asks for"),
    _optional("question", "text", "the question that it rests on; empty where an answer can't correct it"),
    _optional("asked", "text", "the question's words"),
    _optional("your_answer", "text", "the answer as the regulator has it"),
    _optional("allowed_answers", "text", "what can be answered"),
    Column("reply", "choice", "the reply", may_be_empty=True, allowed=REPLIES),
    _optional("corrected_answer", "text", "the answer as it should have been"),
    _optional("evidence", "text", "what is enclosed to show it"),
    _optional("remark", "text", "whatever else should be known"),
    _optional("signed_by", "text", "who replies for the organisation"),
    _optional("date", "date", "day of the reply"),
    Column("run", "text", "the run that the form belongs to"),
)
# The form that goes to an organisation and comes back, and what was read of several, on which decisions are written.
REPLY_FORM: Final = Table(
    "reply_form", "one item that the regulator intends to rely on, and one question that it rests on", _FORM,
    key=("item", "question"),
)  # fmt: skip
REPLY: Final = Table(
    "replies",
    "one reply to one item and question",
    (
        Column("item", "text", "what is replied to"),
        _optional("org_code", "code", "the organisation's code"),
        _optional("check_id", "text", "the rule"),
        _optional("functions", "text", "the declarations that it speaks of"),
        _optional("question", "text", "the question; empty where no answer can correct the item"),
        _optional("your_answer", "text", "the answer as the regulator has it"),
        Column("reply", "choice", "the reply as understood", may_be_empty=True, allowed=REPLIES),
        _optional("corrected_answer", "text", "the corrected answer as understood"),
        _optional("reply_as_given", "text", "the reply as it stood in the form"),
        _optional("corrected_answer_as_given", "text", "the corrected answer as it stood in the form"),
        _optional("evidence", "text", "what is enclosed"),
        _optional("remark", "text", "whatever else should be known"),
        _optional("signed_by", "text", "who replied"),
        _optional("date", "date", "day of the reply"),
        _optional("accepted", "flag", "whether the regulator accepts it; empty while nobody has decided"),
        _optional("decided_by", "text", "who decided"),
        _optional("decided_on", "date", "day of the decision"),
        _optional("because", "text", "why"),
        _optional("form", "text", "the file that held it"),
        _optional("form_row", "number", "its row there, as a person counts it"),
        Column("run", "text", "the run that the form belongs to"),
    ),
    key=("item", "question"),
)
CORRECTION: Final = Table(
    "corrections",
    "one answer that was corrected on one item's account",
    (
        _ORG,
        Column("question", "text", "the question; of two reviews, with the review before it"),
        Column("item", "text", "the item that was replied to"),
        _optional("before", "text", "the answer before"),
        Column("after", "text", "the answer since"),
        _optional("evidence", "text", "what was enclosed"),
        _optional("remark", "text", "what the organisation wrote"),
        _optional("signed_by", "text", "who replied"),
        _optional("replied_on", "date", "day of the reply"),
        Column("accepted_by", "text", "who accepted it"),
        Column("accepted_on", "date", "day of the decision"),
        Column("because", "text", "why it was accepted"),
    ),
    key=("org_code", "question", "item"),
)
