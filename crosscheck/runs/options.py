"""The options of a run: what was asked for on the command line, as the manifest keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import tomli

from crosscheck.visits.design import read_design
from crosscheck.visits.plan import TWO_ARMS, Capacity
from crosscheck.visits.seal import Seal  # noqa: TC001  # read at run time, when a manifest is read


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What one run was asked for. A run of a former release states neither a plan nor a seal.

    Attributes:
        collection: where the collection lay: a folder or a workbook. It changes no figure.
        year: assessment year, for example `2008/09`.
        capacity: how many organisations can be visited.
        random_share: the share of them drawn at random, from 0 to 1.
        plan: how they are chosen, as the text of a plan file.
        seed: the value of the practice draw, and the seed of the intervals.
        risk_model: the version of the weights that was asked for; None for the newest.
        no_learn: whether the experts' weights were left as they are stated.
        screens: whether the exploratory tables were made.
        allow_polarity: why a sign may be in doubt, in the words of whoever allowed it.
        pages: whether the pages were written.
        standard: its name, for example `C2`.
        seal: what was sealed of a binding draw, and its value; None for a practice draw.
    """

    collection: str
    year: str
    capacity: int
    random_share: float
    plan: str | None = None
    seed: int
    risk_model: str | None = None
    no_learn: bool = False
    screens: bool = False
    allow_polarity: str | None = None
    pages: bool = True
    standard: str
    seal: Seal | None = None

    def as_json(self) -> dict[str, object]:
        """As the manifest writes them."""
        return asdict(self)

    def to_capacity(self) -> Capacity:
        """How visits are chosen."""
        design = read_design(tomli.loads(self.plan), "the run's plan") if self.plan else TWO_ARMS
        return Capacity(self.capacity, self.random_share, self.seed, design, self.seal)
