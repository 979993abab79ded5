"""The plan: which organisations to visit for an unmet duty, by risk and at random (design: method, section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import polars as pl

from crosscheck.visits.adaptive import sample_by_risk
from crosscheck.visits.benefit import Gain, compare_gain
from crosscheck.visits.design import Added, Design
from crosscheck.visits.draw import Frame, draw_from, stratify
from crosscheck.visits.dry_draws import DrawFit, try_design
from crosscheck.visits.duties import weigh_duties
from crosscheck.visits.seal import Seal, digest_frame
from crosscheck.vocabulary import ARMS, Arm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crosscheck.visits.model import MandatoryArm

_KEYS: Final = ("org_code", "function")
PRACTICE: Final = "practice draw, not binding"
ADDED: Final = "added"  # beside the arms: a person added the organisation
TWO_ARMS: Final = Design()


@dataclass(frozen=True)
class Capacity:
    """How many organisations can be visited, what share of them is drawn at random, and the practice value of the draw.

    Whatever draws by chance elsewhere (the intervals of the risk) starts from the same `seed`. `design` says how
    organisations are chosen; `random_share` goes before its own. `seal` is that of a binding draw, which its value
    decides; without one the draw is for practice, and the seed decides.
    """

    visits: int = 60
    random_share: float = 0.5
    seed: int = 1
    design: Design = TWO_ARMS
    seal: Seal | None = None

    @property
    def at_random(self) -> int:
        """Visits of the random arm."""
        return round(self.visits * self.random_share)

    @property
    def chosen(self) -> int:
        """Visits of the other arms."""
        return max(self.visits - self.at_random, 0)

    @property
    def value(self) -> str:
        """The value that decides the draw."""
        return self.seal.value if self.seal else str(self.seed)


@dataclass(frozen=True)
class Plan:
    """Whom to visit.

    Attributes:
        declarations: one row a declaration, in the order of the list: `org_code`, `function`, `selected_by` (an arm, or
            null), `inclusion_probability` (of the random draw, that of its organisation; null where it was in none),
            `added` (who added its organisation, and why; null where nobody did).
        frame: who took part in the random draw, with which chances.
        draw: `draw.DRAW`, every organisation that took part in the random draw, with its ticket.
        gain: what visits that are not at random bring, by risk and by expected benefit; empty where it is risk alone.
        unknown: organisations that somebody added or removed and that have no declaration which a visit can test.
        removed: by organisation that somebody removed: the arm that chose it all the same, null where none did.
        floor_price: what the floor costs; None without one.
        visits_for_floor: how many visits the floor needs, where there are too few; None otherwise.
    """

    declarations: pl.DataFrame
    frame: Frame
    draw: pl.DataFrame
    gain: tuple[Gain, ...] = ()
    unknown: tuple[str, ...] = ()
    removed: Mapping[str, Arm | None] = field(default_factory=dict)
    floor_price: FloorPrice | None = None
    visits_for_floor: int | None = None


@dataclass(frozen=True)
class FloorPrice:
    """The risks of the chosen declarations together, with the floor of the random draw and without it."""

    expected_hits: float
    without: float


def plan_visits(listed: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity, arm: MandatoryArm, year: str) -> Plan:
    """Choose whom to visit. The unit is the organisation: a visit looks at each of its declarations that it can test.

    A visit tests a declaration of compliance that nobody has visited this year (pool `to_visit`). First come the
    organisations whose own answers say that a grave statutory duty is unmet: the gravest, then those with most unmet
    duties, then by risk, up to the share of the model. Then the random draw among all others, in which each has a known
    chance; then those with the highest risk, or the highest expected benefit. The draw is made before risk chooses:
    without that nobody could say afterwards what the list is worth. In the adaptive design the draw takes all visits
    that are left. Whom people add is visited beside that, and has the same chance in the draw as without it.

    Args:
        listed: one row a declaration: `rank` (1 is the first to visit), `org_code`, `function`, `org_type`, `pool`;
            where the design has a floor or is not two arms by risk, `risk` and `benefit`, too (higher is sooner
            visited).
        duties: `outputs.OUTPUTS["duties"]`.
        capacity: how many organisations, how many of them at random, the design, and the value of the draw.
        arm: which duties make a visit mandatory, and how many visits they may take.
        year: the assessment year; it is part of each ticket.
    """
    design = capacity.design
    testable = listed.filter(pl.col("pool").cast(pl.String) == "to_visit")
    organisations = _of_organisations(testable, design)
    # Mandatory visits leave the frame before the draw, so that every chance in it is known and above zero.
    bound = _bound(organisations, testable.select(_KEYS).join(duties, on=_KEYS), capacity, arm)
    open_ones = organisations.join(bound, on="org_code", how="anti", maintain_order="left")
    frame = _lay_out(open_ones, capacity, bound.height)
    draw = draw_from(frame, capacity.value, year)
    drawn = draw.filter("drawn").select("org_code")
    removed = [one.org_code for one in design.removed]
    left = open_ones.join(drawn, on="org_code", how="anti", maintain_order="left").filter(
        ~pl.col("org_code").is_in(removed)
    )
    others = max(capacity.visits - drawn.height - bound.height, 0)
    chosen = {"mandatory": bound, "risk": left.head(others), "random": drawn}
    arms = pl.concat([chosen[name].select("org_code", selected_by=pl.lit(name)) for name in ARMS])
    chances, added = draw.select("org_code", "inclusion_probability"), _list_added(design.added)
    of_organisation = arms.join(chances, on="org_code", how="full", coalesce=True)
    planned = testable.select(_KEYS).join(of_organisation, on="org_code", how="left").join(added, "org_code", "left")
    declarations = listed.select(_KEYS).join(planned, on=_KEYS, how="left", maintain_order="left")
    known = set(testable["org_code"])
    return Plan(
        declarations,
        frame,
        draw,
        tuple(compare_gain(left, others)) if design.benefit == "expected_benefit" else (),
        tuple(code for code in (*added["org_code"], *sorted(removed)) if code not in known),
        dict.fromkeys(sorted(known & set(removed))) | dict(arms.filter(pl.col("org_code").is_in(removed)).iter_rows()),
        _price_floor(listed, duties, capacity, arm, year, declarations) if design.floor else None,
        None
        if _reaches(frame, design.floor)
        else _find_visits_for_floor(organisations, open_ones, capacity, bound.height),
    )


def _find_visits_for_floor(
    organisations: pl.DataFrame, open_ones: pl.DataFrame, capacity: Capacity, bound: int
) -> int | None:
    """The fewest visits with which everybody has the floor, mandatory visits as they are; found by halving."""
    design = capacity.design

    def enough(visits: int) -> bool:
        if design.kind == "adaptive":
            frame = _lay_out(open_ones, replace(capacity, visits=visits), bound)
        else:  # the floor may take all that is left from the risk arm
            frame = stratify(open_ones, max(visits - bound, 0))
        return _reaches(frame, design.floor)

    low, high = capacity.visits + 1, organisations.height
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _price_floor(
    listed: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity, arm: MandatoryArm, year: str, planned: pl.DataFrame
) -> FloorPrice:
    """The same plan without the floor; tickets stay, so that whoever is drawn in both is the same."""
    free = replace(capacity, design=capacity.design.model_copy(update={"floor": 0.0}))
    risks = listed.select(*_KEYS, "risk")
    with_it, without = (
        risks.join(one.drop_nulls("selected_by"), on=_KEYS, how="semi")["risk"].sum()
        for one in (planned, plan_visits(listed, duties, free, arm, year).declarations)
    )
    return FloorPrice(round(float(with_it), 6), round(float(without), 6))


def count_arms(visit_list: pl.DataFrame) -> dict[str, int]:
    """How many organisations each arm chose, by arm in the order of `vocabulary.ARMS`."""
    counts = visit_list.drop_nulls("selected_by").group_by("selected_by").agg(pl.col("org_code").n_unique())
    return dict.fromkeys(ARMS, 0) | dict(counts.iter_rows())


def visiting_arm() -> pl.Expr:
    """Why a declaration of a visit list is visited: the arm that chose it, else `ADDED`; null where neither."""
    return pl.coalesce(
        pl.col("selected_by").cast(pl.String), pl.when(pl.col("added").is_not_null()).then(pl.lit(ADDED))
    )


@dataclass(frozen=True)
class StratumDrawn:
    """Of a stratum of the draw: how many organisations it has, how many were drawn, and the chance of its first."""

    stratum: str
    organisations: int
    drawn: int
    inclusion_probability: float


@dataclass(frozen=True)
class Floor:
    """The least chance that was asked for, the least that there is (None where nobody can be drawn), and its price.

    Where that is less than was asked for, `visits_needed` is how many visits would do; None if no number does.
    """

    asked: float
    least_chance: float | None
    price: FloorPrice | None = None
    visits_needed: int | None = None


@dataclass(frozen=True)
class AddedVisit:
    """An organisation that a person added to the visits, who did, and why."""

    org_code: str
    who: str
    why: str


@dataclass(frozen=True)
class RemovedVisit:
    """An organisation that a person removed from the visits by risk, who did, why, and the arm that chose it anyway."""

    org_code: str
    who: str
    why: str
    visited_as: Arm | None


@dataclass(frozen=True)
class DrawAccount:
    """What the manifest says of the random draw.

    Attributes:
        binding: whether it was made with the value of its seal, from the frame that was sealed.
        note: the same in words.
        value: the value that it was made with.
        year: assessment year; it is part of every ticket.
        ticket: how a ticket is computed.
        frame: SHA-256 of who could be drawn, with their chances.
        design: the kind of the design.
        strata: the organisations and chances by stratum.
        floor: how far the least chance is from the floor.
        dry_draws: how draws with made-up values fit the chances; None where there is nobody to draw.
        gain: what choosing by expected benefit brings, beside choosing by risk; empty where risk alone chooses.
        added: what people added.
        removed: what people removed.
        added_unknown: codes that were added or removed and have no declaration of compliance that a visit can test.
    """

    binding: bool
    note: str
    value: str
    year: str
    ticket: str
    frame: str
    design: str
    strata: tuple[StratumDrawn, ...]
    floor: Floor = Floor(0.0, None)
    dry_draws: DrawFit | None = None
    gain: tuple[Gain, ...] = ()
    added: tuple[AddedVisit, ...] = ()
    removed: tuple[RemovedVisit, ...] = ()
    added_unknown: tuple[str, ...] = ()


def describe_draw(plan: Plan, capacity: Capacity, year: str) -> DrawAccount:
    """The random draw as the manifest accounts for it."""
    strata = (
        plan.draw.group_by("stratum")
        .agg(
            organisations=pl.len(),
            drawn=pl.col("drawn").sum(),
            inclusion_probability=pl.col("inclusion_probability").first(),
        )
        .sort("stratum")
    )
    frame, design = digest_frame(plan.frame, year), capacity.design
    # Only the frame that was sealed binds: with one organisation more or less the chances are others.
    binding = capacity.seal is not None and capacity.seal.frame == frame
    least = plan.frame.organisations["inclusion_probability"].min()
    return DrawAccount(
        binding=binding,
        note=_describe_kind(capacity.seal, frame),
        value=capacity.value,
        year=year,
        ticket="SHA-256 of value|year|org_code",
        frame=frame,
        design=design.kind,
        strata=tuple(StratumDrawn(**row) for row in strata.iter_rows(named=True)),
        floor=Floor(design.floor, cast("float | None", least), plan.floor_price, plan.visits_for_floor),
        dry_draws=try_design(plan.frame),
        gain=plan.gain,
        added=tuple(AddedVisit(one.org_code, one.who, one.why) for one in design.added),
        removed=tuple(
            RemovedVisit(one.org_code, one.who, one.why, plan.removed.get(one.org_code)) for one in design.removed
        ),
        added_unknown=plan.unknown,
    )


def _describe_kind(seal: Seal | None, frame: str) -> str:
    """Whether a draw binds, in words."""
    if seal is None:
        return PRACTICE
    return seal.describe() if seal.frame == frame else seal.describe_changed()


def _of_organisations(testable: pl.DataFrame, design: Design) -> pl.DataFrame:
    """One row an organisation, the first to visit first: by its riskiest declaration, or by the benefit of all."""
    further = [pl.col("risk").max(), pl.col("risk").sum().alias("finds"), pl.col("benefit").sum()]
    if design.kind == "two-arms" and design.benefit == "risk":
        further = []
    grouped = testable.group_by("org_code").agg(pl.col("org_type").first(), pl.col("rank").min(), *further)
    if design.benefit == "expected_benefit":
        return grouped.sort("benefit", "org_code", descending=[True, False])
    return grouped.sort("rank")


def _lay_out(organisations: pl.DataFrame, capacity: Capacity, bound: int) -> Frame:
    """Who takes part in the draw, and with which chance."""
    design, left = capacity.design, max(capacity.visits - bound, 0)
    if design.kind == "adaptive":
        gain = "risk" if design.benefit == "risk" else "benefit"
        return sample_by_risk(organisations.with_columns(gain=gain), left, design)
    # The floor may take visits from the risk arm; where even all of them do not reach it, the manifest says so.
    numbers = range(capacity.at_random, max(left, capacity.at_random) + 1)
    laid_out = (stratify(organisations, number) for number in numbers)
    return next((frame for frame in laid_out if _reaches(frame, design.floor)), stratify(organisations, numbers[-1]))


def _reaches(frame: Frame, floor: float) -> bool:
    chances = frame.organisations["inclusion_probability"]
    return chances.is_empty() or bool((chances >= floor).all())


def _list_added(added: tuple[Added, ...]) -> pl.DataFrame:
    rows = [(one.org_code, f"{one.who}: {one.why}") for one in added]
    return pl.DataFrame(rows, schema={"org_code": pl.String, "added": pl.String}, orient="row").sort("org_code")


def _bound(organisations: pl.DataFrame, duties: pl.DataFrame, capacity: Capacity, arm: MandatoryArm) -> pl.DataFrame:
    """The organisations of the mandatory arm: `org_code`."""
    grave = weigh_duties(duties, arm).filter(pl.col("gravity") >= arm.least_gravity)
    order = {"gravity": True, "number": True, "rank": False}
    ordered = organisations.join(grave, on="org_code").sort(*order, descending=list(order.values()))
    return ordered.head(int(capacity.chosen * arm.share)).select("org_code")
