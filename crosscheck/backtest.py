"""What the visit list would have been worth: against visits that came later, or in worlds whose truth is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.collection.read import Collection
from crosscheck.contract.outputs import OUTPUTS
from crosscheck.errors import CollectionError
from crosscheck.pipeline import cross_check
from crosscheck.risk.intervals import draw_risks
from crosscheck.simulation.world import build_world
from crosscheck.visits.calibration import KnownTruth, calibrate
from crosscheck.visits.listing import of_standard
from crosscheck.visits.outcomes import (
    INTERVAL,
    JUDGED,
    Estimate,
    measure_worth,
    yield_by_arm,
)
from crosscheck.visits.plan import Capacity
from crosscheck.visits.prevalence_estimates import Population, estimate_prevalence, group_by_organisation
from crosscheck.visits.rankings import COUNTING, list_ranking_items, rank_otherwise
from crosscheck.visits.taught import TEACHERS, Lesson, prepare_lesson, rank_by_others
from crosscheck.vocabulary import means_met

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from crosscheck.pipeline import Outcome
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.simulation.margins import Target
    from crosscheck.simulation.model import WorldPlan
    from crosscheck.simulation.world import World
    from crosscheck.standard import Standard
    from crosscheck.visits.calibration import Calibration, VisitErrors

LIST: Final = "visit list"
TAUGHT: Final = "taught by other worlds' truth"

_KEYS: Final = ("org_code", "function")
# What the list alone says of a declaration.
_STATED: Final = ("org_type", "region", "risk", "drawn")
_WAVE: Final = "visits_wave_1"
_WAVE_ITEMS: Final = "visit_items_wave_1"

# What an organisation may admit that counts beside its scores: by the rule's strength and severity.
_BINDING: Final = ("statutory", "national_guidance")
_WEIGHTY: Final = ("high", "medium")

# The visits of a year are cut into so many stretches of time; each is judged by a list that knows only what came
# before.
_STRETCHES: Final = 3


@dataclass(frozen=True)
class Sample:
    """Declarations that were judged together: `rankings` hold the same of them, each in its own order of visiting."""

    among: str
    name: str
    rankings: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Backtest:
    """What every ranking was worth.

    Attributes:
        about: what was held against what, in words.
        share: the part of the list that counts as its first.
        worths: one row a ranking and sample: `among` (the kind of sample), `ranking`, `sample` (a world, or the visits
            of an arm) and all of `outcomes.Worth`, intervals as `lift_low`, `lift_high`, `auc_low`, `auc_high`.
        calibrations: the list's risks against outcomes, one for each kind of sample, all samples of it together.
        yields: `outcomes.yield_by_arm` of the visits; no row for worlds.
        prevalence: what a visit would find otherwise among all declarations of compliance.
    """

    about: str
    share: float
    worths: pl.DataFrame
    calibrations: Sequence[Calibration]
    yields: pl.DataFrame
    prevalence: Estimate

    def summarise(self) -> pl.DataFrame:
        """One row a ranking of each kind of sample, the list first.

        Medians over the samples. The interval of the lift is that of the sample; where there are several it is the
        range of the middle nine in ten. `against_counting` is the median of the lift over that of counting adverse
        answers on the same sample, `list_against` that of the list's lift over the ranking's; both are null where the
        ranking that is divided by found nothing.
        """
        counted = self.worths.filter(pl.col("ranking") == COUNTING).select("sample", counting="lift")
        listed = self.worths.filter(pl.col("ranking") == LIST).select("sample", listed="lift")
        measures = ("judged", "otherwise", "hit_rate", "lift", "auc", "average_precision", "days_sooner")
        ends = ((0.05, "lift_low"), (0.95, "lift_high"))
        alone, lift = pl.len() == 1, pl.col("lift")
        return (
            self.worths.join(counted, on="sample", how="left", maintain_order="left")
            .join(listed, on="sample", how="left", maintain_order="left")
            .group_by("among", "ranking", maintain_order=True)
            .agg(
                pl.len().cast(pl.Int64).alias("samples"),
                *(pl.col(name).median() for name in measures),
                *(
                    # A single sample has only its own interval; of several, their spread says more than any one
                    # interval.
                    pl.when(alone).then(pl.col(end).first()).otherwise(lift.quantile(at, "linear")).alias(end)
                    for at, end in ends
                ),
                (pl.when(pl.col("counting") > 0).then(lift / pl.col("counting"))).median().alias("against_counting"),
                (pl.when(lift > 0).then(pl.col("listed") / lift)).median().alias("list_against"),
            )
        )


def backtest_worlds(
    worlds: Iterable[tuple[str, World]],
    standard: Standard,
    year: str,
    share: float = 0.1,
    *,
    among: str = "invented worlds",
    with_first_wave: bool = False,
) -> Backtest:
    """Hold the list against the truth of invented worlds, declaration by declaration.

    From thirteen worlds on there is one ranking more: what the truth of all the others teaches of each
    (`visits.taught`).

    Args:
        worlds: each with its name; they are gone through one at a time.
        standard: the questionnaire, rules and models.
        year: the year of their declarations.
        share: the part of the list that counts as its first.
        among: what these worlds are called.
        with_first_wave: let the list learn from the year's first visits; these declarations are then left out, in every
            ranking alike, since what a visit found is no prediction.
    """
    samples: list[Sample] = []
    lessons: list[Lesson] = []
    for name, world in worlds:
        tables = world.tables if with_first_wave else _without_wave(world.tables)
        truth = world.truth.filter(means_met("status")).join(tables[_WAVE], on=_KEYS, how="anti")
        outcomes = truth.select(*_KEYS, otherwise=pl.col("upheld").not_(), weight=pl.lit(1.0))
        made = _run(_collect(tables), standard, year)
        samples.append(Sample(among, name, _judge(made, tables, standard, year, outcomes)))
        items = list_ranking_items(tables, made.scores, _unmet(made.findings, standard.rulebook), year)
        lessons.append(prepare_lesson(outcomes, items))
    samples = _with_taught(samples, lessons) if len(samples) > TEACHERS else samples
    rates = pl.Series([sample.rankings[LIST]["otherwise"].mean() for sample in samples], dtype=pl.Float64)
    prevalence = Estimate(*(float(rates.quantile(level, "linear") or 0.0) for level in (0.5, 0.05, 0.95)))
    about = f"{len(samples)} {among}; every declaration of compliance held against what is true there"
    return _sum_up(about, samples, share, yield_by_arm(_no_visits()), prevalence, KnownTruth())


def _without_wave(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The same before any visit of the year was made."""
    return tables | {name: tables[name].clear() for name in (_WAVE, _WAVE_ITEMS) if name in tables}


def _with_taught(samples: Sequence[Sample], lessons: Sequence[Lesson]) -> list[Sample]:
    taught = rank_by_others(lessons)
    return [
        replace(
            sample,
            rankings={
                **sample.rankings,
                TAUGHT: _beside(sample.rankings[LIST].select(*_KEYS, "otherwise", "weight"), ranking),
            },
        )
        for sample, ranking in zip(samples, taught, strict=True)
    ]


def backtest_mechanisms(
    plans: Sequence[WorldPlan],
    standard: Standard,
    targets: Mapping[str, Sequence[Target]],
    seeds: tuple[int, int],
    share: float = 0.1,
    *,
    with_first_wave: bool = False,
) -> list[Backtest]:
    """Hold the list against invented worlds of one mechanism after the other.

    Args:
        plans: one a mechanism.
        standard: the questionnaire, rules and models.
        targets: the published figures that answers agree with (`margins.read_targets`).
        seeds: how many worlds of each, and the seed of the first.
        share: the part of the list that counts as its first.
        with_first_wave: as `backtest_worlds` has it.
    """
    tested = []
    for plan in plans:
        worlds, among = build_worlds(plan, standard, targets, *seeds), f"invented worlds: {plan.mechanism}"
        one = backtest_worlds(worlds, standard, plan.model.year, share, among=among, with_first_wave=with_first_wave)
        tested.append(replace(one, about=f"{one.about}. In them {plan.cause.description}"))
    return tested


def build_worlds(
    plan: WorldPlan, standard: Standard, targets: Mapping[str, Sequence[Target]], number: int, seed: int
) -> Iterable[tuple[str, World]]:
    """So many worlds, seeds counted up from the first, each made when it is asked for."""
    for one in range(seed, seed + number):
        yield f"{plan.mechanism}, {plan.difficulty}, {one}", build_world(plan, standard.questionnaire, targets, one)


def backtest_collection(collection: Collection, standard: Standard, year: str, share: float = 0.1) -> Backtest:
    """Hold the list against the visits of a year, each by a list that knows only what was found before.

    Args:
        collection: what was read; the year's visits stand in `visits` and in `visits_wave_1`.
        standard: the questionnaire, rules and models.
        year: the assessment year.
        share: the part of the visited that counts as its first.

    Returns:
        Two samples: all visited, and those drawn at random alone, which stand for all declarations of compliance.

    Raises:
        CollectionError: no declaration of compliance was visited in the year.
    """
    on_standard = {
        name: of_standard(table, standard.name)
        for name, table in collection.tables.items()
        if name in ("visits", _WAVE)
    }
    collection = replace(collection, tables=collection.tables | on_standard)
    declarations = _compliant(collection.tables, year)
    visits = _visits(collection.tables).filter(pl.col("year") == year).join(declarations, on=_KEYS, how="semi")
    if visits.is_empty():
        raise CollectionError(f"visits: none of {year}. A list is held against visits; give them in visits or {_WAVE}.")
    judged: dict[str, list[pl.DataFrame]] = {}
    for stretch in _stretches(visits):
        before = _known_before(collection, stretch)
        otherwise = (pl.col("finding") == "qualified").alias("otherwise")
        outcomes = stretch.select(*_KEYS, otherwise, weight=pl.lit(1.0))
        made = _run(before, standard, year)
        for name, ranking in _judge(made, before.tables, standard, year, outcomes).items():
            judged.setdefault(name, []).append(ranking)
    everybody = {name: pl.concat(rankings) for name, rankings in judged.items()}
    drawn = visits.filter((pl.col("selected_by") == "random") & pl.col("inclusion_probability").is_not_null())
    at_random = {name: _weighted(ranking, drawn) for name, ranking in everybody.items()}
    stratum = pl.col("inclusion_probability").cast(pl.String)  # visits do not say theirs; each has a chance of its own
    found = drawn.with_columns(stratum=stratum, otherwise=pl.col("finding") == "qualified")
    about = f"{visits.height} visits of {year}, each by a list that knows only what visits had found before it"
    return _sum_up(
        about,
        [Sample("all visited", "all visited", everybody), Sample("drawn at random", "drawn at random", at_random)],
        share,
        yield_by_arm(visits),
        _prevalence(found, declarations.height),
        standard.risk.visitors,
    )


def _sum_up(
    about: str,
    samples: Sequence[Sample],
    share: float,
    yields: pl.DataFrame,
    prevalence: Estimate,
    visitors: VisitErrors,
) -> Backtest:
    """Measure every ranking in every sample, and the list's risks in every kind of sample."""
    worths = pl.DataFrame(
        [
            {"among": sample.among, "ranking": name, "sample": sample.name}
            | _flat(asdict(measure_worth(ranking, share)))
            for sample in samples
            for name, ranking in sample.rankings.items()
        ]
    )
    lists: dict[str, list[pl.DataFrame]] = {}
    for sample in samples:
        lists.setdefault(sample.among, []).append(sample.rankings[LIST].with_columns(sample=pl.lit(sample.name)))
    calibrations = [calibrate(among, pl.concat(judged), visitors) for among, judged in lists.items()]
    return Backtest(about, share, worths, calibrations, yields, prevalence)


def _prevalence(visits: pl.DataFrame, declarations: int) -> Estimate:
    """After Horvitz and Thompson; of former draws only the chances are known, so risk can't aid it."""
    drawn = group_by_organisation(visits.with_columns(risk=pl.lit(0.0)))
    population = Population(float((1 / drawn.chance).sum()), declarations, 0.0)
    share = estimate_prevalence(drawn, population, INTERVAL).horvitz_thompson
    return Estimate(share.value, share.low, share.high)


def _flat(worth: Mapping[str, object]) -> dict[str, object]:
    """Estimates as three columns: the value under its own name, and its ends."""
    flat: dict[str, object] = {}
    for name, value in worth.items():
        if isinstance(value, dict):
            flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        else:
            flat[name] = value
    return flat


def _run(collection: Collection, standard: Standard, year: str) -> Outcome:
    return cross_check(collection, standard, year, Capacity(visits=60, random_share=0.5, seed=2009))


def _judge(
    made: Outcome, tables: Mapping[str, pl.DataFrame], standard: Standard, year: str, outcomes: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The outcomes beside the scores of every ranking, the list first; the list's have `_STATED`."""
    drawn = draw_risks(made.cases, made.risk, standard.risk)
    score = -pl.col("rank").cast(pl.Float64)
    listed = made.visit_list.select(*_KEYS, "org_type", "region", "risk", score=score).join(drawn, on=_KEYS)
    unmet = _unmet(made.findings, standard.rulebook)
    declarations, occasion = _compliant(tables, year), (year, 2009)
    others = rank_otherwise(declarations, tables, made.scores, unmet, standard.questionnaire, occasion)
    return {name: _beside(outcomes, ranking) for name, ranking in ({LIST: listed} | others).items()}


def _unmet(findings: pl.DataFrame, rulebook: Rulebook) -> pl.DataFrame:
    """What law and national guidance ask for and declarations do not meet on their own word, `grave` or not."""
    against_answers = rulebook.of_kind("declaration_vs_answer")
    binding_rules = [rule for rule in against_answers if rule.strength in _BINDING and rule.severity in _WEIGHTY]
    grave = [rule.id for rule in binding_rules if rule.strength == "statutory" and rule.severity == "high"]
    differs = (pl.col("verdict") == "differs") & pl.col("check_id").is_in([rule.id for rule in binding_rules])
    return findings.filter(differs).select(*_KEYS, "check_id", grave=pl.col("check_id").is_in(grave))


def _beside(outcomes: pl.DataFrame, ranking: pl.DataFrame) -> pl.DataFrame:
    judged = outcomes.join(ranking, on=_KEYS, how="inner", maintain_order="left")
    return judged.select(*_KEYS, *JUDGED.names(), *(name for name in _STATED if name in ranking.columns))


def _compliant(tables: Mapping[str, pl.DataFrame], year: str) -> pl.DataFrame:
    declared = tables["declarations"].filter((pl.col("year") == year) & (means_met("status")))
    return declared.select(_KEYS)


def _visits(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([tables[name] for name in ("visits", _WAVE) if name in tables]).unique()


def _no_visits() -> pl.DataFrame:
    return pl.DataFrame(schema={"selected_by": pl.String, "finding": pl.String})


def _stretches(visits: pl.DataFrame) -> list[pl.DataFrame]:
    """The visits in stretches of time of about equal number; visits of one day are never parted."""
    day = pl.col("visited_on").rank("min") - 1
    stretch = (day * _STRETCHES // visits.height).cast(pl.Int64)
    return visits.with_columns(stretch=stretch).sort("visited_on", *_KEYS).partition_by("stretch", include_key=False)


def _known_before(collection: Collection, stretch: pl.DataFrame) -> Collection:
    tables, began = collection.tables, pl.lit(stretch["visited_on"].min())
    known: dict[str, pl.DataFrame] = {
        name: tables[name].filter(pl.col("visited_on") < began) for name in ("visits", _WAVE) if name in tables
    }
    return replace(collection, tables=tables | known | _seen_before(tables, known))


def _seen_before(tables: Mapping[str, pl.DataFrame], known: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What those visits saw that are known."""
    items = {"visits": "visit_items", _WAVE: _WAVE_ITEMS}
    return {
        items[name]: tables[items[name]].join(visits, on=[*_KEYS, "year"], how="semi", maintain_order="left")
        for name, visits in known.items()
        if items[name] in tables
    }


def _weighted(ranking: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Those drawn at random, each standing for as many declarations as it was drawn from."""
    chance = drawn.select(*_KEYS, "inclusion_probability")
    judged = ranking.join(chance, on=_KEYS, how="inner", maintain_order="left")
    return judged.with_columns(weight=1 / pl.col("inclusion_probability")).drop("inclusion_probability")


def _collect(tables: dict[str, pl.DataFrame]) -> Collection:
    """An invented world as if it had been read: it has no problem and no file."""
    return Collection(tables, OUTPUTS["problems"].empty(), (), ())
