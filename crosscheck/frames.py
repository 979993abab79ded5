"""The promised shape of every table that goes in or out: columns, meanings, units, what is allowed.

The reader checks what comes in against `INPUTS`, the writer what goes out against `OUTPUTS`, and the data dictionary is
printed from both. Names and order are fixed by the contract; other tools rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from crosscheck.vocabulary import (
    ARMS,
    BANDS,
    COMMENTATORS,
    COMPLIANT,
    FUNCTIONS,
    ORG_TYPES,
    POOLS,
    RELATIONS,
    SEVERITIES,
    STATUSES,
    VERDICTS,
)

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
    `may_be_empty`; an empty cell is null, never zero or no, and means what `empty` says. `unit` is there for every
    number; `direction` says which end is worse, where one is.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = True
    may_be_empty: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    direction: str = ""
    empty: str = "not known"

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


def _optional(name: str, kind: Kind, meaning: str, **rest: float | str | tuple[str, ...] | None) -> Column:
    return Column(name, kind, meaning, required=False, may_be_empty=True, **rest)  # type: ignore[arg-type]  # typed by Column


_ORG = Column("org_code", "code", "the organisation's code")
_FUNCTION = Column(
    "function", "choice", "`whole`, or one of the two functions of a primary care trust", allowed=FUNCTIONS
)
_YEAR = Column("year", "year", "assessment year, as 2008/09")
_STANDARD = Column("standard", "code", "the core standard declared on")
_VISITED_STANDARD = _optional("standard", "code", "the core standard visited on", empty="the run's standard")

_POSITIVE: Final = "positive is worse"
_HIGHER: Final = "higher is worse"

CATEGORIES: Final = (
    "acute", "ambulance", "community_trust", "mental_health", "other", "pct_and_mental_health_provider",
    "pct_commissioner", "pct_provider", "care_trust_commissioner", "care_trust_provider",
)  # fmt: skip
DIRECTIONS: Final = ("higher_better", "lower_better", "none")
INDICATOR_KINDS: Final = ("proportion", "ratio", "number")
# Evidence of a criterion: it was seen; none was offered and none insisted on; it was asked for and not there.
SEEN: Final = ("seen", "not_offered", "absent")

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
                _optional(
                    "easting", "number", "east of the national grid's origin", low=0, high=700_000, unit="metres"
                ),
                _optional(
                    "northing", "number", "north of the national grid's origin", low=0, high=1_300_000, unit="metres"
                ),
                _optional("staff_wte", "number", "staff", low=0, unit="whole-time equivalents"),
                _optional("population_0_4", "number", "resident children aged 0-4", low=0, unit="children"),
                _optional("caseload_population", "number", "people served", low=0, unit="people"),
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
                _optional("lapse_from", "date", "first day of the period not met", empty="no period was named"),
                _optional("lapse_to", "date", "last day of the period not met", empty="no period was named"),
                _optional("statement", "text", "free text with the declaration", empty="nothing was written"),
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
                _optional("item", "text", "which repeated item", empty="the question is asked once"),
                Column("answer", "text", "the answer as returned", may_be_empty=True, empty="no answer was given"),
                _optional("year", "year", "assessment year that was asked about", empty="the run's year"),
            ),
            key=("org_code", "question_id", "item", "year"),
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
                _optional("numerator", "number", "cases", low=0, unit="cases", empty="only a value was published"),
                _optional(
                    "denominator", "number", "out of how many", low=0, unit="cases", empty="only a value was published"
                ),
                _optional(
                    "value",
                    "number",
                    "the figure as published",
                    unit="the figure's own",
                    direction="see `direction`",
                    empty="only counts were published",
                ),
                Column("direction", "choice", "whether more is better", allowed=DIRECTIONS),
                _optional(
                    "kind",
                    "choice",
                    "what sort of figure it is",
                    allowed=INDICATOR_KINDS,
                    empty="a proportion where there are both counts, a number where there is a value only",
                ),
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
                Column(
                    "polarity",
                    "number",
                    "from -3 (critical) to +3 (praising)",
                    low=-3,
                    high=3,
                    unit="points",
                    direction="lower is worse",
                ),
                Column(
                    "reliability", "number", "how far the remark can be relied on, 0 to 1", low=0, high=1, unit="share"
                ),
                Column("text", "text", "the remark", may_be_empty=True, empty="only its tone is known"),
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
                _optional(
                    "reference",
                    "text",
                    "case number of a shared review",
                    empty="the tie is no shared review, or has none",
                ),
                _optional("since", "date", "first day of the tie", empty="it has always been"),
                _optional("until", "date", "last day of the tie", empty="it has not ended"),
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
                _optional(
                    "inclusion_probability",
                    "number",
                    "chance of being drawn",
                    low=0,
                    high=1,
                    unit="probability",
                    empty="not drawn at random",
                ),
                Column("visited_on", "date", "day of the visit"),
                Column("finding", "choice", "what it found", allowed=("upheld", "qualified")),
                _optional("assessor", "code", "who judged, as a code"),
                _VISITED_STANDARD,
            ),
            key=("org_code", "function", "year", "visited_on", "standard"),
        ),
        Table(
            "visit_items",
            "one criterion that a visit looked at",
            (
                _ORG,
                _FUNCTION,
                Column("year", "year", "assessment year of the visit"),
                Column("question_id", "text", "the criterion, by the question of the review that asks about it"),
                _optional("item", "text", "which repeated item", empty="no one item was meant"),
                Column("seen", "choice", "whether evidence was seen", allowed=SEEN),
                _VISITED_STANDARD,
            ),
            key=("org_code", "function", "year", "question_id", "item", "standard"),
        ),
    )
}

_CHECK = Column("check_id", "text", "the rule")

OUTPUTS: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "visit_list",
            "one declaration of the year, the first to visit first, none left out",
            (
                Column(
                    "rank",
                    "number",
                    "1 is the first to visit: declarations of compliance not visited this year by risk, then those "
                    "visited, then declared lapses",
                    low=1,
                    unit="place on the list",
                    direction="1 is the worst",
                ),
                _ORG,
                Column("name", "text", "the organisation's name"),
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column("region", "text", "region"),
                _FUNCTION,
                Column("declared", "choice", "what was declared", allowed=STATUSES),
                Column(
                    "risk",
                    "number",
                    "probability that the standard is in truth not met",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=_HIGHER,
                ),
                Column(
                    "risk_low",
                    "number",
                    "lower end of the risk's 90% interval",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=_HIGHER,
                ),
                Column(
                    "risk_high",
                    "number",
                    "upper end of the risk's 90% interval",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=_HIGHER,
                ),
                Column(
                    "rank_low",
                    "number",
                    "lower end of the 90% interval of the place within its pool",
                    unit="place on the list",
                    direction="1 is the worst",
                ),
                Column(
                    "rank_high",
                    "number",
                    "upper end of the 90% interval of the place within its pool",
                    unit="place on the list",
                    direction="1 is the worst",
                ),
                _optional(
                    "selected_by",
                    "choice",
                    "arm of the plan that chose it",
                    allowed=ARMS,
                    empty="not chosen for a visit",
                ),
                _optional(
                    "inclusion_probability",
                    "number",
                    "chance of its organisation in the random draw",
                    low=0,
                    high=1,
                    unit="probability",
                    empty="it took no part in the draw",
                ),
                Column(
                    "flags",
                    "number",
                    "checks whose evidence differs from what we would expect",
                    unit="checks",
                    direction=_HIGHER,
                ),
                Column("unknowns", "number", "checks that an absent answer left open", unit="checks"),
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
                Column(
                    "verdict",
                    "choice",
                    "what the check says; what does not apply stands in `findings.parquet` alone",
                    allowed=VERDICTS,
                ),
                Column("severity", "choice", "how grave it would be", allowed=SEVERITIES),
                Column(
                    "weight",
                    "number",
                    "log-odds added to the risk, where an absent answer leaves it open as much as the average answer; "
                    "0 where it agrees, was set aside, or only asks",
                    unit="decibans",
                    direction=_POSITIVE,
                ),
                Column("evidence", "text", "the answers and figures it rests on"),
                Column("expected", "text", "what the basis asks for, in short"),
                Column("basis", "text", "the law or guidance in short; its text stands in `rulebook.json`"),
            ),
            key=("check_id", "org_code", "function"),
        ),
        Table(
            "scores",
            "one indicator of one organisation",
            (
                Column("indicator", "text", "the figure's name"),
                _ORG,
                Column(
                    "value",
                    "number",
                    "the figure; of an answer with levels, the place of its level",
                    unit="the figure's own",
                ),
                _optional(
                    "expected",
                    "number",
                    "what its peers lead to",
                    unit="the figure's own",
                    empty="it has too few peers, or neither end is worse",
                ),
                _optional(
                    "z",
                    "number",
                    "distance from expected, dispersion-adjusted",
                    unit="standard deviations",
                    direction=_POSITIVE,
                    empty="it has too few peers, or neither end is worse",
                ),
                _optional(
                    "z_unadjusted",
                    "number",
                    "the same before adjustment",
                    unit="standard deviations",
                    direction=_POSITIVE,
                    empty="it has too few peers, or neither end is worse",
                ),
                _optional(
                    "phi",
                    "number",
                    "over-dispersion factor of the group",
                    unit="factor",
                    empty="its way of scoring needs none",
                ),
                _optional(
                    "tau2",
                    "number",
                    "variance between organisations, on the transformed scale",
                    unit="variance",
                    empty="its way of scoring needs none",
                ),
                _optional("n", "number", "denominator", unit="cases", empty="it has none"),
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
            "duties",
            "one statutory duty that the own answers of a declaration of compliance say is unmet",
            (
                _ORG,
                _FUNCTION,
                _CHECK,
                Column("severity", "choice", "how grave it is", allowed=SEVERITIES),
                Column("strength", "choice", "what it rests on", allowed=("statutory",)),
                Column("finding", "text", "what the check says of this declaration"),
                Column("answer", "text", "what was asked, and its own answer"),
                Column("basis", "text", "the law"),
                Column("explanations", "text", "what it may rightly reply, one after another between |"),
                Column("lines_of_enquiry", "text", "what to ask for, one after another between |"),
            ),
            key=("org_code", "function", "check_id"),
        ),
        Table(
            "follow_up",
            "one declared lapse to follow up",
            (
                _ORG,
                _FUNCTION,
                Column(
                    "declared",
                    "choice",
                    "what was declared",
                    allowed=tuple(name for name in STATUSES if name != COMPLIANT),
                ),
                _optional("lapse_from", "date", "first day of the period declared not met", empty="it names no day"),
                _optional("lapse_to", "date", "last day of the period declared not met", empty="it names no day"),
                _optional("statement", "text", "its own words, the action plan", empty="it says nothing"),
                _optional(
                    "ended",
                    "choice",
                    "whether the lapse ended before the last day of the year",
                    allowed=("yes", "no"),
                    empty="no last day is declared",
                ),
                _optional(
                    "subject",
                    "text",
                    "what the statement names, one after another between |",
                    empty="it names no subject that the model states",
                ),
                _optional(
                    "answers_show",
                    "text",
                    "what it answered on each subject, in words",
                    empty="it names no subject",
                ),
                Column("ask", "text", "what to ask for, one after another between |"),
            ),
            key=("org_code", "function"),
        ),
        Table(
            "problems",
            "one thing wrong with the input",
            (
                Column("table", "text", "the table"),
                Column("file", "text", "the file, or the sheet of a workbook"),
                _optional(
                    "row", "number", "row as a person counts it, heading = 1", unit="row", empty="a whole file is meant"
                ),
                _optional("column", "text", "the column", empty="a whole row is meant"),
                _optional("value", "text", "what stood there, as read", empty="nothing stood there"),
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


def _number(name: str, meaning: str, unit: str, direction: str = "", empty: str = "") -> Column:
    return Column(name, "number", meaning, may_be_empty=bool(empty), unit=unit, direction=direction, empty=empty)


def _text(name: str, meaning: str, empty: str = "") -> Column:
    return Column(name, "text", meaning, may_be_empty=bool(empty), empty=empty)


_BAND = Column("band", "choice", "how far from expected, by itself", allowed=(*BANDS, "no_direction", "too_few_peers"))
_BAND_Q = Column(
    "band_q",
    "choice",
    "how far where all are looked at for the far ones",
    allowed=(*BANDS, "no_direction", "too_few_peers"),
)
_FALSE_DISCOVERY: Final = "false discovery rate: what share of those as far or farther are far by chance"
_LOADING: Final = "correlation"

# What a run writes behind the promised columns.
FURTHER: Final[dict[str, tuple[Column, ...]]] = {
    "visit_list": (
        Column(
            "pool", "choice", "what can be done: test a declaration, see what was found, or follow up a lapse",
            allowed=POOLS,
        ),
        _number("duties_unmet", "statutory duties that its own answers say are unmet; 0 for a declared lapse",
                "duties", _HIGHER),
        _number("decibans", "the sum of all parts of the risk: its log-odds", "decibans", _POSITIVE),
        _number("among_capacity", "that its organisation is among the first that can be visited", "probability",
                _HIGHER, empty="it is not to be visited"),
        Column(
            "visited", "choice", "what a visit of the year found", may_be_empty=True, allowed=("upheld", "qualified"),
            empty="nobody was there",
        ),
        _text("added", "who added its organisation to the visits, and why", "nobody did"),
    ),
    "problems": (Column("org_code", "code", "whose row it is", may_be_empty=True, empty="nobody can tell"),),
    "findings": (
        _text("says", "what the check says of this declaration", "it does not differ"),
        Column(
            "open_questions", "list", "the absent answers that keep it open", may_be_empty=True, empty="it is not open"
        ),
        _text("group", "checks of one group speak of one thing and share its weight"),
        _text("kind", "what is held against what"),
        _text("waived", "why it was set aside, by whom, until when", "it was not set aside"),
        _number("could_add", "what a difference alone would add", "decibans", _POSITIVE),
    ),
    "scores": (
        _text("source", "where the figure comes from; of an answer, its section"),
        _text("label", "the figure or the question in words"),
        Column(
            "kind", "choice", "how it is compared",
            allowed=(
                "proportion", "ratio", "log_ratio", "ratio_of_counts", "mean", "percent", "number", "count", "ordinal",
                "yes_no",
            ),
        ),
        Column(
            "relevance", "choice", "how much it bears on the standard",
            allowed=("high", "medium", "low", "none", "answer"),
        ),
        Column("direction", "choice", "whether more is better", allowed=DIRECTIONS),
        _number("q_value", _FALSE_DISCOVERY, "share", "", "it has no z"),
        _BAND_Q,
    ),
}  # fmt: skip

# Columns of `findings` that its CSV lacks: a list, which it can't hold, and what is the same for every row of a rule.
FINDINGS_IN_PARQUET: Final = ("open_questions", "group", "kind", "could_add")

KEPT: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "parts",
            "one part of the risk of one declaration",
            (
                _ORG,
                _FUNCTION,
                Column(
                    "family",
                    "choice",
                    "what kind of evidence it is",
                    allowed=(
                        "prior",
                        "declared",
                        "checks",
                        "silence",
                        "answers",
                        "figures",
                        "facts",
                        "comments",
                        "history",
                        "visited",
                    ),
                ),
                _text("group", "parts of one group speak of one thing"),
                _text("part", "the check, question, figure or author"),
                _number("worth", "what it would add alone", "decibans", _POSITIVE),
                _number(
                    "decibans", "what it adds beside all else; the parts add up to the risk", "decibans", _POSITIVE
                ),
                _number("sd", "how unsure what it adds is", "decibans"),
                _text("reason", "why, in one plain sentence"),
                _text("source", "what the weight rests on"),
            ),
            key=("org_code", "function", "family", "part"),
        ),
        Table(
            "ties",
            "one relation of one organisation to another on the day as at which answers were given",
            (
                _ORG,
                Column("relation", "choice", "what the other is to it", allowed=RELATIONS),
                Column("other_code", "code", "the other organisation"),
                _number("item", "which of two reviews, of `other_party`; 0 for the rest", "number"),
                _text("reference", "the board of `same_lscb`, the case number of `other_party`; else an empty text"),
            ),
            key=("org_code", "relation", "other_code", "item", "reference"),
        ),
        Table(
            "predecessors",
            "one body that an organisation took over from, directly or through others",
            (
                _ORG,
                Column("predecessor", "code", "the former body"),
                _number("depth", "through how many successions", "successions"),
                Column("since", "date", "day of the last of them", may_be_empty=True),
            ),
            key=("org_code", "predecessor"),
        ),
        Table(
            "names",
            "one organisation or other body",
            (
                Column("code", "code", "its code"),
                Column("kind", "choice", "what it is", allowed=("organisation", "lscb", "sha")),
                _text("name", "its name"),
            ),
            key=("code",),
        ),
        Table(
            "loadings",
            "one item, and how far it goes along with quality",
            (
                _text("item", "the question, figure, author or event"),
                Column("family", "choice", "what kind of item", allowed=("answers", "figures", "comments", "history")),
                _text("prior", "the entry of the risk model that states what is expected of it"),
                _text("group", "items of one group share something beside; an empty text where it has none"),
                _number("organisations", "how many have the item", "organisations"),
                _number("quality_stated", "loading on quality as stated", _LOADING),
                _number(
                    "quality_loading",
                    "loading on quality as learnt from the collection",
                    _LOADING,
                    "positive: it is worse where quality is; never negative",
                ),
                _number("quality_sd", "how unsure that is", _LOADING),
                _number("bias_stated", "loading on response bias as stated", _LOADING),
                _number(
                    "bias_loading",
                    "loading on response bias as learnt",
                    _LOADING,
                    "negative: accounts that are better than what others hold answer it better; never positive",
                ),
                _number("bias_sd", "how unsure that is", _LOADING),
                _number("group_stated", "loading on what its group shares, as stated", _LOADING),
                _number("group_loading", "loading on what its group shares, as learnt", _LOADING),
                _number("group_sd", "how unsure that is", _LOADING),
                _number("noise", "variance that none of these explains", "variance"),
            ),
            key=("item",),
        ),
        Table(
            "check_weights",
            "one check that can weigh, and what it adds to the risk where it differs",
            (
                _text("check_id", "the rule"),
                _number("stated", "what the model states for its strength, severity and kind", "decibans", _POSITIVE),
                _number(
                    "decibans",
                    "what it adds where it differs, as learnt; never less than nothing",
                    "decibans",
                    _POSITIVE,
                ),
                _number("sd", "how unsure that is", "decibans"),
                _number(
                    "share", "how often it differs among those decided; an absent answer adds so much of it", "share"
                ),
                _number(
                    "seen", "how many looks of visits at the criterion found it absent, faded by the years", "looks"
                ),
                _number("absent", "how many looks found it absent", "looks"),
                _number("absent_not_upheld", "how many of these declarations were not upheld", "visits"),
                _text("ceiling", "the check above which it may not weigh; empty where there is none"),
            ),
            key=("check_id",),
        ),
        Table(
            "assessors",
            "one assessor, and how strict: for the assessor alone",
            (
                _text("assessor", "who judged, as a code"),
                _number("visits", "how many visits", "visits"),
                _number("strictness", "by how much more is found wrong than by others, shrunk", "log-odds", _POSITIVE),
                _number("sd", "how unsure that is", "log-odds"),
            ),
            key=("assessor",),
        ),
        Table(
            "places",
            "one of twenty equally likely places of one declaration to visit",
            (
                _ORG,
                _FUNCTION,
                _number("dot", "from 1, the first, to 20, the last", "number"),
                _number("place", "the place among those to visit", "rank"),
            ),
            key=("org_code", "function", "dot"),
        ),
        Table(
            "draw",
            "one organisation that took part in the random draw, drawn or not",
            (
                _ORG,
                _text("stratum", "the group that it was drawn in: types of organisation, or a bin of like risk"),
                _text("ticket", "SHA-256 of value|year|code, 64 hexadecimal digits; the smallest are drawn"),
                _number("inclusion_probability", "the chance that it had of being drawn", "probability"),
                _number("weight", "by what the odds of its ticket are divided before they are compared", "odds"),
                Column("drawn", "flag", "whether it was drawn"),
            ),
            key=("org_code",),
        ),
        Table(
            "joint_chances",
            "one pair of strata of the random draw",
            (
                _text("stratum", "the one stratum"),
                _text("other", "the other, the same or a later one in alphabetical order"),
                _number(
                    "joint_probability",
                    "that two different organisations, one of each, are both drawn",
                    "probability",
                    empty="the stratum holds one organisation",
                ),
            ),
            key=("stratum", "other"),
        ),
        Table(
            "pooled",
            "the scores of one organisation in one section together, or in all",
            (
                _ORG,
                _text("section", "section or source of the scores; `all` over all"),
                _number("items", "how many scores are pooled", "scores"),
                _number("z", "their weighted sum, correlation allowed for", "standard deviations", _POSITIVE),
                _number("q_value", _FALSE_DISCOVERY, "share"),
                _BAND,
                _BAND_Q,
            ),
            key=("org_code", "section"),
        ),
        Table(
            "patterns",
            "one pattern of one return, against returns drawn by chance (with `--screens`)",
            (
                _ORG,
                Column(
                    "pattern",
                    "choice",
                    "what is looked for",
                    allowed=("all_best", "heaped", "inconsistent", "twin", "unchanged"),
                ),
                _number("observed", "how much of it there is", "answers; of twins, standard errors"),
                _number("expected", "the mean of the made-up returns", "answers; of twins, standard errors"),
                _number("p_value", "share of made-up returns that go as far or farther", "probability"),
                _number("q_value", _FALSE_DISCOVERY, "share"),
                _text("says", "what was seen, in words"),
                _text("innocent", "what may well explain it"),
            ),
            key=("org_code", "pattern"),
        ),
        Table(
            "oddities",
            "one organisation among its type, by one detector (with `--screens`); unusual, not worse",
            (
                _ORG,
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column(
                    "detector",
                    "choice",
                    "how it is compared",
                    allowed=("isolation_forest", "robust_distance", "neighbours"),
                ),
                _number("distance", "how far out it is; larger is odder", "the detector's own"),
                _number("share", "share of its type that is less odd", "share"),
                _number("oddness", "normal score of that share; positive is odder", "standard deviations"),
            ),
            key=("org_code", "detector"),
        ),
        Table(
            "contributions",
            "one of the weightiest terms of a distance of `oddities` (with `--screens`)",
            (
                _ORG,
                _text("detector", "as in `oddities`"),
                _text("name", "the question or figure; with the kind of absence where that is what is odd"),
                _number("contribution", "what it adds to the distance; positive is odder", "the detector's own"),
            ),
            key=("org_code", "detector", "name"),
        ),
        Table(
            "surprises",
            "one declaration against what the rest of the evidence predicts (with `--screens`)",
            (
                _ORG,
                _FUNCTION,
                _number(
                    "expected_not_compliant", "predicted, that it does not declare compliance", "probability", _HIGHER
                ),
                _number(
                    "surprise",
                    "of what it does declare: -log₂ of its probability, negative where that is a lapse",
                    "bits",
                    _POSITIVE,
                ),
            ),
            key=("org_code", "function"),
        ),
        Table(
            "foretelling",
            "one fifth of the declarations by prediction: how well `surprises` does (with `--screens`)",
            (
                _number("fifth", "1 is that with the lowest predictions", "number"),
                _number("declarations", "how many it has", "declarations"),
                _number("expected", "share predicted not to declare compliance", "share"),
                _number("declared", "share that did not", "share"),
                _number("log_loss", "of all predictions", "bits"),
                _number("base_log_loss", "of predicting the base rate for all", "bits"),
                _number("auc", "chance that a lapse has the higher prediction", "probability"),
            ),
            key=("fifth",),
        ),
        Table(
            "rulebook",
            "one rule as used",
            (
                _text("id", "the rule"),
                _text("title", "what is expected, in a line"),
                _text("kind", "what is held against what"),
                _text("expects", "the condition"),
                Column("severity", "choice", "how grave a difference would be", allowed=SEVERITIES),
                _text("strength", "who asks for it: statute, guidance, good practice"),
                _text("basis", "the law or guidance"),
                _text("source", "where it is said"),
                Column("explanations", "list", "what an organisation might rightly reply"),
                Column("lines_of_enquiry", "list", "what to ask for on the day"),
                _text("group", "rules of one group share the weight of the thing that they speak of"),
            ),
            key=("id",),
        ),
        Table(
            "manifest",
            "the run: what it rested on and came to",
            (
                _text("fingerprint", "by what the run is known again: one SHA-256 of all parts of its identity"),
                _text("identity", "SHA-256 of inputs, rules, models, options and code, each apart"),
                _text("crosscheck", "version of the program"),
                _text("python", "version of Python"),
                _text("packages", "versions of the libraries that compute"),
                _text("options", "what was asked for"),
                _number("seed", "of the intervals, and the value of the practice draw", "number"),
                _text(
                    "draw",
                    "of the random sample: whether it binds, its value, chances by stratum and their fit, additions",
                ),
                _text("inputs", "each input file: SHA-256, rows, rows set aside"),
                Column("absent_tables", "list", "tables that the collection does not have"),
                _text("rules", "how many, their SHA-256, those not in force"),
                _text("waivers", "those that were used"),
                _text("silences", "checks that a silent source leaves untold for everybody"),
                _text("questionnaire", "how many questions, and the SHA-256"),
                _text("models", "version and SHA-256 of each model"),
                _text("polarity", "items whose sign was looked at, and why"),
                _text(
                    "risk",
                    "how it was estimated: in which share of compliant declarations the standard is in truth not met, "
                    "the link, what visits taught, whether it has settled, the risks under other shares",
                ),
                _text("cycles", "bodies that are said to succeed one another in a circle"),
                _text("reconciliation", "declarations in and out, by category and status"),
                _text("counts", "rows that each step made"),
                _text("sources", "SHA-256 of every file that the run rests on"),
                _text("seconds", "how long each step took; the only part that differs between two equal runs"),
                _text("outputs", "SHA-256 of every other file of the run"),
            ),
            key=(),
        ),
        Table(
            "national",
            "the national picture: what was published, recomputed from the answers",
            (
                _text("standard", "the standard"),
                _text("year", "assessment year"),
                Column("for_publication", "flag", "whether small numbers are withheld"),
                _text("how_to_read", "bases, absences and agreement in words"),
                _text("agreements", "how many figures agree with what was published, and how closely"),
                _text("summary", "the same in sentences"),
                Column("organisations", "list", "of each type: how many were contacted and answered"),
                Column("trend", "list", "Table 12: of each year the share that declared compliance, with its base"),
                Column("differing", "list", "figures that differ by more than rounding, each with the reason"),
                Column("tables", "list", "Tables 1 to 13 as the review sets them"),
                Column("figures", "list", "every figure: published, recomputed, difference, base, the three absences"),
            ),
            key=(),
        ),
    )
}
