"""Who there is: invented organisations with their areas, services and ties, and the boards that they sit on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.contract.inputs import INPUTS
from crosscheck.simulation.model import ORG_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.model import SimulationModel

# Codes that no real body can have; they say in every table what they are.
_ORGANISATION: Final = "INV{:03d}"
_BOARD: Final = "INVL{:03d}"
_AUTHORITY: Final = "INVS{:02d}"
FORMER: Final = "INVX{:02d}"

_WIDTH, _HEIGHT = 600_000, 600_000  # metres, of an invented country
_FOUNDED: Final = date(2006, 4, 1)
_REFORMED: Final = date(2007, 4, 1)
_NEAREST: Final = 5


def found_organisations(model: SimulationModel, chance: Chance) -> pl.DataFrame:
    """Set up every organisation.

    Returns:
        `inputs.INPUTS["organisations"]`, by code, and after its columns `category`, the index of its region (`area`),
        `board` (the main safeguarding children board), `health_visitors` (whole-time equivalent), `on_plans` (children
        on protection plans) and `reviews` (begun in the year).
    """
    drawn = chance.of("organisations")
    types = np.repeat(ORG_TYPES, [model.organisations.by_type[kind] for kind in ORG_TYPES])
    area = drawn.integers(len(model.regions), size=len(types))
    organisations = pl.DataFrame(
        {
            "org_code": [_ORGANISATION.format(number) for number in range(1, len(types) + 1)],
            "org_type": types,
            "area": area,
            "board": _boards_of_areas(model, area, drawn),
        }
    ).with_columns(category=_categories(model, types), region=pl.Series([model.regions[place] for place in area]))
    return _named(_sized(organisations, model, drawn), model, drawn).with_columns(
        services=_services(model, types, drawn)
    )


def _boards_of_areas(model: SimulationModel, area: NDArray[np.intp], drawn: np.random.Generator) -> NDArray[np.intp]:
    """A board of the organisation's own region: boards are dealt out to the regions in turn."""
    regions = len(model.regions)
    each = model.organisations.boards // regions
    return area + regions * drawn.integers(each, size=len(area))


def _categories(model: SimulationModel, types: NDArray[np.str_]) -> pl.Series:
    """The category of Table 13; a primary care trust's is that of its first declaration."""
    counts, pct = model.organisations, np.flatnonzero(types == "pct")
    categories = np.where(types == "pct", "pct_commissioner", types).astype("<U24")
    categories[pct[: counts.community_trusts]] = "community_trust"
    categories[pct[counts.community_trusts :][: counts.care_trusts]] = "care_trust_commissioner"
    return pl.Series(categories)


def _sized(organisations: pl.DataFrame, model: SimulationModel, drawn: np.random.Generator) -> pl.DataFrame:
    sizes = [model.sizes[kind] for kind in organisations["org_type"]]
    spread = np.array([size.spread for size in sizes])
    normal = drawn.standard_normal((5, len(sizes)))
    people = np.array([size.people for size in sizes]) * np.exp(spread * normal[0])
    # 0.8² + 0.6² = 1: staff is as spread out as the population, and mostly follows it.
    staff = np.array([size.staff for size in sizes]) * np.exp(spread * (0.8 * normal[0] + 0.6 * normal[1]))
    areas = model.areas
    children = np.round(areas.under_five * people * np.exp(0.1 * normal[2]))
    resident = (organisations["org_type"] == "pct") & (organisations["category"] != "community_trust")
    return organisations.with_columns(
        care_trust=pl.col("category") == "care_trust_commissioner",
        easting=np.round(drawn.uniform(0, _WIDTH, len(sizes))),
        northing=np.round(drawn.uniform(0, _HEIGHT, len(sizes))),
        staff_wte=np.round(staff),
        population_0_4=pl.when(resident).then(pl.Series(children)),
        caseload_population=np.round(people),
        health_visitors=children / areas.children_each * np.exp(areas.children_spread * normal[3]),
        on_plans=children * areas.on_plans * np.exp(areas.on_plans_spread * normal[4]),
        reviews=drawn.poisson(areas.reviews * drawn.gamma(1.5, 1 / 1.5, len(sizes))),
    )


def _services(model: SimulationModel, types: NDArray[np.str_], drawn: np.random.Generator) -> pl.Series:
    names = sorted({service for given in model.services.values() for service in given})
    shares = np.array([[model.services[kind].get(name, 0.0) for name in names] for kind in types])
    given = drawn.random(shares.shape) < shares
    return pl.Series([[name for name, there in zip(names, row, strict=True) if there] for row in given])


def _named(organisations: pl.DataFrame, model: SimulationModel, drawn: np.random.Generator) -> pl.DataFrame:
    """Names that begin with the word that matters; none is given twice."""
    words, places = model.words, _places(model, organisations.height, drawn)
    last = [
        {"community_trust": words.community_trust, "care_trust_commissioner": words.care_trust}.get(
            category, getattr(words, kind)[number % len(getattr(words, kind))]
        )
        for number, (category, kind) in enumerate(organisations.select("category", "org_type").iter_rows())
    ]
    names = [f"Invented {place} {kind}" for place, kind in zip(places, last, strict=True)]
    return organisations.with_columns(name=pl.Series(names))


def _places(model: SimulationModel, number: int, drawn: np.random.Generator) -> list[str]:
    words = model.words
    places = [f"{first}{last}" for first in words.beginnings for last in words.endings]
    numbered = [*places, *(f"{place} {side}" for side in ("North", "South") for place in places)]
    order = [*drawn.permutation(len(places)), *range(len(places), len(numbered))]
    return [numbered[place] for place in order[:number]]


def simulate_bodies(model: SimulationModel, chance: Chance) -> pl.DataFrame:
    """`inputs.INPUTS["bodies"]`: the boards, and one strategic health authority a region."""
    boards = range(model.organisations.boards)
    places = _places(model, len(boards), chance.of("bodies"))
    rows = [
        (
            _BOARD.format(board),
            "lscb",
            f"Invented {places[board]} Local Safeguarding Children Board",
            _region(model, board),
        )
        for board in boards
    ]
    rows += [
        (_AUTHORITY.format(area), "sha", f"{region} Strategic Health Authority", region)
        for area, region in enumerate(model.regions)
    ]
    return pl.DataFrame(rows, schema=INPUTS["bodies"].schema, orient="row").sort("body_code")


def _region(model: SimulationModel, board: int) -> str:
    return model.regions[board % len(model.regions)]


def tie_organisations(organisations: pl.DataFrame, model: SimulationModel, chance: Chance) -> pl.DataFrame:
    """`inputs.INPUTS["relationships"]`: who commissions whom, who sits on which board, shared reviews, successions."""
    drawn = chance.of("relationships")
    ties = pl.concat(
        [
            _seats(organisations, model, drawn),
            _commissions(organisations),
            _reviews(organisations, drawn),
            _successions(organisations, model),
        ],
        how="diagonal",
    )
    schema = INPUTS["relationships"].schema
    complete = [
        (pl.col(name) if name in ties.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    ]
    return ties.select(complete).unique().sort(INPUTS["relationships"].key)


def _seats(organisations: pl.DataFrame, model: SimulationModel, drawn: np.random.Generator) -> pl.DataFrame:
    """A seat on the main board, and for every other organisation one on a second board of the region."""
    main = organisations.select(from_code="org_code", board="board")
    second = main.with_columns((pl.col("board") + len(model.regions)) % model.organisations.boards)
    seats = pl.concat([main, second.filter(pl.Series(drawn.random(second.height) < 0.5))])
    return seats.select(
        "from_code",
        relation=pl.lit("sits_on"),
        to_code=pl.Series([_BOARD.format(board) for board in seats["board"]]),
        since=pl.lit(_FOUNDED),
    )


def _commissions(organisations: pl.DataFrame) -> pl.DataFrame:
    """Every primary care trust commissions the nearest providers."""
    buys = organisations.filter(pl.col("category").is_in(["pct_commissioner", "care_trust_commissioner"]))
    sells = organisations.filter(pl.col("org_type") != "pct")
    distance = np.hypot(
        *(buys[axis].to_numpy()[:, None] - sells[axis].to_numpy()[None, :] for axis in ("easting", "northing"))
    )
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :_NEAREST]
    return pl.DataFrame(
        {
            "from_code": np.repeat(buys["org_code"].to_numpy(), nearest.shape[1]),
            "to_code": sells["org_code"].to_numpy()[nearest.ravel()],
        }
    ).with_columns(relation=pl.lit("commissions"), since=pl.lit(_REFORMED))


def _reviews(organisations: pl.DataFrame, drawn: np.random.Generator) -> pl.DataFrame:
    """Reviews in which two organisations of one board took part; the reference ends with the item that tells of it."""
    pairs = (
        organisations.select("board", from_code="org_code")
        .join(organisations.select("board", to_code="org_code"), on="board")
        # The smaller code first: each pair once, and nobody with itself.
        .filter(pl.col("from_code") < pl.col("to_code"))
        .sort("from_code", "to_code")
    )
    chosen = pairs.filter(pl.Series(drawn.random(pairs.height) < 0.2))
    items = drawn.integers(1, 3, size=chosen.height)
    references = [f"INV-{1000 + number}-{item}" for number, item in enumerate(items)]
    return chosen.select(
        "from_code",
        "to_code",
        relation=pl.lit("shared_review"),
        reference=pl.Series(references, dtype=pl.String),
        since=pl.lit(date(2008, 1, 15)),
    )


def _successions(organisations: pl.DataFrame, model: SimulationModel) -> pl.DataFrame:
    """The first few acute trusts were each formed from another body."""
    formed = organisations.filter(pl.col("org_type") == "acute").head(model.organisations.successions)["org_code"]
    return pl.DataFrame(
        {"from_code": formed, "to_code": [FORMER.format(number) for number in range(1, len(formed) + 1)]}
    ).with_columns(relation=pl.lit("succeeds"), since=pl.lit(_REFORMED))
