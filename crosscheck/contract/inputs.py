"""The tables that a collection may hold: columns, meanings, units, what is allowed."""

from __future__ import annotations

from typing import Final

from crosscheck.contract.table import FUNCTION, ORG, STANDARD, VISITED_STANDARD, YEAR, Column, Table, optional
from crosscheck.figures.kinds import INPUT_KINDS
from crosscheck.vocabulary import BODIES, CATEGORIES, COMMENTATORS, COMPULSORY, ORG_TYPES, STATUSES

DIRECTIONS: Final = ("higher_better", "lower_better", "none")

# Evidence of a criterion: it was seen; none was offered and none insisted on; it was asked for and not there.
SEEN: Final = ("seen", "not_offered", "absent")

INPUTS: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "organisations",
            "one organisation in scope",
            (
                ORG,
                Column("name", "text", "the organisation's name"),
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column("region", "text", "strategic health authority region"),
                optional("services", "list", "services provided, separated by |"),
                optional("care_trust", "flag", "a care trust"),
                optional("easting", "number", "east of the national grid's origin", low=0, high=700_000, unit="metres"),
                optional(
                    "northing", "number", "north of the national grid's origin", low=0, high=1_300_000, unit="metres"
                ),
                optional("staff_wte", "number", "staff", low=0, unit="whole-time equivalents"),
                optional("population_0_4", "number", "resident children aged 0-4", low=0, unit="children"),
                optional("caseload_population", "number", "people served", low=0, unit="people"),
            ),
            key=("org_code",),
            required=True,
        ),
        Table(
            "declarations",
            "one declaration of one function of one organisation in one year",
            (
                ORG,
                YEAR,
                FUNCTION,
                Column("category", "choice", "category of Table 13", allowed=CATEGORIES),
                STANDARD,
                Column("status", "choice", "what was declared", allowed=STATUSES),
                optional("lapse_from", "date", "first day of the period not met", empty="no period was named"),
                optional("lapse_to", "date", "last day of the period not met", empty="no period was named"),
                optional("statement", "text", "free text with the declaration", empty="nothing was written"),
            ),
            key=("org_code", "year", "function", "standard"),
            required=True,
        ),
        Table(
            "answers",
            "one answer to one question of the review",
            (
                ORG,
                Column("question_id", "text", "the question's name in the questionnaire"),
                optional("item", "text", "which repeated item", empty="the question is asked once"),
                Column("answer", "text", "the answer as returned", may_be_empty=True, empty="no answer was given"),
                optional("year", "year", "assessment year that was asked about", empty="the run's year"),
            ),
            key=("org_code", "question_id", "item", "year"),
            required="answers" in COMPULSORY,
        ),
        Table(
            "indicators",
            "one figure about one organisation from another source",
            (
                ORG,
                Column("source", "text", "where the figure comes from"),
                Column("indicator", "text", "name of the figure within its source"),
                Column("period", "text", "year or day that the figure is about"),
                optional("numerator", "number", "cases", low=0, unit="cases", empty="only a value was published"),
                optional(
                    "denominator", "number", "out of how many", low=0, unit="cases", empty="only a value was published"
                ),
                optional(
                    "value",
                    "number",
                    "the figure as published",
                    unit="the figure's own",
                    direction="see `direction`",
                    empty="only counts were published",
                ),
                Column("direction", "choice", "whether more is better", allowed=DIRECTIONS),
                optional(
                    "kind",
                    "choice",
                    "what sort of figure it is",
                    allowed=INPUT_KINDS,
                    empty="a proportion where there are both counts, a number where there is a value only",
                ),
            ),
            key=("org_code", "source", "indicator", "period"),
        ),
        Table(
            "comments",
            "one remark of a third party on a declaration",
            (
                ORG,
                Column("author", "choice", "who commented", allowed=COMMENTATORS),
                YEAR,
                STANDARD,
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
                optional(
                    "reference",
                    "text",
                    "case number of a shared review",
                    empty="the tie is no shared review, or has none",
                ),
                optional("since", "date", "first day of the tie", empty="it has always been"),
                optional("until", "date", "last day of the tie", empty="it has not ended"),
            ),
            key=("from_code", "relation", "to_code", "reference", "since"),
        ),
        Table(
            "bodies",
            "one body that is no organisation in scope",
            (
                Column("body_code", "code", "the body's code"),
                Column("kind", "choice", "what it is", allowed=BODIES),
                Column("name", "text", "its name"),
                optional("region", "text", "strategic health authority region"),
            ),
            key=("body_code",),
        ),
        Table(
            "visits",
            "one past visit and what it found",
            (
                ORG,
                FUNCTION,
                YEAR,
                Column("selected_by", "choice", "why it was chosen", allowed=("risk", "random", "mandatory")),
                optional(
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
                optional("assessor", "code", "who judged, as a code"),
                VISITED_STANDARD,
            ),
            key=("org_code", "function", "year", "visited_on", "standard"),
        ),
        Table(
            "visit_items",
            "one criterion that a visit looked at",
            (
                ORG,
                FUNCTION,
                Column("year", "year", "assessment year of the visit"),
                Column("question_id", "text", "the criterion, by the question of the review that asks about it"),
                optional("item", "text", "which repeated item", empty="no one item was meant"),
                Column("seen", "choice", "whether evidence was seen", allowed=SEEN),
                VISITED_STANDARD,
            ),
            key=("org_code", "function", "year", "question_id", "item", "standard"),
        ),
        Table(
            "resolved",
            "one doubted value that somebody confirmed or corrected",
            (
                Column("table", "choice", "where the value stands", allowed=("organisations", "answers", "indicators")),
                ORG,
                Column(
                    "column", "text", "the column of organisations, the question, or source and indicator of the figure"
                ),
                optional("item", "text", "which repeated item, or the period of a figure", empty="it has none"),
                Column("value", "number", "the value in doubt", unit="as it stands"),
                Column("means", "number", "what it means: the same if it is right", unit="as asked for"),
                Column("by", "text", "who found that out"),
                Column("on", "date", "the day"),
                Column("because", "text", "why, in words that others can follow"),
            ),
            key=("table", "org_code", "column", "item", "value"),
        ),
    )
}
