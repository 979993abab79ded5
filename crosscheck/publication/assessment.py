"""The final assessment: what each declaration counts as after it was cross-checked, and why.

It is for publication. Of a named organisation it says what was declared, what became of it and why: no risk, no rank,
no finding that nobody has decided on, and no name of staff.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, get_args

import polars as pl
from pydantic import Field, model_validator

from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.model_file import Heading, ModelPart, read_model_file
from crosscheck.report.national.suppression import suppress
from crosscheck.runs.former_runs import read_rules
from crosscheck.runs.manifest import parse_manifest
from crosscheck.runs.run_folder import MANIFEST, RULEBOOK
from crosscheck.visits.listing import all_visits
from crosscheck.vocabulary import Status, means_met, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from crosscheck.contract.table import Table
    from crosscheck.runs.manifest import Manifest

After = Literal["as_declared", "explained", "upheld", "qualified", "not_tested"]
AFTERS: Final = get_args(After)
KEYS: Final = ("org_code", "function")
WITHHELD: Final = "withheld"
ALL: Final = "all"

_ABOUT: Final = ("org_code", "name", "org_type", "region", "function", "declared")
_OWN_WORD: Final = "declaration_vs_answer"
_VISITS: Final = {"org_code": pl.String, "function": pl.String, "visited_on": pl.Date, "finding": pl.String}
_DECISIONS: Final = {"org_code": pl.String, "function": pl.String, "kind": pl.String, "reason": pl.String}
_DECLARED: Final = ("declarations", "declared_compliant", "declared_otherwise")

# What withholding a count loses: what was found is what people ask for, and of all before that of a type.
_COSTS: Final = {"not_tested": 1.0, "as_declared": 2.0, "explained": 3.0, "upheld": 50.0, "qualified": 100.0}


class HighRisk(ModelPart):
    """Which declarations of compliance must be decided on: from this risk, and those `planned` to be visited."""

    risk: float = Field(gt=0, le=1)
    planned: bool


class Effect(ModelPart):
    """What a declaration counts as, for what was declared and what became of it; `says` in words for the public."""

    declared: tuple[Status, ...] = Field(min_length=1)
    after: tuple[After, ...] = Field(min_length=1)
    effect: str
    says: str


class AssessmentModel(Heading):
    """All choices of one version; every pair of a status and an outcome has exactly one effect."""

    high_risk: HighRisk
    effects: tuple[Effect, ...]

    @model_validator(mode="after")
    def _cover_every_pair(self) -> AssessmentModel:
        stated = [pair for effect in self.effects for pair in product(effect.declared, effect.after)]
        wrong = [pair for pair in product(words_of(self.standard).statuses, AFTERS) if stated.count(pair) != 1]
        if wrong:
            raise ValueError(f"effects: state one, and one only, for each of {wrong}")
        return self

    @property
    def pairs(self) -> pl.DataFrame:
        """One row a pair: `declared`, `after`, `effect`, `effect_says`."""
        rows = [(*pair, row.effect, row.says) for row in self.effects for pair in product(row.declared, row.after)]
        return pl.DataFrame(rows, ["declared", "after", "effect", "effect_says"], orient="row")


def read_assessment_model(file: Path) -> AssessmentModel:
    """Read the choices of the final assessment.

    Raises:
        ModelError: with every missing, unknown or impossible entry at once.
    """
    return read_model_file(file, AssessmentModel)


@dataclass(frozen=True)
class Evidence:
    """What a run holds that the final assessment speaks of or hangs on.

    `listed` is the visit list, `visits` those of the year that the collection knew, `innocent` the first innocent
    explanation of each check. `mentions` and `not_assessed` account for every organisation of the collection; both are
    empty for a run that was made before it did.
    """

    manifest: Manifest
    listed: pl.DataFrame
    findings: pl.DataFrame
    visits: pl.DataFrame
    explanations: pl.DataFrame
    mentions: pl.DataFrame
    not_assessed: pl.DataFrame


def read_evidence(read: Callable[[str], bytes]) -> Evidence:
    """Read what is needed of a run.

    Args:
        read: gives the content of one of the run's files by its path, as `findings.parquet`.
    """
    manifest, rules = parse_manifest(read(MANIFEST), MANIFEST), read_rules(read(RULEBOOK))
    waves = [name for name in ("visits", "visits_wave_1") if f"collection/{name}.parquet" in manifest.outputs]
    tables = {name: pl.read_parquet(io.BytesIO(read(f"collection/{name}.parquet"))) for name in waves}
    visits = all_visits(tables, manifest.options.standard)
    return Evidence(
        manifest,
        _plain(pl.read_parquet(io.BytesIO(read("visit_list.parquet")))),
        _plain(pl.read_parquet(io.BytesIO(read("findings.parquet")))),
        # Only visits of the year: a former one says nothing of this year's declaration.
        latest_visits(visits.filter(pl.col("year") == manifest.options.year).to_dicts()),
        pl.DataFrame([(rule["id"], rule["explanations"][0]) for rule in rules if rule["explanations"]],
                     {"check_id": pl.String, "may_explain": pl.String}, orient="row"),
        _read_account(read, manifest, "mentions.parquet", KEPT["mentions"]),
        _read_account(read, manifest, "not_assessed.parquet", OUTPUTS["not_assessed"]),
    )  # fmt: skip


def _read_account(read: Callable[[str], bytes], manifest: Manifest, path: str, table: Table) -> pl.DataFrame:
    """A table that accounts for organisations; without a row for a run that has none."""
    if path not in manifest.outputs:
        return table.empty()
    return pl.read_parquet(io.BytesIO(read(path)))


def latest_visits(visits: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Visits of the year as a frame, the latest of each declaration: `org_code`, `function`, `visited_on`, `finding`.

    A day may be a text, as `2009-07-27`. Of two on one day the later of the rows counts: it corrects the other.
    """
    days = ({**visit, "visited_on": date.fromisoformat(str(visit["visited_on"]))} for visit in visits)
    rows = [tuple(visit[name] for name in _VISITS) for visit in days]
    ordered = pl.DataFrame(rows, _VISITS, orient="row").sort("visited_on", maintain_order=True)
    return ordered.unique(KEYS, keep="last", maintain_order=True)


def current_decisions(decisions: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """Decisions that stand as a frame, one a declaration: `org_code`, `function`, `kind`, `reason`."""
    return pl.DataFrame([tuple(row[name] for name in _DECISIONS) for row in decisions], _DECISIONS, orient="row")


def list_high_risk(listed: pl.DataFrame, visits: pl.DataFrame, model: AssessmentModel) -> pl.DataFrame:
    """The declarations that somebody must decide on, the riskiest first: compliance declared, not visited this year.

    Args:
        listed: the visit list.
        visits: as `latest_visits`.
        model: from which risk, and whether what is planned counts.
    """
    planned = pl.col("selected_by").is_not_null() & pl.lit(model.high_risk.planned)
    to_decide = (means_met("declared")) & ((pl.col("risk") >= model.high_risk.risk) | planned)
    return listed.filter(to_decide).join(visits, on=KEYS, how="anti", maintain_order="left").sort("rank")


def assess(evidence: Evidence, decisions: pl.DataFrame, visits: pl.DataFrame, model: AssessmentModel) -> pl.DataFrame:
    """What each declaration counts as.

    A visit of the year speaks first, then the decision that stands; a declaration with neither stands as declared and
    is `not_tested`, which is no pass. Evidence is given only where a declaration is qualified, and only what the
    organisation itself answered.

    Args:
        evidence: of the run.
        decisions: as `current_decisions`.
        visits: as `latest_visits`.
        model: the effects.

    Returns:
        One row a declaration, by name: `org_code`, `name`, `org_type`, `region`, `function`, `declared`, `after`,
        `effect`, `effect_says`, `why`, `evidence` and `may_explain` (both empty unless qualified).
    """
    qualified = pl.col("after") == "qualified"
    assessed = (
        evidence.listed.select(_ABOUT)
        .join(decisions, on=KEYS, how="left")
        .join(visits, on=KEYS, how="left")
        .join(_weightiest(evidence), on=KEYS, how="left")
        .with_columns(after=_after())
        # Left joins throughout: a declaration must not vanish for want of a visit, a decision or evidence.
        .join(model.pairs, on=["declared", "after"], how="left")
    )
    return assessed.select(
        *_ABOUT,
        "after",
        "effect",
        "effect_says",
        _why().alias("why"),
        *(pl.when(qualified).then(name).alias(name) for name in ("evidence", "may_explain")),
    ).sort("name", *KEYS)


def count_outcomes(assessed: pl.DataFrame) -> pl.DataFrame:
    """How many declarations of each type of organisation became what, small numbers withheld.

    How many declared what was published before and is known to all; what became of them is not, and counts from 1 to 4
    are withheld with what would give them back. (Beside the rows by name, which the law makes public, this protects
    nobody; it does where the table goes about by itself.)

    Args:
        assessed: as `assess`.

    Returns:
        One row a type and one for all: `org_type`, `declarations`, `declared_compliant`, `declared_otherwise`, and each
        outcome: a whole number as text, or `withheld`.
    """
    compliant = means_met("declared")
    counts = pl.concat([assessed, assessed.with_columns(org_type=pl.lit(ALL))]).group_by("org_type").agg(
        pl.len().alias("declarations"),
        compliant.sum().alias("declared_compliant"),
        (~compliant).sum().alias("declared_otherwise"),
        *((pl.col("after") == after).sum().alias(after) for after in AFTERS),
    )  # fmt: skip
    counts = counts.sort(pl.col("org_type") == ALL, "org_type").with_columns(pl.exclude("org_type").cast(pl.Int64))
    return _withhold(counts)


def _withhold(counts: pl.DataFrame) -> pl.DataFrame:
    cells = counts.unpivot(index="org_type", variable_name="what", value_name="count").with_columns(
        cell=pl.col("org_type") + "|" + pl.col("what"),
        printed=pl.lit(value=True),
        known=pl.col("what").is_in(_DECLARED),
        cost=pl.col("what").replace_strict(_COSTS, default=0.0)
        # A total costs ten times as much to withhold: it is what most readers look for.
        * pl.when(pl.col("org_type") == ALL).then(10.0).otherwise(1.0),
    )
    shown = suppress(cells, _relations(counts["org_type"].to_list())).filter("shown")["cell"].to_list()
    return counts.select(
        "org_type",
        *(
            pl.when((pl.col("org_type") + f"|{name}").is_in(shown)).then(pl.col(name).cast(pl.String))
            .otherwise(pl.lit(WITHHELD)).alias(name)
            for name in (*_DECLARED, *AFTERS)
        ),
    )  # fmt: skip


def _relations(types: list[str]) -> pl.DataFrame:
    """Outcomes add up to the declarations of each type, types to all."""
    terms = [(f"of {row}", f"{row}|{after}", 1) for row in types for after in AFTERS]
    terms += [(f"of {row}", f"{row}|declarations", -1) for row in types]
    terms += [(after, f"{row}|{after}", -1 if row == ALL else 1) for row in types for after in AFTERS]
    return pl.DataFrame(terms, ["relation", "cell", "factor"], orient="row")


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.selectors.enum().cast(pl.String))


def _weightiest(evidence: Evidence) -> pl.DataFrame:
    """Of each declaration, the weightiest of its own answers that differs from what we would expect."""
    own = (pl.col("verdict") == "differs") & (pl.col("kind") == _OWN_WORD) & pl.col("waived").is_null()
    return (
        evidence.findings.filter(own & pl.col("says").is_not_null())
        .sort(pl.col("weight"), pl.col("check_id"), descending=[True, False])
        .unique(KEYS, keep="first", maintain_order=True)
        .join(evidence.explanations, on="check_id", how="left")
        .select(*KEYS, evidence="says", may_explain="may_explain")
    )


def _after() -> pl.Expr:
    return (
        pl.when((pl.col("kind") == "qualify") | (pl.col("finding") == "qualified"))
        .then(pl.lit("qualified"))
        .when(pl.col("finding") == "upheld")
        .then(pl.lit("upheld"))
        .otherwise(pl.col("kind").replace_strict(
            {"accept": "as_declared", "explain": "explained"}, default="not_tested", return_dtype=pl.String
        ).fill_null("not_tested"))
    )  # fmt: skip


def _why() -> pl.Expr:
    """What was found and what was decided, in sentences; why a visit was wanted stays inside."""
    day = pl.col("visited_on").dt.strftime("%-d %B %Y")
    found = pl.col("finding").replace_strict(
        {"upheld": " upheld the declaration.", "qualified": " found the standard not met."},
        default=None, return_dtype=pl.String,
    )  # fmt: skip
    decided = pl.col("kind").replace_strict(
        {
            "accept": "It stands after cross-checking: ",
            "explain": "It stands with the organisation's explanation: ",
            "qualify": "It is qualified after cross-checking: ",
        },
        default=None,
        return_dtype=pl.String,
    )
    # Where there was no visit the sentence on it is null as a whole and left out.
    said = pl.concat_str(pl.lit("A visit on ") + day + found, decided + pl.col("reason"), separator=" ",
                         ignore_nulls=True)  # fmt: skip
    untested = (
        pl.when(means_met("declared"))
        .then(pl.lit("Neither visited nor decided on: it stands as declared."))
        .otherwise(pl.lit("The board declared the lapse itself: it stands as declared."))
    )
    return pl.when(said == "").then(untested).otherwise(said)
