"""A new version of the weights from what visits found: before and after with intervals, in readable text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.errors import RunError
from crosscheck.risk.evidence import expect_share
from crosscheck.risk.learn import fit_weights, learn_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.risk.model import Bearing, RiskModel

_KEYS: Final = ("org_code", "function")
_NATS_IN_DECIBANS: Final = 10 / np.log(10)
_WIDTH: Final = 1.645  # standard deviations to either end of a 90% interval
_DECIMALS: Final = 3


@dataclass(frozen=True)
class Revision:
    """What visits teach.

    Attributes:
        changes: one row a number of the model: `section`, `name`, `before`, `before_sd`, `after`, `after_sd`.
        rules: one row a check: `check_id`, `severity`, how many of the visited differ and agree and how many of either
            were not upheld, and what the step between the two is worth in decibans: `stated`, `learnt`, `low`, `high`.
        visits: how many of the year there were; `until` is the day of the last.
    """

    changes: pl.DataFrame
    rules: pl.DataFrame
    visits: int
    until: str


def revise(run: Mapping[str, pl.DataFrame], visits: pl.DataFrame, model: RiskModel, year: str) -> Revision:
    """Learn from the visits of the year, around the model that the run was made with.

    Args:
        run: tables of the run: `loadings`, `beliefs`, `parts` and `findings`.
        visits: what visits found; those of another year are left out.
        model: the weights of the run.
        year: the assessment year of the run.

    Raises:
        RunError: no declaration of the run was visited in its year.
    """
    of_year = visits.filter(pl.col("year") == year)
    seen = _seen(run, of_year)
    if seen.is_empty():
        raise RunError(f"visits: none of {year} to a declaration of this run. There is nothing to learn from.")
    rules = _learn_rules(run["findings"], seen, model)
    changes = [
        *_learn_prior(of_year, model, year),
        *_learn_link(run["beliefs"], of_year, model, year),
        *_learn_bearings(run["loadings"], model),
        *_learn_severities(run["findings"], seen, model),
    ]
    columns = ("section", "name", "before", "before_sd", "after", "after_sd")
    compared = pl.DataFrame(
        changes, schema=dict.fromkeys(columns[:2], pl.String) | dict.fromkeys(columns[2:], pl.Float64), orient="row"
    )
    return Revision(
        compared.with_columns(pl.selectors.float().round(_DECIMALS)),
        rules,
        seen.height,
        str(of_year["visited_on"].max()),
    )


def write_version(text: str, revision: Revision, version: str) -> str:
    """The model's file with the learnt numbers in it, every reason where it stood, and the comparison above them."""
    stated = {(row["section"], row["name"]): row for row in revision.changes.iter_rows(named=True)}
    heading = {
        "version": f'"{version}"',
        "made_on": revision.until,
        "made_by": '"crosscheck learn"',
        "fitted_to": f'"{revision.visits} visits, the last on {revision.until}, around the former version"',
    }
    section, lines = "", []
    for line in text.splitlines():
        if found := re.match(r"\[([\w.]+)\]", line):
            section = found[1]
        name = line.partition("=")[0].strip()
        value = heading.get(name) if not section else _learnt_value(stated, section, name)
        lines.append(line if value is None else f"{name} = {value}")
    return "\n".join([*tell(revision), "", *lines]) + "\n"


def _learnt_value(stated: dict[tuple[str, str], dict[str, float]], section: str, name: str) -> float | None:
    """The new value of a number of the file, or of its standard deviation; none where nothing was learnt of it."""
    of = "decibans" if name == "sd" else name.removesuffix("_sd")
    row = stated.get((section, of))
    return row["after" if of == name else "after_sd"] if row else None


def tell(revision: Revision) -> list[str]:
    """Before and after, as lines of comment, with 90% intervals."""
    width = max(len(f"{section}.{name}") for section, name in revision.changes.select("section", "name").iter_rows())
    lines = [f"# Learnt from {revision.visits} visits, the last on {revision.until}. 90% intervals in brackets."]
    for row in revision.changes.iter_rows(named=True):
        before, after = (_interval(row[end], row[f"{end}_sd"]) for end in ("before", "after"))
        lines.append(f"# {row['section'] + '.' + row['name']:<{width}}  {before}  ->  {after}")
    return lines


def _interval(mean: float, sd: float) -> str:
    return f"{mean:7.3f} ({mean - _WIDTH * sd:6.3f} to {mean + _WIDTH * sd:6.3f})"


def _seen(run: Mapping[str, pl.DataFrame], visits: pl.DataFrame) -> pl.DataFrame:
    """Visited declarations: the finding, and log-odds before any visit of the year, checks apart."""
    told = (
        pl.col("family").is_in(["visited", "checks"]).not_() & pl.col("part").str.starts_with("visit.this_year").not_()
    )
    before = run["parts"].filter(told).group_by(_KEYS).agg(offset=pl.col("decibans").sum() / _NATS_IN_DECIBANS)
    checks = run["parts"].filter(pl.col("family") == "checks").group_by(_KEYS).agg(checks=pl.col("decibans").sum())
    return (
        visits.select(*_KEYS, not_upheld=(pl.col("finding") == "qualified").cast(pl.Float64))
        .join(before, on=_KEYS)
        .join(checks, on=_KEYS, how="left")
        .with_columns(checks=pl.col("checks").fill_null(0.0) / _NATS_IN_DECIBANS)
        .sort(_KEYS)
    )


def _learn_prior(
    visits: pl.DataFrame, model: RiskModel, year: str
) -> list[tuple[str, str, float, float, float, float]]:
    prior, drawn = model.prior, visits.filter(pl.col("selected_by") == "random").height
    before, after = prior.not_upheld_share, expect_share(visits, model, year)
    spreads = [np.sqrt(p * (1 - p) / n) for p, n in ((before, prior.visits), (after, prior.visits + drawn))]
    weight = ("prior", "visits", prior.visits, 0.0, prior.visits + drawn, 0.0)
    return [("prior", "not_upheld_share", before, float(spreads[0]), after, float(spreads[1])), weight]


def _learn_link(
    beliefs: pl.DataFrame, visits: pl.DataFrame, model: RiskModel, year: str
) -> list[tuple[str, str, float, float, float, float]]:
    link, learnt = model.link, learn_link(beliefs, visits, model, year)
    return [
        ("link", "quality", link.quality, link.quality_sd, learnt.quality, learnt.quality_sd),
        ("link", "shading", link.shading, link.shading_sd, learnt.shading, learnt.shading_sd),
    ]


def _learn_bearings(loadings: pl.DataFrame, model: RiskModel) -> list[tuple[str, str, float, float, float, float]]:
    """What items of a kind revealed in this collection: the mean of their loadings, and how far these differ."""
    kinds: dict[str, Bearing] = {f"answers.{name}": bearing for name, bearing in sorted(model.answers.items())}
    kinds |= {f"figures.{name}": bearing for name, bearing in sorted(model.figures.items())}
    kinds |= {"comments": model.comments, "history.declared": model.history.declared}
    changes = []
    for kind, bearing in kinds.items():
        of_kind = loadings.filter(pl.col("prior") == kind)
        for name, stated, sd in (
            ("quality", bearing.quality, bearing.quality_sd),
            ("shading", bearing.shading, bearing.shading_sd),
        ):
            if of_kind.height > 1 and sd > 0:
                values = of_kind[name].to_numpy()
                spread = float(np.hypot(values.std(), of_kind[f"{name}_sd"].to_numpy().mean() / np.sqrt(len(values))))
                mean = float(values.mean()) if name == "shading" else max(float(values.mean()), 0.0)
                changes.append((kind, name, stated, sd, mean, min(spread, sd)))
    return changes


def _learn_severities(
    findings: pl.DataFrame, seen: pl.DataFrame, model: RiskModel
) -> list[tuple[str, str, float, float, float, float]]:
    """The worth of checks of each severity, as a factor on what they added to the risk of those visited."""
    added = findings.group_by(*_KEYS, "severity").agg(added=pl.col("weight").sum() / _NATS_IN_DECIBANS)
    names = sorted(model.checks)
    columns = [
        seen.join(added.filter(pl.col("severity") == name), on=_KEYS, how="left", maintain_order="left")[
            "added"
        ].fill_null(0.0)
        for name in names
    ]
    relative = np.array([model.checks[name].sd / model.checks[name].decibans for name in names])
    learnt = fit_weights(
        np.column_stack(columns),
        seen["not_upheld"].to_numpy(),
        np.ones(len(names)),
        relative,
        seen["offset"].to_numpy(),
    )
    changes = []
    for name, factor, sd in zip(names, learnt.mean.tolist(), learnt.sd.tolist(), strict=True):
        worth = model.checks[name]
        after = max(worth.decibans * factor, 0.1)
        changes.append((f"checks.{name}", "decibans", worth.decibans, worth.sd, after, worth.decibans * sd))
    return changes


def _learn_rules(findings: pl.DataFrame, seen: pl.DataFrame, model: RiskModel) -> pl.DataFrame:
    """What each check by itself was worth among those visited, the rest of the evidence given.

    One of a kind that only asks is stated as worth nothing; what visits show it to be worth is learnt all the same.
    """
    known = pl.col("verdict").cast(pl.String).is_in(["differs", "agrees"]) & pl.col("waived").is_null()
    decided = findings.filter(known).select(
        *_KEYS, "check_id", "kind", pl.col("severity").cast(pl.String), differs=pl.col("verdict") == "differs"
    )
    rows = []
    by_check = decided.join(seen, on=_KEYS).sort("check_id", *_KEYS)
    for (check_id, severity, kind), of_check in by_check.group_by("check_id", "severity", "kind", maintain_order=True):
        worth, factor = model.checks[severity], model.kinds[kind].factor if kind in model.kinds else 1.0
        stated = worth.decibans * factor
        differs, found = of_check["differs"].to_numpy(), of_check["not_upheld"].to_numpy()
        step = (differs - differs.mean())[:, None] * model.correlation.beside_answers / _NATS_IN_DECIBANS
        without = (of_check["offset"] + of_check["checks"]).to_numpy() - step[:, 0] * stated
        learnt = fit_weights(step, found, np.array([stated]), np.array([worth.sd]), without)
        mean, sd = float(learnt.mean[0]), float(learnt.sd[0])
        counts = (int(differs.sum()), int(found[differs].sum()), int((~differs).sum()), int(found[~differs].sum()))
        rows.append((check_id, severity, *counts, stated, mean, mean - _WIDTH * sd, mean + _WIDTH * sd))
    columns = (
        "check_id",
        "severity",
        "differ",
        "of_them_not_upheld",
        "agree",
        "of_these_not_upheld",
        "stated",
        "learnt",
        "low",
        "high",
    )
    return pl.DataFrame(rows, schema=list(columns), orient="row").with_columns(pl.selectors.float().round(_DECIMALS))
