"""A new version of the weights from what visits found: before and after with intervals, in readable text.

The version names by hash the visits and the evidence that it was learnt from: a run that holds them again learns from
what is new alone, so that nothing is counted twice.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import RunError
from crosscheck.risk.items import VISIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.risk.estimate import Risk
    from crosscheck.risk.model import RiskModel

_WIDTH: Final = 1.645  # standard deviations to either end of a 90% interval
_DECIMALS: Final = 3
_MOST_VISITS: Final = 50  # a prior is worth no more than that
_ELSEWHERE: Final = 1.5  # loadings differ from one collection to the next by so much more than is unknown of them here
_NAMED: Final = ("questions", "named_figures", "named_checks")
_LEARNT_FROM: Final = ("visits_learnt_from", "evidence_learnt_from")
_IDENTITY: Final = ("org_code", "function", "year", "visited_on", "selected_by", "finding")
_CHANGES: Final = {
    "section": pl.String,
    "name": pl.String,
    "before": pl.Float64,
    "before_sd": pl.Float64,
    "after": pl.Float64,
    "after_sd": pl.Float64,
}


@dataclass(frozen=True)
class Revision:
    """What a collection and its visits teach.

    Attributes:
        changes: one row a number of the model: `section`, `name`, `before`, `before_sd`, `after`, `after_sd`.
        checks: one row a check that can weigh (`checks.CHECK_WEIGHTS`): what was stated, what was learnt.
        visits: hashes of the visits that were learnt from; `until` is the day of the last.
        evidence: the hash of the evidence that loadings were learnt from.
    """

    changes: pl.DataFrame
    checks: pl.DataFrame
    visits: tuple[str, ...]
    until: str
    evidence: str


@dataclass(frozen=True)
class _Fitted:
    """The new value of one number of a model file, and how unsure it is."""

    value: float
    sd: float


_FittedNumbers = dict[tuple[str, str], _Fitted]  # by section and name of the entry


def hash_visits(visits: pl.DataFrame) -> pl.Series:
    """The hash of each visit: of whom, when, how chosen and what was found."""
    canonical = visits.select(pl.concat_str([pl.col(name).cast(pl.String) for name in _IDENTITY], separator="|"))
    digests = [hashlib.sha256(row.encode()).hexdigest()[:16] for row in canonical.to_series().to_list()]
    return pl.Series("visit", digests, dtype=pl.String)


def hash_evidence(items: pl.DataFrame) -> str:
    """The hash of the evidence that loadings are learnt from: all items but what visits found."""
    rows = (
        items.filter(pl.col("item").str.starts_with(VISIT).not_())
        .select("org_code", "item", pl.col("z").round(6))
        .sort("org_code", "item")
    )
    return hashlib.sha256(rows.write_csv().encode()).hexdigest()


def leave_out(visits: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """The visits that the model was not learnt from already."""
    if not model.visits_learnt_from or visits.is_empty():
        return visits
    return visits.filter(hash_visits(visits).is_in(list(model.visits_learnt_from)).not_())


def revise(risk: Risk, visits: pl.DataFrame, items: pl.DataFrame, model: RiskModel) -> Revision:
    """Learn from a collection and its visits, around the model that the run was made with.

    Args:
        risk: as estimated with these visits.
        visits: all visits of the run that the model was not learnt from already.
        items: the evidence of the run.
        model: the weights of the run.

    Raises:
        RunError: there is no such visit.
    """
    if visits.is_empty():
        raise RunError("visits: none of a declaration of this run that was not learnt from already. Nothing is learnt.")
    changes = [*_prior(risk, model), *_link(risk, model), *_loadings(risk)]
    compared = pl.DataFrame(changes, schema=_CHANGES, orient="row")
    return Revision(
        compared.with_columns(pl.selectors.float().round(_DECIMALS)),
        risk.from_visits.weights,
        tuple(sorted({*model.visits_learnt_from, *hash_visits(visits).to_list()})),
        str(visits["visited_on"].max()),
        hash_evidence(items),
    )


def write_version(text: str, revision: Revision, version: str) -> str:
    """The model's file with the learnt numbers in it, every reason where it stood, and the comparison above them."""
    fitted = revision.changes.select("section", "name", "after", "after_sd").iter_rows()
    numbers = {(section, name): _Fitted(value, sd) for section, name, value, sd in fitted}
    heading = {
        "version": f'"{version}"',
        "made_on": revision.until,
        "made_by": '"crosscheck learn"',
        "fitted_to": f'"{len(revision.visits)} visits, the last on {revision.until}, around the former version"',
        "visits_learnt_from": "[" + ", ".join(f'"{visit}"' for visit in revision.visits) + "]",
        "evidence_learnt_from": f'"{revision.evidence}"',
    }
    lines = _rewrite(_without_comparison(text), heading, numbers)
    return "\n".join([*format_changes(revision), "", *lines, *_named_checks(revision)]) + "\n"


def format_changes(revision: Revision) -> list[str]:
    """Before and after, as lines of comment, with 90% intervals; single questions and figures left out."""
    changes = revision.changes.filter(pl.col("section").is_in(["questions", "named_figures"]).not_())
    width = max(
        (len(f"{section}.{name}") for section, name in changes.select("section", "name").iter_rows()), default=0
    )
    lines = [f"# Learnt from {len(revision.visits)} visits, the last on {revision.until}. 90% intervals in brackets."]
    for row in changes.iter_rows(named=True):
        before, after = (_interval(row[end], row[f"{end}_sd"]) for end in ("before", "after"))
        lines.append(f"# {row['section'] + '.' + row['name']:<{width}}  {before}  ->  {after}")
    return lines


def _without_comparison(text: str) -> str:
    """The file without the comparison that a former revision has put above it."""
    return text.partition("\n\n")[2] if text.startswith("# Learnt from") else text


def _interval(mean: float, sd: float) -> str:
    return f"{mean:7.3f} ({mean - _WIDTH * sd:6.3f} to {mean + _WIDTH * sd:6.3f})"


def _prior(risk: Risk, model: RiskModel) -> Iterator[tuple[str, str, float, float, float, float]]:
    """The share that random visits find, and what it is worth: no more than fifty visits of another year."""
    found, before = risk.prevalence, model.prior
    worth = min(found.weight, float(_MOST_VISITS))
    spreads = [
        (share * (1 - share) / n) ** 0.5 for share, n in ((before.found_share, before.visits), (found.found, worth))
    ]
    yield "prior", "found_share", before.found_share, spreads[0], found.found, spreads[1]
    yield "prior", "visits", before.visits, 0.0, worth, 0.0


def _link(risk: Risk, model: RiskModel) -> Iterator[tuple[str, str, float, float, float, float]]:
    yield (
        "link",
        "quality",
        model.link.quality,
        model.link.sd,
        max(risk.from_visits.link, 0.01),
        risk.from_visits.link_sd,
    )


def _loadings(risk: Risk) -> Iterator[tuple[str, str, float, float, float, float]]:
    """What each question and figure revealed in this collection: the prior of the next."""
    sections = {"answers": "questions", "figures": "named_figures"}
    fitted = risk.loadings.with_columns(item=pl.col("item").str.replace(r"^review\d\.", ""))
    rows = fitted.filter(pl.col("family").is_in(list(sections)) & (pl.col("prior") != "verified"))
    together = rows.group_by("family", "item").agg(pl.selectors.numeric().mean()).sort("family", "item")
    for row in together.iter_rows(named=True):
        sd = min(row["quality_sd"] * _ELSEWHERE, 0.5)
        yield sections[row["family"]], row["item"], row["quality_stated"], sd, row["quality_loading"], sd


def _rewrite(text: str, heading: dict[str, str], numbers: _FittedNumbers) -> Iterator[str]:
    """The lines of the file; what was learnt of single questions, figures and checks is written anew after them."""
    section = ""
    for line in text.splitlines():
        if opened := re.match(r"\[([\w.]+)\]", line):
            section = opened[1]
        if section in _NAMED:
            continue
        name = line.partition("=")[0].strip()
        value = heading.get(name) if not section else _fitted_value(numbers, section, name)
        if section or name not in _LEARNT_FROM:
            yield line if value is None else f"{name} = {value}"
        if not section and name == "learns":
            yield from (f"{key} = {heading[key]}" for key in _LEARNT_FROM)
    yield from _named_loadings(numbers)


def _named_loadings(numbers: _FittedNumbers) -> Iterator[str]:
    """What was learnt of each question and figure."""
    for section in ("questions", "named_figures"):
        yield f"[{section}]"
        for of, name in sorted(numbers):
            if of == section:
                fitted = numbers[of, name]
                yield f'"{name}" = {{ loading = {fitted.value}, sd = {fitted.sd}, reason = "learnt" }}'
        yield ""


def _fitted_value(numbers: _FittedNumbers, section: str, name: str) -> float | None:
    """The new value of a number of the file, or of the link's standard deviation; none where nothing was learnt."""
    if section == "link" and name == "sd":
        link = numbers.get(("link", "quality"))
        return link.sd if link else None
    fitted = numbers.get((section, name))
    return fitted.value if fitted else None


def _named_checks(revision: Revision) -> Iterator[str]:
    """Each check's learnt weight, and what the version was learnt from."""
    yield "[named_checks]"
    for row in revision.checks.sort("check_id").iter_rows(named=True):
        looked = f"{row['absent_not_upheld']} of {row['absent']} visits that found it absent did not uphold"
        reason = f"learnt; {looked}" if row["seen"] else "learnt from what visits found"
        sd = max(round(row["sd"], _DECIMALS), 0.05)
        decibans = round(row["decibans"], _DECIMALS)
        yield f'"{row["check_id"]}" = {{ decibans = {decibans}, sd = {sd}, reason = "{reason}" }}'
