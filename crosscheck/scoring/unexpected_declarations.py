"""Unexpected declarations: the status that the rest of the evidence predicts, against the one that is declared.

Shown beside a declaration; it weighs nothing until visits have shown what it is worth. What is predicted is what boards
like this one declare, not what is true: where most boards declare too well, the prediction does too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.vocabulary import ABSENCES, FUNCTIONS, LAPSES, ORG_TYPES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.figures.dispersion import Floats
    from crosscheck.scoring.exploratory import ExploratoryModel

UNEXPECTED_DECLARATIONS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "function": pl.String(),
        "expected_not_compliant": pl.Float64(),
        "surprise": pl.Float64(),
    }
)

_KEYS: Final = ("org_code", "function")
_ANSWER: Final = "answer"
_IRRELEVANT: Final = "none"

_MOST_STEPS: Final = 200

_Rows = npt.NDArray[np.intp]
_Statuses = npt.NDArray[np.int8]  # 1 where the declaration is not one of compliance


@dataclass(frozen=True)
class PredictionFit:
    """How well the evidence predicts the declared statuses, by cross-validation.

    Attributes:
        declarations: how many were predicted.
        not_compliant: how many of them do not declare compliance.
        log_loss: mean surprise without its sign, in bits a declaration; less is better.
        base_log_loss: the same for a prediction that knows the share of the training declarations only.
        gain: `base_log_loss` less `log_loss`; not above 0 means that nothing was predicted.
        gain_error: standard error of the gain, organisations as units.
        auc: chance that of two declarations, one of either status, the one not compliant was expected to be it rather.
        fifths: calibration, one row a fifth of the declarations by `expected`, least first: `fifth`, `declarations`,
            `expected` (mean) and `declared` (share not compliant).
        folds: how many folds of organisations.
        penalties: the penalty that each fold's training declarations chose.
        seed: fixes the folds.
    """

    declarations: int
    not_compliant: int
    log_loss: float
    base_log_loss: float
    gain: float
    gain_error: float
    auc: float
    fifths: pl.DataFrame
    folds: int
    penalties: tuple[float, ...]
    seed: int


@dataclass(frozen=True)
class _Predicted:
    """Probabilities of not declaring compliance, out of fold: by the evidence, by the share of the others alone."""

    expected: Floats
    base: Floats
    penalties: tuple[float, ...]


def predict_statuses(
    cases: pl.DataFrame, scores: pl.DataFrame, model: ExploratoryModel
) -> tuple[pl.DataFrame, PredictionFit]:
    """Predict each declared status from the evidence on the others, and say how far what is declared differs from it.

    Logistic regression with a ridge penalty on few summaries: mean score of each section of answers, of the figures
    of each relevance, shares of each kind of absence, type and function. Neither statuses of other years nor of the
    other function are among them. An organisation's declarations are always predicted together, by others'; the
    penalty is chosen inside the training declarations only, and may be so strong that but the base rate is left.

    Args:
        cases: one row a declaration, with `declared.status` and why answers are absent.
        scores: one row a figure or answer of an organisation: `org_code`, `source`, `relevance`, `z`.
        model: folds, penalties and the seed.

    Returns:
        One row a declaration (`UNEXPECTED_DECLARATIONS`), by `org_code`, `function`: `expected_not_compliant` is the
        predicted probability that it does not declare compliance, and `surprise`, in bits, is -log₂ of the probability
        of what it does declare: positive (worse) where that is compliance, negative where it is not, near 0 where the
        two agree. And how well the evidence predicts. A summary that an organisation lacks moves its prediction by
        nothing. Where either status is declared fewer than twice as often as there are folds, nothing can be learnt:
        the base rate is expected of all.
    """
    ordered = cases.sort(*_KEYS)
    summaries = _summarise(ordered, scores, model.surprise.held_at)
    otherwise = ordered["declared.status"].cast(pl.String).is_in(LAPSES).cast(pl.Int8).to_numpy()
    # An organisation's two declarations share its answers: split over folds, one would give away the other.
    groups = ordered["org_code"].rank("dense").to_numpy().astype(np.intp)
    rare = min(otherwise.sum(), len(otherwise) - otherwise.sum())
    learnable = rare >= 2 * model.surprise.folds
    predicted = _predict(summaries, otherwise, groups, model) if learnable else _base_rate(otherwise)
    unexpected = ordered.select(*_KEYS).with_columns(
        expected_not_compliant=predicted.expected, surprise=_surprise(predicted.expected, otherwise)
    )
    return unexpected.cast(UNEXPECTED_DECLARATIONS), _assess(predicted, otherwise, groups, model)


def _summarise(cases: pl.DataFrame, scores: pl.DataFrame, held_at: float) -> Floats:
    """The summaries of each case; NaN where it has no score under a heading.

    Plain means of held scores: a regression finds its own weights, and a pooled normal score would mix in how many
    answers there are, which the shares of absences tell apart.
    """
    heading = pl.when(pl.col("relevance") == _ANSWER).then("source").otherwise(pl.format("figures {}", "relevance"))
    means = (
        scores.filter(pl.col("z").is_not_null() & (pl.col("relevance") != _IRRELEVANT))
        .select("org_code", heading=heading, held=pl.col("z").clip(-held_at, held_at))
        .sort("heading", "org_code", "held")
        .pivot(on="heading", index="org_code", values="held", aggregate_function="mean")
    )
    # Absences are predictors too: boards that leave much open may declare otherwise than those that do not.
    why = [column for column in cases.columns if column.endswith(WHY_ABSENT)]
    shares = [
        pl.mean_horizontal((pl.col(why) == absence).fill_null(value=False)).alias(absence) for absence in ABSENCES
    ]
    kinds = [(pl.col("organisation.org_type") == org_type).alias(org_type) for org_type in ORG_TYPES]
    functions = [(pl.col("function") == function).alias(function) for function in FUNCTIONS]
    described = cases.select("org_code", *shares, *kinds, *functions)
    joined = described.join(means, on="org_code", how="left", maintain_order="left").drop("org_code")
    return joined.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _surprise(expected: Floats, otherwise: _Statuses) -> Floats:
    """Bits; positive where compliance is declared."""
    return np.where(otherwise, np.log2(expected), -np.log2(1 - expected))


def _base_rate(otherwise: _Statuses) -> _Predicted:
    """The share of all, one declaration of either status added so that none is impossible."""
    share = np.full(len(otherwise), (otherwise.sum() + 1) / (len(otherwise) + 2))
    return _Predicted(share, share, ())


def _predict(summaries: Floats, otherwise: _Statuses, groups: _Rows, model: ExploratoryModel) -> _Predicted:
    expected, base = np.empty(len(otherwise)), np.empty(len(otherwise))
    penalties = []
    for training, rest in _folds(otherwise, groups, model):
        training_rows, statuses = summaries[training], otherwise[training]
        penalty = _choose_penalty(training_rows, statuses, groups[training], model)
        expected[rest] = _predict_probabilities(training_rows, statuses, summaries[rest], penalty)
        base[rest] = statuses.mean()
        penalties.append(penalty)
    return _Predicted(expected, base, tuple(penalties))


def _folds(otherwise: _Statuses, groups: _Rows, model: ExploratoryModel) -> Iterator[tuple[_Rows, _Rows]]:
    """Folds that keep an organisation's declarations together and share out those not compliant."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(model.surprise.folds, shuffle=True, random_state=model.seed)
    yield from splitter.split(otherwise, otherwise, groups)


def _choose_penalty(summaries: Floats, otherwise: _Statuses, groups: _Rows, model: ExploratoryModel) -> float:
    """The penalty with the least log-loss on folds of these declarations; of equal ones the strongest."""
    losses = dict.fromkeys(sorted(model.surprise.penalties, reverse=True), 0.0)
    for training, rest in _folds(otherwise, groups, model):
        for penalty in losses:
            expected = _predict_probabilities(summaries[training], otherwise[training], summaries[rest], penalty)
            losses[penalty] += np.abs(_surprise(expected, otherwise[rest])).sum()
    return min(losses, key=losses.__getitem__)


def _predict_probabilities(training_rows: Floats, statuses: _Statuses, new_rows: Floats, penalty: float) -> Floats:
    """Probabilities for `asked` from what is `known`; both by the mean and spread of what is known."""
    from sklearn.linear_model import LogisticRegression

    present = np.isfinite(training_rows)
    number = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, training_rows, 0.0).sum(axis=0) / number
    spread = np.sqrt((np.where(present, training_rows - mean, 0.0) ** 2).sum(axis=0) / number)
    learn, apply = (
        np.nan_to_num((rows - mean) / np.where(spread > 0, spread, 1.0)) for rows in (training_rows, new_rows)
    )
    regression = LogisticRegression(C=1 / penalty, solver="newton-cholesky", max_iter=_MOST_STEPS).fit(learn, statuses)
    return np.asarray(regression.predict_proba(apply)[:, 1])


def _assess(predicted: _Predicted, otherwise: _Statuses, groups: _Rows, model: ExploratoryModel) -> PredictionFit:
    loss, base_loss = (np.abs(_surprise(share, otherwise)) for share in (predicted.expected, predicted.base))
    gained = np.bincount(groups, base_loss - loss)[1:]
    return PredictionFit(
        declarations=len(otherwise),
        not_compliant=int(otherwise.sum()),
        log_loss=float(loss.mean()),
        base_log_loss=float(base_loss.mean()),
        gain=float((base_loss - loss).mean()),
        gain_error=float(gained.std() * np.sqrt(len(gained)) / len(otherwise)),
        auc=_concordance(predicted.expected, otherwise),
        fifths=_fifths(predicted.expected, otherwise),
        folds=model.surprise.folds,
        penalties=predicted.penalties,
        seed=model.seed,
    )


def _concordance(expected: Floats, otherwise: _Statuses) -> float:
    """The area under the curve from mid-ranks; 0.5 where there is but one status."""
    rare, common = otherwise.sum(), len(otherwise) - otherwise.sum()
    ranks = pl.Series(expected).rank("average").to_numpy()[otherwise == 1].sum()
    return float((ranks - rare * (rare + 1) / 2) / (rare * common)) if rare and common else 0.5


def _fifths(expected: Floats, otherwise: _Statuses) -> pl.DataFrame:
    place = pl.col("expected").rank("ordinal") - 1
    return (
        pl.DataFrame({"expected": expected, "declared": otherwise})
        .with_columns(fifth=(place * 5 // pl.len() + 1).cast(pl.UInt8))
        .group_by("fifth")
        .agg(pl.len().alias("declarations"), pl.col("expected").mean(), pl.col("declared").mean())
        .sort("fifth")
    )
