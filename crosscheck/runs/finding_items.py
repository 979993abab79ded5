"""What the regulator intends to rely on, organisation by organisation and item by item, and what each item rests on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from crosscheck.cases.cases import catalogue
from crosscheck.cases.returns import MEASURES
from crosscheck.collection.replies import spelt_answer
from crosscheck.rulebook.condition import Percentile, is_same, names_in, names_shared, nodes
from crosscheck.rulebook.format_value import format_evidence, format_value
from crosscheck.rulebook.to_english import in_words, short_label
from crosscheck.runs.run_folder import COLLECTION, read_manifest, read_table
from crosscheck.vocabulary import RELATIONS, SEVERITIES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from crosscheck.cases.cases import Name
    from crosscheck.questionnaire import Question, Questionnaire
    from crosscheck.rulebook.rule import Rule
    from crosscheck.standard import Standard

_KEYS: Final = ("org_code", "function")
_ITEM: Final = ("org_code", "check_id", "says", "evidence")
_BOTH: Final = "both"

# Findings of these kinds ask and weigh nothing; the organisation is told so.
ASKED_ONLY: Final = ("implausible_value", "response_pattern")

_SOURCES: Final = {
    "declared": "declarations",
    "comment": "remarks of third parties",
    "returned": "the return as a whole",
    "organisation": "the register of organisations",
    "service": "the register of organisations",
}


_IS_TO_IT: Final = {
    "commissioner": "a commissioner of its services",
    "provider": "a provider that it commissions",
    "same_lscb": "a member of the same safeguarding children board",
    "other_party": "another party of the same case review",
}
_RELATION: Final = rf"({'|'.join(RELATIONS)}|same\([^)]*\))"
_OF_A_BODY: Final = re.compile(rf"{_RELATION} (\w+): (.*)", re.DOTALL)
_OF_NONE: Final = re.compile(rf"{_RELATION}: (none.*|not known.*)")
_PLACE: Final = "Place among organisations of its type, 0 the lowest, 1 the highest:"
_MORE: Final = re.compile(r"and (\d+) more")


class Ground(NamedTuple):
    """A name that a rule's own case speaks of: its column, its words, whose account it is, and its question if any."""

    check_id: str
    name: str
    about: str
    whose: str
    question: str | None


def list_items(run: Path, standard: Standard) -> tuple[pl.DataFrame, pl.DataFrame]:
    """List all items of a run, and what each rests on.

    Args:
        run: the folder.
        standard: the rules as the run used them.

    Returns:
        `items`, one row an item, by organisation, gravest first: `item` (`5XX/C2-HR-01/whole`; two functions of which
        the same is said are one item, `…/both`), `org_code`, `check_id`, `functions` (in words), `says`, `expected`,
        `basis` (the law or guidance in short), `evidence`, `kind`, `is_duty` (a statutory duty that its own answer says
        is unmet; these come first); what is waived is left out.
        And `grounds`, one row an item and name: `item`, `org_code`, `check_id`, `functions`, `name`, `about`, `whose`,
        `statement` (the value in words), `question` (null where no answer can correct it), `question_id`, `review`,
        `your_answer` (as it is to be spelt).

    Raises:
        RunError: there is no such run.
    """
    grounds = pl.DataFrame(list_grounds(standard), schema=list(Ground._fields), orient="row")
    cases, findings = read_table(run, "cases"), read_table(run, "findings")
    items, members = _items(findings, read_table(run, "duties"))
    values = _with_sources(
        _values_in_words(cases, grounds, catalogue(standard.questionnaire, standard.indicators.names)), run
    )
    rests = (
        members.join(grounds, on="check_id", maintain_order="left_right")
        .join(values, on=[*_KEYS, "name"], how="left", maintain_order="left")
        .join(list_answers(cases, standard.questionnaire), on=[*_KEYS, "question"], how="left", maintain_order="left")
        # Both functions of an item rest on the same answers, so each name is listed once.
        .unique(["item", "name"], keep="first", maintain_order=True)
        .drop("function")
    )
    return items, rests


def items_to_reply(grounds: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """One row an item and question that an answer can correct, or an item alone: the rows of the forms."""
    with_question = grounds.drop_nulls("question")
    alone = items.join(with_question, on="item", how="anti").select("item", "org_code", "check_id", "functions")
    columns = ["item", "org_code", "check_id", "functions", "question", "question_id", "review", "your_answer", "about"]
    order = items.select("item").with_row_index("place")
    rows = pl.concat([with_question.select(columns), alone], how="diagonal").join(
        order, on="item", maintain_order="left"
    )
    return rows.sort("place", maintain_order=True).drop("place")


def _items(findings: pl.DataFrame, duties: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The items, and which findings each stands for: two functions of which the same is said are one item."""
    admitted = duties.select("org_code", "check_id", is_duty=pl.lit(value=True)).unique()
    differing = findings.filter((pl.col("verdict") == "differs") & pl.col("waived").is_null())
    functions = pl.col("function").sort()
    # Grouped by what is said and shown as well: where the two functions differ in that, they stay two items.
    together = differing.group_by(_ITEM, maintain_order=True).agg(
        pl.col("expected", "basis", "kind", "severity").first(),
        function=pl.when(pl.len() > 1).then(pl.lit(_BOTH)).otherwise(functions.first()),
        functions=functions.str.join(" and "),
    )
    named_items = together.join(admitted, on=["org_code", "check_id"], how="left", maintain_order="left").with_columns(
        pl.col("is_duty").fill_null(value=False), item=pl.format("{}/{}/{}", "org_code", "check_id", "function")
    )
    members = differing.select(*_ITEM, "function").join(named_items.select(*_ITEM, "item", "functions"), on=_ITEM)
    order = ~pl.col("is_duty"), pl.col("kind").is_in(ASKED_ONLY), pl.col("severity").cast(pl.Enum(SEVERITIES[::-1]))
    return named_items.sort("org_code", *order, "item").drop("function"), members.drop("says", "evidence")


def list_grounds(standard: Standard) -> Iterator[Ground]:
    """What each rule rests on of its own case, each name once, in the order of its text."""
    names = catalogue(standard.questionnaire, standard.indicators.names)
    of_column = {column: question for question in standard.questionnaire for column in question.columns}
    for rule in standard.rulebook:
        for name in dict.fromkeys(column for spoken in _spoken(rule) for column in _own(spoken, names)):
            question = of_column.get(name)
            figure = standard.indicators.indicators.get(name)
            label = figure.label if figure else short_label(names[name])
            about = question.asked_in(name) if question else f"{_sentence(label)}:"
            whose = _whose(name, question, standard.indicators.source_names)
            yield Ground(rule.id, name, about, whose, name if question else None)


def _spoken(rule: Rule) -> Iterator[Name]:
    for condition in rule.conditions:
        yield from names_in(condition)


def _own(name: Name, names: Mapping[str, Name]) -> Iterable[str]:
    """The columns of the case itself that a name means; none where it speaks of another organisation."""
    if name.relation == "this_review":
        own = name.name.removeprefix("this_review.")
        return [column for item in (1, 2) if (column := f"review{item}.{own}") in names]
    return [] if name.relation else [name.name]


def _whose(name: str, question: Question | None, sources: Mapping[str, str]) -> str:
    source = name.split(".", 1)[0]
    return "your answer" if question else _SOURCES.get(source) or sources.get(source, in_words(source))


def _values_in_words(cases: pl.DataFrame, grounds: pl.DataFrame, names: Mapping[str, Name]) -> pl.DataFrame:
    """The value of every name in words, one row a case and name."""
    spoken = [names[name] for name in grounds["name"].unique().sort()]
    words = cases.select(*_KEYS, *(_with_unit(name).alias(name.name) for name in spoken))
    return words.unpivot(index=_KEYS, variable_name="name", value_name="statement")


def _with_unit(name: Name) -> pl.Expr:
    """The value as evidence has it, without what it is called; a share of a return as a percentage."""
    if name.name in MEASURES:
        percentage = (pl.col(name.name) * 100).round(1).cast(pl.String).str.strip_suffix(".0")
        return pl.coalesce(pl.format("{}%", percentage), pl.lit("not known"))
    return format_evidence(name, format_value(name)).str.strip_prefix(f"{name.name} = ")


def list_answers(cases: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    """Every answer as it is to be spelt, one row a case and question; one inherited from a predecessor is its own."""
    columns = [(column, question) for question in questionnaire for column in question.columns]
    questions = pl.DataFrame(
        [
            (column, question.question_id, int(column[len("review")]) if question.repeated else 0)
            for column, question in columns
        ],
        schema={"question": pl.String, "question_id": pl.String, "review": pl.UInt8},
        orient="row",
    )
    spelt = cases.select(*_KEYS, *(_spelt(column, question).alias(column) for column, question in columns))
    long = spelt.unpivot(index=_KEYS, variable_name="question", value_name="your_answer")
    return long.join(questions, on="question", how="left", maintain_order="left")


def _spelt(column: str, question: Question) -> pl.Expr:
    nothing, value, absence = pl.lit(None, dtype=pl.String), pl.col(column), pl.col(column + WHY_ABSENT)
    if not question.is_figure:
        return spelt_answer(value.cast(pl.String), nothing, absence)
    return spelt_answer(nothing, value, absence)


def _with_sources(values: pl.DataFrame, run: Path) -> pl.DataFrame:
    """Say also of which period a figure is, and what the remarks were: nobody can reply to a tone."""
    options = read_manifest(run).options
    of_year = (pl.col("year") == options.year) & (pl.col("standard") == options.standard)
    remarks = (
        read_table(run, f"{COLLECTION}/comments")
        .filter(of_year)
        .group_by("org_code", name=pl.format("comment.{}", "author"), maintain_order=True)
        .agg(more=pl.format("“{}”", "text").drop_nulls().str.join(" "))
    )
    more = pl.concat([remarks, list_periods(run).rename({"period": "more"})])
    with_more = pl.when(pl.col("more").is_null()).then("statement").otherwise(pl.format("{} ({})", "statement", "more"))
    return values.join(more, on=["org_code", "name"], how="left", maintain_order="left").select(
        *_KEYS, "name", statement=with_more
    )


def list_periods(run: Path) -> pl.DataFrame:
    """Of which period each figure is, in words: `org_code`, `name` (`source.indicator`), `period`."""
    day = pl.col("period").str.to_date("%Y-%m-%d", strict=False).dt.strftime("%-d %B %Y")
    figures = read_table(run, f"{COLLECTION}/indicators")
    latest = figures.group_by("org_code", name=pl.format("{}.{}", "source", "indicator")).agg(pl.col("period").max())
    return latest.with_columns(period=pl.coalesce(day, "period"))


class Account(NamedTuple):
    """What somebody else says: what about, what it is, and who says so."""

    about: str
    statement: str
    whose: str


def other_accounts(evidence: str, rule: Rule, bodies: Mapping[str, str]) -> Iterator[Account]:
    """What an item rests on beyond its own case: accounts of bodies, by their names in `bodies`, and of peers."""
    names = [name for condition in rule.conditions for name in names_in(condition)]
    spoken = [name for name in names if name.relation in RELATIONS or is_same(name.relation)]
    asks_peers = any(isinstance(node, Percentile) for condition in rule.conditions for node in nodes(condition))
    for part in evidence.split("; ") if spoken or asks_peers else ():
        if found := _OF_A_BODY.match(part):
            relation, code, account = found.groups()
            body = f"{bodies.get(code, code)} ({code}), {_is_to_it(relation, names)}"
            yield from _accounts_of(body, account, relation, spoken)
        elif found := _OF_NONE.match(part):
            yield Account("What they answered:", found[2], _is_to_it(found[1], names))
        elif part.startswith("peers."):
            yield Account(_PLACE, part.rsplit(" = ", 1)[-1], "all returns")
        elif found := _MORE.fullmatch(part):
            yield Account("What they answered:", "the same", f"{found[1]} more")


def _is_to_it(relation: str, names: Iterable[Name]) -> str:
    """What an organisation of a relation is to the one that an item speaks of."""
    if not is_same(relation):
        return _IS_TO_IT[relation]
    shared = dict.fromkeys(short_label(name) for name in names if name.name in names_shared(relation))
    return f"an organisation with the same {' and '.join(shared)}"


def _accounts_of(body: str, account: str, relation: str, spoken: Iterable[Name]) -> Iterator[Account]:
    for name in spoken:
        short = name.name.removeprefix(f"{relation}.")
        if found := re.search(rf"(?:^|, ){re.escape(short)} = (.*?)(?=, [a-z_]+\.[a-z0-9_.]+ = |$)", account):
            yield Account(name.meaning if name.absences else f"{_sentence(name.meaning)}:", found[1], body)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
