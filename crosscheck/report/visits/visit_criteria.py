"""Which criteria a visit looks at: a core that is the same for everybody, and more by the evidence or by the type.

A criterion bears the name of the question of the review that asks about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import UnknownNameError
from crosscheck.questionnaire import WHICH_REVIEW
from crosscheck.report.visits.visit_evidence import split_column
from crosscheck.runs.finding_items import list_grounds
from crosscheck.runs.run_folder import COLLECTION, read_table
from crosscheck.runs.unlisted import describe_unlisted, read_names
from crosscheck.visits.plan import visiting_arm
from crosscheck.vocabulary import means_met

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from crosscheck.report.visits.visit_evidence import Evidence
    from crosscheck.standard import Standard

# How many criteria are added to the core of a declaration (choice: with it they can be looked at in a day).
MORE: Final = 12

CRITERIA: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "function": pl.String(),
        "question_id": pl.String(),
        "item": pl.String(),
        "asked": pl.String(),
    }
)
_KEYS: Final = ("org_code", "function")
_CRITERION: Final = ("question_id", "item")
_AS_LISTED: Final = "place"


def list_visited(run: Path, only: Sequence[str] = ()) -> pl.DataFrame:
    """The declarations that visits are to test, by `org_code` and `function`.

    Args:
        run: the run's folder.
        only: codes of the organisations to visit; those that the run chose, and that a person added, if there are none.

    Returns:
        `org_code`, `function`, `name`, `org_type`, `region`: every declaration of compliance of theirs.

    Raises:
        RunError: there is no such run.
        UnknownNameError: an organisation of `only` declares compliance nowhere in the run.
    """
    listed = read_table(run, "visit_list").filter(means_met("declared"))
    codes = list(dict.fromkeys(code.strip().upper() for code in only))
    if strangers := sorted(set(codes) - set(listed["org_code"])):
        listed_names = read_names(run)
        raise UnknownNameError(
            f"{code} ({listed_names[code]}): declares compliance nowhere in this run, so there is nothing to test."
            if code in listed_names
            else describe_unlisted(run, code)
            for code in strangers
        )
    chosen = pl.col("org_code").is_in(codes) if codes else visiting_arm().is_not_null()
    names = [pl.col(name).cast(pl.String) for name in ("name", "org_type", "region")]
    return listed.filter(chosen).select(*_KEYS, *names).sort(_KEYS)


def list_criteria(run: Path, visited: pl.DataFrame, evidence: Evidence, standard: Standard) -> pl.DataFrame:
    """The criteria of each visit: the core, and the questions that its weightiest evidence rests on.

    Args:
        run: the run's folder.
        visited: as `list_visited`.
        evidence: as `visit_evidence.weigh_evidence`.
        standard: the rules as the run used them.

    Returns:
        `CRITERIA`, one row a declaration and criterion, by declaration, then in the order of the questionnaire: the
        order tells nothing of the weight.
    """
    points = evidence.points.select("org_code", "point", "functions").explode("functions")
    tied = evidence.criteria.join(points.rename({"functions": "function"}), on=["org_code", "point"])
    weights = evidence.points.select("org_code", "point", "decibans")
    of_evidence = (
        tied.join(weights, on=["org_code", "point"])
        .sort(*_KEYS, "decibans", *_CRITERION, descending=[False, False, True, False, False], nulls_last=True)
        .select(*_KEYS, *_CRITERION)
    )
    return _complete(run, visited, of_evidence, standard)


def list_blinded_criteria(run: Path, visited: pl.DataFrame, evidence: Evidence, standard: Standard) -> pl.DataFrame:
    """The same for an assessor who must not know why: the questions hang on the type and its services alone.

    After the core come the questions on which most of the evidence about all organisations of the type rests, visited
    or not, so that neither the arm nor the draw nor the organisation's own evidence changes them. A question of one
    review is asked of none in particular.

    Args and returns as `list_criteria`.
    """
    types = read_table(run, "visit_list").select("org_code", pl.col("org_type").cast(pl.String)).unique()
    weights = evidence.points.select("org_code", "point", "decibans", "functions").explode("functions")
    weighed = evidence.criteria.join(weights, on=["org_code", "point"]).join(types, on="org_code")
    order = ["org_type", "function", "decibans", "question_id"]
    of_type = (
        weighed.group_by("org_type", "question_id", function="functions")
        # Sums of floats hang on their order, and the order of questions would hang on them.
        .agg(pl.col("decibans").round(6).sort().sum())
        .sort(order, descending=[False, False, True, False])
    )
    of_everybody = visited.select(*_KEYS, "org_type").join(
        of_type, on=["org_type", "function"], maintain_order="left_right"
    )
    return _complete(run, visited, of_everybody.select(*_KEYS, "question_id", item=pl.lit(None, pl.String)), standard)


def _complete(run: Path, visited: pl.DataFrame, more: pl.DataFrame, standard: Standard) -> pl.DataFrame:
    """The core and the first `MORE` others of each declaration that are put to it, with what was asked."""
    put = _list_put(run, visited, standard)
    core = put.filter("core").select(*_KEYS, "question_id", item=pl.lit(None, pl.String))
    further = (
        more.join(put.filter(~pl.col("core")), on=[*_KEYS, "question_id"], how="semi")
        .unique([*_KEYS, *_CRITERION], keep="first", maintain_order=True)
        .filter(pl.int_range(pl.len()).over(_KEYS) < MORE)
    )
    order = [*_KEYS, _AS_LISTED, "item"]
    which = pl.format("review{}", "item").replace_strict(WHICH_REVIEW, default=None, return_dtype=pl.String)
    of_a_review = pl.format("{} ({})", "asked", which)
    return (
        pl.concat([core, further])
        .join(put, on=[*_KEYS, "question_id"])
        .sort(order)
        .with_columns(asked=pl.coalesce(of_a_review, "asked"))
        .select(CRITERIA.names())
    )


def _list_put(run: Path, visited: pl.DataFrame, standard: Standard) -> pl.DataFrame:
    """Every question that is put to the organisation of each declaration, and whether it is one of the core."""
    services = read_table(run, f"{COLLECTION}/organisations").select("org_code", held="services")
    questions = pl.DataFrame(list(_describe(standard)), infer_schema_length=None)
    every = visited.select(*_KEYS, "org_type").join(services, on="org_code", how="left").join(questions, how="cross")
    of_type = pl.col("org_type").is_in(pl.col("org_types")) | (pl.col("org_types").list.len() == 0)
    has_services = pl.col("services").list.set_difference(pl.col("held").fill_null([])).list.len() == 0
    is_core = pl.col("functions").list.contains("any") | pl.col("function").is_in(pl.col("functions"))
    return every.filter(of_type & has_services).with_columns(core=is_core.fill_null(value=False))


def _describe(standard: Standard) -> Iterator[dict[str, object]]:
    """Each question: to whom it is put, and whose core it is part of (`functions`, or `any`)."""
    core = _find_core(standard)
    for place, question in enumerate(standard.questionnaire):
        yield {
            "question_id": question.question_id,
            _AS_LISTED: place,
            "asked": question.text,
            "org_types": list(question.org_types),
            "services": list(question.services),
            "functions": core.get(question.question_id, []),
        }


def _find_core(standard: Standard) -> dict[str, list[str]]:
    """The questions that statutory duties rest on, and for which functions: these are looked at in every visit."""
    columns = pl.DataFrame(list(list_grounds(standard)), infer_schema_length=None, orient="row")
    with_question = columns.drop_nulls("question").select("check_id", *split_column("question"))
    core: dict[str, list[str]] = {}
    for check_id, question_id in with_question.select("check_id", "question_id").iter_rows():
        rule = standard.rulebook[check_id]
        if rule.is_statutory_duty:
            core.setdefault(question_id, []).extend(rule.applies_to.function or ("any",))
    return core
