"""Items of invented organisations of which quality and shading are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck import settings
from crosscheck.frames import INPUTS
from crosscheck.risk.items import ITEMS
from crosscheck.risk.model import read_risk_model

MODEL = read_risk_model(settings.model_file("C2", "visit_risk", "v2"))
YEAR = "2008/09"
NO_VISITS = INPUTS["visits"].empty()

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Invented:
    """Items, and what is true: `quality`, `shading` and `liability`, positive being worse."""

    items: pl.DataFrame
    codes: list[str]
    quality: Floats
    shading: Floats
    liability: Floats


def invent(
    loadings: Mapping[str, tuple[float, float]],
    number: int = 400,
    seed: int = 1,
    groups: Mapping[str, str] | None = None,
    missing: float = 0.0,
) -> Invented:
    """Organisations with items of these true loadings on quality and on shading.

    Experts expect 0.2 and -0.2 of an answer, and 0.2 and nothing of an item whose name begins with `figure`.
    """
    generator = np.random.default_rng(seed)
    quality, shading, rest = generator.standard_normal((3, number))
    link = MODEL.link
    explained = link.quality**2 + link.shading**2
    liability = link.quality * quality + link.shading * shading + np.sqrt(1 - explained) * rest
    codes = [f"R{place:04}" for place in range(number)]
    shared = {group: generator.standard_normal(number) for group in sorted(set((groups or {}).values()))}
    frames = []
    for name, (bears, shades) in loadings.items():
        group = (groups or {}).get(name, "")
        own = 0.5 * shared[group] if group else 0.0
        spread = np.sqrt(1 - bears**2 - shades**2 - (0.25 if group else 0.0))
        z = bears * quality + shades * shading + own + spread * generator.standard_normal(number)
        figure = name.startswith("figure")
        frames.append(
            pl.DataFrame({"org_code": codes, "z": z}).with_columns(
                item=pl.lit(name), family=pl.lit("figures" if figure else "answers"),
                prior=pl.lit("figures.medium" if figure else "answers.statutory"), group=pl.lit(group),
                bears=pl.lit(0.2), bears_sd=pl.lit(0.2), shades=pl.lit(0.0 if figure else -0.2),
                shades_sd=pl.lit(0.0 if figure else 0.2), reason=pl.lit("because"), source=pl.lit("a source"),
            ).filter(pl.Series(generator.random(number) >= missing))
        )  # fmt: skip
    items = pl.concat([frame.select(ITEMS.names()).cast(ITEMS) for frame in frames])
    return Invented(items, codes, quality, shading, liability)


def visit(
    invented: Invented, visited: npt.ArrayLike, selected_by: str, year: str = YEAR, seed: int = 7
) -> pl.DataFrame:
    """Visits to those of index `visited`, by visitors who err as the model states."""
    generator = np.random.default_rng(seed)
    threshold = np.quantile(invented.liability, 1 - MODEL.prior.not_upheld_share)
    places = np.asarray(visited, dtype=np.intp)
    lapse = invented.liability[places] > threshold
    chance = np.where(lapse, MODEL.visitors.sensitivity, 1 - MODEL.visitors.specificity)
    found = generator.random(len(places)) < chance
    return (
        pl.DataFrame(
            {
                "org_code": [invented.codes[place] for place in places.tolist()],
                "function": "whole",
                "year": year,
                "selected_by": selected_by,
                "finding": np.where(found, "qualified", "upheld"),
            }
        )
        .select(
            *(
                pl.col(name)
                if name in ("org_code", "function", "year", "selected_by", "finding")
                else pl.lit(None).alias(name)
                for name in NO_VISITS.columns
            )
        )
        .cast(NO_VISITS.schema)
    )
