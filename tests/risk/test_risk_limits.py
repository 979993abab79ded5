"""What the file of weights may state, and what it may not."""

from __future__ import annotations

import pytest

from crosscheck.risk.model import NamedCheck, NamedLoading
from tests.limits import Limits, hold_to
from tests.risk.invented import MODEL

WITH_NAMES = MODEL.model_copy(
    update={
        "named_checks": {"C2-1": NamedCheck(decibans=1, sd=1, reason="learnt")},
        "questions": {"asked": NamedLoading(loading=0.3, reason="stated")},
    }
)
KIND = next(iter(MODEL.kinds))

SHARE = ([0.001, 0.999], [0, 1])
ABOVE_NOUGHT = ([0.001, 30], [0])
NOT_BELOW_NOUGHT = ([0, 30], [-0.001])
LOADING = ([0, 0.999], [-0.001, 1])
HELD = (
    Limits("prior.found_share", *SHARE),
    Limits("prior.visits", [0.001, 50], [0, 50.001]),
    Limits("visitors.sensitivity", [0.501, 1], [0.5, 1.001]),
    Limits("visitors.specificity", [0.501, 1], [0.5, 1.001]),
    Limits("visitors.chosen_sd", *ABOVE_NOUGHT),
    Limits("visitors.assessor_sd", *ABOVE_NOUGHT),
    Limits("declared.not_met.decibans", [0, 60], [-0.001, 60.001]),
    Limits("declared.not_met.sd", *NOT_BELOW_NOUGHT),
    Limits("link.quality", *SHARE),
    Limits("link.sd", *ABOVE_NOUGHT),
    Limits("link.no_relation", *LOADING),
    Limits("answers.statutory.loading", *LOADING),
    Limits("answers.statutory.sd", *SHARE),
    Limits("answers.statutory.bias", [-0.999, 0], [-1, 0.001]),
    Limits("answers.statutory.bias_sd", *SHARE),
    Limits("questions.asked.loading", *LOADING),
    Limits("questions.asked.sd", [None, 0.001, 0.999], [0, 1]),
    Limits("history.declared.loading", *LOADING),
    Limits("history.fading", [0, 1], [-0.001, 1.001]),
    Limits("groups.section.loading", *LOADING),
    Limits("groups.section.sd", *SHARE),
    Limits("estimation.family_sd", *ABOVE_NOUGHT),
    Limits("estimation.noise_weight", *ABOVE_NOUGHT),
    Limits("estimation.least", [2], [1]),
    Limits("estimation.most_deviation", *ABOVE_NOUGHT),
    Limits("estimation.shrinkage", *NOT_BELOW_NOUGHT),
    Limits("estimation.independent", *NOT_BELOW_NOUGHT),
    Limits("checks.statutory.high.decibans", [0, 20], [-0.001, 20.001]),
    Limits("checks.statutory.high.sd", *ABOVE_NOUGHT),
    Limits("named_checks.C2-1.decibans", [0, 20], [-0.001, 20.001]),
    Limits("named_checks.C2-1.sd", *ABOVE_NOUGHT),
    Limits(f"kinds.{KIND}.factor", [0, 1], [-0.001, 1.001]),
    Limits("confirmation.decisive", *SHARE),
    Limits("confirmation.reliable", *SHARE),
    Limits("confirmation.visits", *ABOVE_NOUGHT),
    Limits("confirmation.factor_sd", *ABOVE_NOUGHT),
    Limits("silence.no_return", [0.001, 1], [0, 1.001]),
    Limits("limits.item_decibans", *ABOVE_NOUGHT),
    Limits("limits.check_decibans", *ABOVE_NOUGHT),
    Limits("limits.score", *ABOVE_NOUGHT),
    Limits("intervals.draws", [50, 100_000], [49, 100_001]),
    Limits("intervals.interval", *SHARE),
)


@pytest.mark.parametrize("limits", HELD, ids=[limits.place for limits in HELD])
def test_a_number_of_the_model_is_held_to_its_limits(limits: Limits) -> None:
    hold_to(WITH_NAMES, limits)
