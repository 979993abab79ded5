"""The tables that a run writes for its readers: the promised columns, and those that follow them."""

from __future__ import annotations

from typing import Final

from crosscheck.contract.inputs import DIRECTIONS
from crosscheck.contract.table import FUNCTION, HIGHER, ORG, POSITIVE, Column, Table, number, optional, text
from crosscheck.figures.kinds import KINDS
from crosscheck.vocabulary import ARMS, BANDS, LAPSES, ORG_TYPES, POOLS, SEVERITIES, STATUSES, VERDICTS

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
                ORG,
                Column("name", "text", "the organisation's name"),
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column("region", "text", "region"),
                FUNCTION,
                Column("declared", "choice", "what was declared", allowed=STATUSES),
                Column(
                    "risk",
                    "number",
                    "probability that the standard is in truth not met",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=HIGHER,
                ),
                Column(
                    "risk_low",
                    "number",
                    "lower end of the risk's 90% interval",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=HIGHER,
                ),
                Column(
                    "risk_high",
                    "number",
                    "upper end of the risk's 90% interval",
                    low=0,
                    high=1,
                    unit="probability",
                    direction=HIGHER,
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
                optional(
                    "selected_by",
                    "choice",
                    "arm of the plan that chose it",
                    allowed=ARMS,
                    empty="not chosen for a visit",
                ),
                optional(
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
                    direction=HIGHER,
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
                ORG,
                FUNCTION,
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
                    direction=POSITIVE,
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
                ORG,
                Column(
                    "value",
                    "number",
                    "the figure; of an answer with levels, the place of its level",
                    unit="the figure's own",
                ),
                optional(
                    "expected",
                    "number",
                    "what its peers lead to",
                    unit="the figure's own",
                    empty="it has too few peers, or neither end is worse",
                ),
                optional(
                    "z",
                    "number",
                    "distance from expected, dispersion-adjusted",
                    unit="standard deviations",
                    direction=POSITIVE,
                    empty="it has too few peers, or neither end is worse",
                ),
                optional(
                    "z_unadjusted",
                    "number",
                    "the same before adjustment",
                    unit="standard deviations",
                    direction=POSITIVE,
                    empty="it has too few peers, or neither end is worse",
                ),
                optional(
                    "phi",
                    "number",
                    "over-dispersion factor of the group",
                    unit="factor",
                    empty="its way of scoring needs none",
                ),
                optional(
                    "tau2",
                    "number",
                    "variance between organisations, on the transformed scale",
                    unit="variance",
                    empty="its way of scoring needs none",
                ),
                optional("n", "number", "denominator", unit="cases", empty="it has none"),
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
                ORG,
                FUNCTION,
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
                ORG,
                FUNCTION,
                Column(
                    "declared",
                    "choice",
                    "what was declared",
                    allowed=LAPSES,
                ),
                optional("lapse_from", "date", "first day of the period declared not met", empty="it names no day"),
                optional("lapse_to", "date", "last day of the period declared not met", empty="it names no day"),
                optional("statement", "text", "its own words, the action plan", empty="it says nothing"),
                optional(
                    "ended",
                    "choice",
                    "whether the lapse ended before the last day of the year",
                    allowed=("yes", "no"),
                    empty="no last day is declared",
                ),
                optional(
                    "subject",
                    "text",
                    "what the statement names, one after another between |",
                    empty="it names no subject that the model states",
                ),
                optional(
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
                optional(
                    "row", "number", "row as a person counts it, heading = 1", unit="row", empty="a whole file is meant"
                ),
                optional("column", "text", "the column", empty="a whole row is meant"),
                optional("value", "text", "what stood there, as read", empty="nothing stood there"),
                Column("problem", "text", "what is wrong"),
                Column("remedy", "text", "what would mend it"),
                Column("effect", "choice", "what was done", allowed=("row set aside", "cell set aside", "converted")),
            ),
            key=("table", "file", "row", "column"),
        ),
        Table(
            "not_assessed",
            "one organisation that occurs in the collection and is not on the list",
            (
                optional("org_code", "code", "the organisation's code, as it stands", empty="the row has none"),
                Column("file", "text", "the file, or the sheet of a workbook"),
                Column("row", "number", "row as a person counts it, heading = 1", unit="row"),
                Column("reason", "text", "why it is not on the list"),
            ),
            key=("org_code", "file", "row"),
        ),
        Table(
            "doubts",
            "one value that is possible and unlikely, left out until somebody confirms it",
            (
                Column("table", "text", "the table"),
                Column("file", "text", "the file, or the sheet of a workbook"),
                Column("row", "number", "row as a person counts it, heading = 1", unit="row"),
                Column("column", "text", "the column"),
                Column("value", "text", "the value in doubt"),
                Column("likely", "text", "what it may mean"),
                Column("why", "text", "beside what it is unlikely"),
            ),
            key=("table", "file", "row", "column"),
        ),
    )
}

BAND = Column("band", "choice", "how far from expected, by itself", allowed=(*BANDS, "no_direction", "too_few_peers"))

BAND_Q = Column(
    "band_q",
    "choice",
    "how far where all are looked at for the far ones",
    allowed=(*BANDS, "no_direction", "too_few_peers"),
)

FALSE_DISCOVERY: Final = "false discovery rate: what share of those as far or farther are far by chance"

# What a run writes behind the promised columns.
FURTHER: Final[dict[str, tuple[Column, ...]]] = {
    "visit_list": (
        Column(
            "pool", "choice", "what can be done: test a declaration, see what was found, or follow up a lapse",
            allowed=POOLS,
        ),
        number("duties_unmet", "statutory duties that its own answers say are unmet; 0 for a declared lapse",
                "duties", HIGHER),
        number("decibans", "the sum of all parts of the risk: its log-odds", "decibans", POSITIVE),
        number("among_capacity", "that its organisation is among the first that can be visited", "probability",
                HIGHER, empty="it is not to be visited"),
        Column(
            "visited", "choice", "what a visit of the year found", may_be_empty=True, allowed=("upheld", "qualified"),
            empty="nobody was there",
        ),
        text("added", "who added its organisation to the visits, and why", "nobody did"),
    ),
    "problems": (Column("org_code", "code", "whose row it is", may_be_empty=True, empty="nobody can tell"),),
    "doubts": (
        ORG,
        text("about", "the question, source and indicator, or column that it is of; `column` of the table `resolved`"),
        text("item", "which repeated item, or the period of a figure; an empty text if it has none"),
        number("tried_as", "the number with which the risk was also estimated: the likely one, or the value itself",
                "as the value", empty="it bears on no risk"),
        text("function", "the declaration of which the two risks are: of two the one that they change most",
                "the organisation has no declaration of the year"),
        number("risk_no_answer", "its risk if the organisation's values in doubt are no answers", "probability",
                HIGHER, empty="as `function`"),
        number("risk_as_likely", "its risk if they are what they are tried as; the higher of the two counts",
                "probability", HIGHER, empty="as `function`"),
    ),
    "not_assessed": (text("successor", "under which organisation a former body is assessed", "it is no former body"),),
    "findings": (
        text("says", "what the check says of this declaration", "it does not differ"),
        Column(
            "open_questions", "list", "the absent answers that keep it open", may_be_empty=True, empty="it is not open"
        ),
        text("group", "checks of one group speak of one thing and share its weight"),
        text("kind", "what is held against what"),
        text("waived", "why it was set aside, by whom, until when", "it was not set aside"),
        number("could_add", "what a difference alone would add", "decibans", POSITIVE),
    ),
    "scores": (
        text("source", "where the figure comes from; of an answer, its section"),
        text("label", "the figure or the question in words"),
        Column(
            "kind", "choice", "how it is compared",
            allowed=(*KINDS, "count", "yes_no"),
        ),
        Column(
            "relevance", "choice", "how much it bears on the standard",
            allowed=("high", "medium", "low", "none", "answer"),
        ),
        Column("direction", "choice", "whether more is better", allowed=DIRECTIONS),
        number("q_value", FALSE_DISCOVERY, "share", "", "it has no z"),
        BAND_Q,
    ),
}  # fmt: skip

# Columns of `findings` that its CSV lacks: a list, which it can't hold, and what is the same for every row of a rule.
FINDINGS_IN_PARQUET: Final = ("open_questions", "group", "kind", "could_add")
