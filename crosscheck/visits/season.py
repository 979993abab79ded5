"""In which week of the season each organisation of the random arm is visited: drawn, too.

Where the weeks are drawn, whoever was visited by a given day and whoever was not differ by chance alone. So whatever
those visited before the next declaration declare or answer otherwise than those visited after it, the visits did; and
what was found up to a week is a random sample of what will be found, so that it may be looked at before the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from crosscheck.visits.draw import ticket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

WEEKS: Final = pl.Schema(
    {"org_code": pl.String(), "stratum": pl.String(), "ticket": pl.String(), "week": pl.Int64(), "from": pl.Date()}
)
_OCCASION: Final = "week of the visit"


def draw_weeks(
    draw: pl.DataFrame, room: Sequence[int], value: str, year: str, monday: date | None = None
) -> pl.DataFrame:
    """Draw the week of each organisation that was drawn.

    The ticket is that of the draw with the occasion beside the year, so that it says nothing of the draw itself. Within
    each stratum organisations take their places in the order of these tickets, spread over the whole season, and the
    places of all strata fill the weeks as evenly as whole visits can, in proportion to their room.

    Args:
        draw: `visits.draw.DRAW`; those not drawn are left aside.
        room: of each week: how many visits there is room for. No week is drawn oftener, unless all together have too
            little; a season without any room at all is filled evenly.
        value: the value that decides the draw, as text.
        year: the assessment year.
        monday: on which day the first week begins; `from` is null where it is not given.

    Returns:
        `WEEKS`, by week and code: one row an organisation drawn, its week (from 1).
    """
    drawn = draw.filter("drawn")
    tickets = [ticket(value, f"{year} {_OCCASION}", code) for code in drawn["org_code"]]
    first = pl.lit(monday, pl.Date)
    ordered = drawn.select("org_code", "stratum", pl.Series("ticket", tickets, pl.String)).sort("stratum", "ticket")
    # The i-th of n in its stratum stands at (i - 1/2)/n of the season: no stratum comes in the first weeks only.
    share = (pl.int_range(pl.len()).over("stratum") + 0.5) / pl.len().over("stratum")
    place = ordered.select(share.rank("ordinal").cast(pl.Int64) - 1).to_series().to_numpy()
    filled = np.cumsum(room if any(room) else np.ones(len(room)))
    week = np.searchsorted(filled, (place + 0.5) / max(len(place), 1) * filled[-1], side="right") + 1
    return (
        ordered.with_columns(week=pl.Series(week, dtype=pl.Int64))
        .with_columns((first + pl.duration(weeks=pl.col("week") - 1)).cast(pl.Date).alias("from"))
        .select(WEEKS.names())
        .cast(WEEKS)
        .sort("week", "org_code")
    )
