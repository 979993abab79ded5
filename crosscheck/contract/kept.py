"""The tables that a run keeps for its own pages, replies and audits."""

from __future__ import annotations

from typing import Final

from crosscheck.contract.outputs import BAND, BAND_Q, FALSE_DISCOVERY
from crosscheck.contract.table import FUNCTION, HIGHER, ORG, POSITIVE, Column, Table, number, text
from crosscheck.vocabulary import ORG_TYPES, RELATIONS, SEVERITIES

_LOADING: Final = "correlation"

KEPT: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        Table(
            "parts",
            "one part of the risk of one declaration",
            (
                ORG,
                FUNCTION,
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
                        "doubts",
                    ),
                ),
                text("group", "parts of one group speak of one thing"),
                text("part", "the check, question, figure or author"),
                number("worth", "what it would add alone", "decibans", POSITIVE),
                number("decibans", "what it adds beside all else; the parts add up to the risk", "decibans", POSITIVE),
                number("sd", "how unsure what it adds is", "decibans"),
                text("reason", "why, in one plain sentence"),
                text("source", "what the weight rests on"),
            ),
            key=("org_code", "function", "family", "part"),
        ),
        Table(
            "mentions",
            "one row that speaks of an organisation in scope: its own, or a declaration of the year",
            (
                Column("table", "text", "the table"),
                Column("file", "text", "the file, or the sheet of a workbook"),
                number(
                    "row",
                    "row as a person counts it, heading = 1",
                    "row",
                    empty="it was used, and the organisation is on the list",
                ),
                text(
                    "org_code", "the organisation's code, as it was understood, else as it stands", "the row has none"
                ),
                text("why", "why the row was set aside", "it was used"),
            ),
            key=("table", "file", "row", "org_code"),
        ),
        Table(
            "ties",
            "one relation of one organisation to another on the day as at which answers were given",
            (
                ORG,
                Column("relation", "choice", "what the other is to it", allowed=RELATIONS),
                Column("other_code", "code", "the other organisation"),
                number("item", "which of two reviews, of `other_party`; 0 for the rest", "number"),
                text("reference", "the board of `same_lscb`, the case number of `other_party`; else an empty text"),
            ),
            key=("org_code", "relation", "other_code", "item", "reference"),
        ),
        Table(
            "predecessors",
            "one body that an organisation took over from, directly or through others",
            (
                ORG,
                Column("predecessor", "code", "the former body"),
                number("depth", "through how many successions", "successions"),
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
                text("name", "its name"),
            ),
            key=("code",),
        ),
        Table(
            "loadings",
            "one item, and how far it goes along with quality",
            (
                text("item", "the question, figure, author or event"),
                Column("family", "choice", "what kind of item", allowed=("answers", "figures", "comments", "history")),
                text("prior", "the entry of the risk model that states what is expected of it"),
                text("group", "items of one group share something beside; an empty text where it has none"),
                number("organisations", "how many have the item", "organisations"),
                number("quality_stated", "loading on quality as stated", _LOADING),
                number(
                    "quality_loading",
                    "loading on quality as learnt from the collection",
                    _LOADING,
                    "positive: it is worse where quality is; never negative",
                ),
                number("quality_sd", "how unsure that is", _LOADING),
                number("bias_stated", "loading on response bias as stated", _LOADING),
                number(
                    "bias_loading",
                    "loading on response bias as learnt",
                    _LOADING,
                    "negative: accounts that are better than what others hold answer it better; never positive",
                ),
                number("bias_sd", "how unsure that is", _LOADING),
                number("group_stated", "loading on what its group shares, as stated", _LOADING),
                number("group_loading", "loading on what its group shares, as learnt", _LOADING),
                number("group_sd", "how unsure that is", _LOADING),
                number("noise", "variance that none of these explains", "variance"),
            ),
            key=("item",),
        ),
        Table(
            "check_weights",
            "one check that can weigh, and what it adds to the risk where it differs",
            (
                text("check_id", "the rule"),
                number("stated", "what the model states for its strength, severity and kind", "decibans", POSITIVE),
                number(
                    "decibans",
                    "what it adds where it differs, as learnt; never less than nothing",
                    "decibans",
                    POSITIVE,
                ),
                number("sd", "how unsure that is", "decibans"),
                number(
                    "share", "how often it differs among those decided; an absent answer adds so much of it", "share"
                ),
                number(
                    "seen", "how many looks of visits at the criterion found it absent, faded by the years", "looks"
                ),
                number("absent", "how many looks found it absent", "looks"),
                number("absent_not_upheld", "how many of these declarations were not upheld", "visits"),
                text("ceiling", "the check above which it may not weigh; empty where there is none"),
            ),
            key=("check_id",),
        ),
        Table(
            "assessors",
            "one assessor, and how strict: for the assessor alone",
            (
                text("assessor", "who judged, as a code"),
                number("visits", "how many visits", "visits"),
                number("strictness", "by how much more is found wrong than by others, shrunk", "log-odds", POSITIVE),
                number("sd", "how unsure that is", "log-odds"),
            ),
            key=("assessor",),
        ),
        Table(
            "places",
            "one of twenty equally likely places of one declaration to visit",
            (
                ORG,
                FUNCTION,
                number("dot", "from 1, the first, to 20, the last", "number"),
                number("place", "the place among those to visit", "rank"),
            ),
            key=("org_code", "function", "dot"),
        ),
        Table(
            "draw",
            "one organisation that took part in the random draw, drawn or not",
            (
                ORG,
                text("stratum", "the group that it was drawn in: types of organisation, or a bin of like risk"),
                text("ticket", "SHA-256 of value|year|code, 64 hexadecimal digits; the smallest are drawn"),
                number("inclusion_probability", "the chance that it had of being drawn", "probability"),
                number("weight", "by what the odds of its ticket are divided before they are compared", "odds"),
                Column("drawn", "flag", "whether it was drawn"),
            ),
            key=("org_code",),
        ),
        Table(
            "joint_chances",
            "one pair of strata of the random draw",
            (
                text("stratum", "the one stratum"),
                text("other", "the other, the same or a later one in alphabetical order"),
                number(
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
                ORG,
                text("section", "section or source of the scores; `all` over all"),
                number("items", "how many scores are pooled", "scores"),
                number("z", "their weighted sum, correlation allowed for", "standard deviations", POSITIVE),
                number("q_value", FALSE_DISCOVERY, "share"),
                BAND,
                BAND_Q,
            ),
            key=("org_code", "section"),
        ),
        Table(
            "patterns",
            "one pattern of one return, against returns drawn by chance (with `--screens`)",
            (
                ORG,
                Column(
                    "pattern",
                    "choice",
                    "what is looked for",
                    allowed=("all_best", "heaped", "inconsistent", "twin", "unchanged"),
                ),
                number("observed", "how much of it there is", "answers; of twins, standard errors"),
                number("expected", "the mean of the made-up returns", "answers; of twins, standard errors"),
                number("p_value", "share of made-up returns that go as far or farther", "probability"),
                number("q_value", FALSE_DISCOVERY, "share"),
                text("says", "what was seen, in words"),
                text("innocent", "what may well explain it"),
            ),
            key=("org_code", "pattern"),
        ),
        Table(
            "outliers",
            "one organisation among its type, by one detector (with `--screens`); unusual, not worse",
            (
                ORG,
                Column("org_type", "choice", "type of organisation", allowed=ORG_TYPES),
                Column(
                    "detector",
                    "choice",
                    "how it is compared",
                    allowed=(
                        "isolation_forest",
                        "robust_distance",
                        "neighbours",
                        "contradictions",
                        "longest_run",
                        "closeness",
                        "careless_answering",
                    ),
                ),
                number("distance", "how far out it is; larger is odder", "the detector's own"),
                number("share", "share of its type that is less odd", "share"),
                number("oddness", "normal score of that share; positive is odder", "standard deviations"),
            ),
            key=("org_code", "detector"),
        ),
        Table(
            "contributions",
            "one of the weightiest terms of a distance of `outliers` (with `--screens`)",
            (
                ORG,
                text("detector", "as in `outliers`"),
                text("name", "the question or figure; with the kind of absence where that is what is odd"),
                number("contribution", "what it adds to the distance; positive is odder", "the detector's own"),
            ),
            key=("org_code", "detector", "name"),
        ),
        Table(
            "unexpected_declarations",
            "one declaration against what the rest of the evidence predicts (with `--screens`)",
            (
                ORG,
                FUNCTION,
                number(
                    "expected_not_compliant", "predicted, that it does not declare compliance", "probability", HIGHER
                ),
                number(
                    "surprise",
                    "of what it does declare: -log₂ of its probability, negative where that is a lapse",
                    "bits",
                    POSITIVE,
                ),
            ),
            key=("org_code", "function"),
        ),
        Table(
            "prediction_fit",
            "one fifth of the declarations by prediction: how well `unexpected_declarations` does (with `--screens`)",
            (
                number("fifth", "1 is that with the lowest predictions", "number"),
                number("declarations", "how many it has", "declarations"),
                number("expected", "share predicted not to declare compliance", "share"),
                number("declared", "share that did not", "share"),
                number("log_loss", "of all predictions", "bits"),
                number("base_log_loss", "of predicting the base rate for all", "bits"),
                number("auc", "chance that a lapse has the higher prediction", "probability"),
            ),
            key=("fifth",),
        ),
        Table(
            "rulebook",
            "one rule as used",
            (
                text("id", "the rule"),
                text("title", "what is expected, in a line"),
                text("kind", "what is held against what"),
                text("expects", "the condition"),
                Column("severity", "choice", "how grave a difference would be", allowed=SEVERITIES),
                text("strength", "who asks for it: statute, guidance, good practice"),
                text("basis", "the law or guidance"),
                text("source", "where it is said"),
                Column("explanations", "list", "what an organisation might rightly reply"),
                Column("lines_of_enquiry", "list", "what to ask for on the day"),
                text("group", "rules of one group share the weight of the thing that they speak of"),
            ),
            key=("id",),
        ),
        Table(
            "manifest",
            "the run: what it rested on and came to",
            (
                text("fingerprint", "by what the run is known again: one SHA-256 of all parts of its identity"),
                text("identity", "SHA-256 of inputs, rules, models, options and code, each apart"),
                text("crosscheck", "version of the program"),
                text("python", "version of Python"),
                text("packages", "versions of the libraries that compute"),
                text("options", "what was asked for"),
                number("seed", "of the intervals, and the value of the practice draw", "number"),
                text(
                    "draw",
                    "of the random sample: whether it binds, its value, chances by stratum and their fit, additions",
                ),
                text("inputs", "each input file: SHA-256, rows, rows set aside"),
                Column("absent_tables", "list", "tables that the collection does not have"),
                text("rules", "how many, their SHA-256, those not in force"),
                text("waivers", "those that were used"),
                text("silences", "checks that a silent source leaves untold for everybody"),
                text("questionnaire", "how many questions, and the SHA-256"),
                text("models", "version and SHA-256 of each model"),
                text("polarity", "items whose sign was looked at, and why"),
                text(
                    "risk",
                    "how it was estimated: in which share of compliant declarations the standard is in truth not met, "
                    "the link, what visits taught, whether it has settled, the risks under other shares",
                ),
                text("cycles", "bodies that are said to succeed one another in a circle"),
                text("accounts", "how many organisations the collection speaks of, and where they are"),
                text(
                    "doubts", "values in doubt, whose they are, and the risks that are higher for what they likely mean"
                ),
                text("reconciliation", "declarations in and out, by category and status"),
                text("counts", "rows that each step made"),
                text("sources", "SHA-256 of every file that the run rests on"),
                text("seconds", "how long each step took; the only part that differs between two equal runs"),
                text("outputs", "SHA-256 of every other file of the run"),
            ),
            key=(),
        ),
        Table(
            "national",
            "the national picture: what was published, recomputed from the answers",
            (
                text("standard", "the standard"),
                text("year", "assessment year"),
                Column("for_publication", "flag", "whether small numbers are withheld"),
                text("how_to_read", "bases, absences and agreement in words"),
                text("agreements", "how many figures agree with what was published, and how closely"),
                text("summary", "the same in sentences"),
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
