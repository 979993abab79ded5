from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from crosscheck.contract.inputs import INPUTS

ON = date(2008, 12, 31)
Tie = (
    tuple[str, str, str] | tuple[str, str, str, str | None] | tuple[str, str, str, str | None, date | None, date | None]
)


def made_up(ties: Iterable[Tie], scope: Iterable[str] = (), boards: Iterable[str] = ()) -> dict[str, pl.DataFrame]:
    """A collection of these ties: from, relation, to, and where they matter reference, first and last day."""
    rows = [(*tie, *(None,) * (6 - len(tie))) for tie in ties]
    organisations = pl.DataFrame({"org_code": list(scope)}, schema={"org_code": pl.String})
    bodies = pl.DataFrame({"body_code": list(boards)}, schema={"body_code": pl.String})
    return {
        "relationships": pl.DataFrame(rows, schema=INPUTS["relationships"].schema, orient="row"),
        "organisations": organisations.with_columns(name=pl.format("Trust {}", "org_code")),
        "bodies": bodies.with_columns(name=pl.format("Board {}", "body_code"), kind=pl.lit("lscb")),
    }
