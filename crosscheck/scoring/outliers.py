"""Outliers: which organisations answer unlike others of their type, all answers and figures taken together.

Without a direction: an outlier may be better than its peers, or only different. It does not affect the risk until
visits have shown what it is worth (design: method, section 3).

Each detector gives one number an organisation and says what it is made of, figure by figure; the contributions add up
to it. Rows and columns are sorted and the seed is fixed, so that the order of what comes in changes nothing. An absent
score stands at the median of the type and so tells nothing; that it is absent, and why, is a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr

from crosscheck.figures.dispersion import Floats, normal_scores
from crosscheck.scoring.answering import (
    Battery,
    Distances,
    find_batteries,
    measure_closeness,
    measure_contradictions,
    measure_runs,
)
from crosscheck.vocabulary import ABSENCES, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crosscheck.scoring.exploratory import AnsweringModel, ExploratoryModel

OUTLIERS: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "org_type": pl.String(),
        "detector": pl.String(),
        "distance": pl.Float64(),
        "share": pl.Float64(),
        "oddness": pl.Float64(),
    }
)
CONTRIBUTIONS: Final = pl.Schema(
    {"org_code": pl.String(), "detector": pl.String(), "name": pl.String(), "contribution": pl.Float64()}
)

# Stands between a question and the kind of its absence in a column's name.
_ABSENCE: Final = ": "

# Concentration steps; the core mostly settles within ten.
_STEPS: Final = 20


@dataclass(frozen=True)
class Outliers:
    """What the detectors found.

    Attributes:
        outliers: one row an organisation and detector (`OUTLIERS`), by `org_code`, `detector`. `distance` is in the
            detector's own unit, larger is odder; `share` is the mid-rank share of its type that is less odd; `oddness`
            is the normal score of that share, positive is odder, and can be compared across types and detectors.
        contributions: one row an organisation, detector and figure or absence (`CONTRIBUTIONS`; `question: no_answer`),
            weightiest first: the largest terms of the sum that makes the `distance`, positive is odder.
    """

    outliers: pl.DataFrame
    contributions: pl.DataFrame


def find_outliers(scores: pl.DataFrame, cases: pl.DataFrame, model: ExploratoryModel) -> Outliers:
    """Compare each organisation as a whole with all others of its type, by several detectors.

    `isolation_forest`, `robust_distance` and `neighbours` look at every score with a direction and at every absence:
    no answer, not known and not applicable are three columns a question, scored by mid-rank as any yes or no is. A
    column that is the same for all is left out; of several that are the same as each other the first is kept, so that a
    section that does not apply to some counts once and not once a question.

    `contradictions`, `longest_run` and `closeness` look for answers that were given without reading (`answering`), the
    first at the scores, the others at questions with the same levels, where there are enough. `careless_answering` puts
    them and the robust distance together: the sum of the squares of what is odd by each, what is less odd than half
    counting nothing. No sign finds every kind of carelessness, so that one that is far out must not be averaged away.

    Args:
        scores: one row a figure or answer of an organisation: `org_code`, `indicator`, `z`.
        cases: one row a declaration, with why answers are absent; all declarations of an organisation carry the same.
        model: the seed and the numbers of each detector.

    Returns:
        Outliers and their contributions. A type with too few organisations (`model.oddness.least`) has no row.
    """
    organisations = cases.unique("org_code", keep="first").sort("org_code")
    # By type: among all organisations the detectors would only find which type each is of.
    of_types = organisations.partition_by("organisation.org_type", as_dict=True)
    screened = [
        _find_in_type(str(org_type), of_type, scores, model)
        for (org_type,), of_type in sorted(of_types.items(), key=lambda item: str(item[0]))
        if of_type.height >= model.oddness.least
    ]
    outliers = pl.concat([OUTLIERS.to_frame(), *(screen.outliers for screen in screened)])
    contributions = pl.concat([CONTRIBUTIONS.to_frame(), *(screen.contributions for screen in screened)])
    return Outliers(
        outliers.sort("org_code", "detector"),
        contributions.sort("org_code", "detector", "contribution", "name", descending=[False, False, True, False]),
    )


def isolate(matrix: Floats, trees: int, seed: int) -> Distances:
    """How quickly random splits set each row apart: the isolation forest of Liu, Ting and Zhou 2008, ICDM, 413-422.

    Each split is credited with the path length that it takes away: the mean path of all rows that came to the node,
    less that of those that went on to the same side (choice; such differences telescope along a path, so the parts add
    up to the distance, and a split that sets nobody apart adds nothing).

    Args:
        matrix: rows in a fixed order, columns alike in unit or not; no NaN.
        trees: how many.
        seed: fixes every split.

    Returns:
        By how many splits the mean path is shorter than the forest's average; positive is odder. It orders rows as
        scikit-learn's score does.
    """
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=trees, random_state=seed).fit(matrix)
    # The forest splits on single precision; the same rounding puts each row on the same side here.
    single = matrix.astype(np.float32)
    parts = np.zeros(matrix.shape)
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        parts += tree.decision_path(single) @ _gains(tree, matrix.shape[1])
    return Distances(parts.sum(axis=1) / trees, parts / trees)


def leave_the_core(matrix: Floats, blocks: npt.NDArray[np.intp], core_share: float) -> Distances:
    """How far each row lies from the core of all, correlation allowed for: a squared Mahalanobis distance.

    A covariance of several hundred columns can't be learnt from as many rows: those that it is learnt from would seem
    near whatever they are. So columns are first summed by block and divided by the root of their number. Location and
    covariance of the blocks rest on the `core_share` of rows that lie nearest together, found by concentration steps
    from the rows nearest to the medians, and the covariance is shrunk (Ledoit and Wolf 2004): the minimum regularised
    covariance determinant of Boudt, Rousseeuw, Vanduffel and Verdonck 2020, Statistics and Computing 30:113-128, with
    one start, so that it needs no seed.

    The blocks are linear in the columns, so the distance r'S⁻¹r falls into terms by column. A term may be negative,
    where a figure makes the rest less unusual. Figures of one block that point opposite ways cancel; the other
    detectors see them.

    Args:
        matrix: rows in a fixed order, no NaN, no column the same for all.
        blocks: the block of each column, numbered from 0.
        core_share: share of rows that the core holds.
    """
    from sklearn.covariance import ledoit_wolf

    scaled = (matrix - np.median(matrix, axis=0)) / matrix.std(axis=0)
    summing = np.eye(blocks.max() + 1)[blocks] / np.sqrt(np.bincount(blocks)[blocks])[:, None]
    summed = scaled @ summing
    # Started from the rows nearest to the medians, which outliers can't move: a random start would need a seed.
    size, apart, pull = int(np.ceil(core_share * len(summed))), summed, summed
    for _ in range(_STEPS):
        core = np.sort(np.argsort((apart * pull).sum(axis=1), kind="stable")[:size])
        covariance, _ = ledoit_wolf(summed[core])
        apart = summed - summed[core].mean(axis=0)
        pull = np.linalg.solve(covariance, apart.T).T
    parts = (scaled - scaled[core].mean(axis=0)) * (pull @ summing.T)
    return Distances(parts.sum(axis=1), parts)


def look_around(matrix: Floats, neighbours: int) -> Distances:
    """How far each row is from those most like it: its mean distance to its nearest neighbours.

    The mean says more than the distance to the last of them, which hangs on one row. Each distance is shared out by the
    squared differences that make it.

    Args:
        matrix: rows in a fixed order (equal distances go by it), columns in one unit; no NaN.
        neighbours: how many, fewer than there are rows.
    """
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=neighbours).fit(matrix).kneighbors(return_distance=False)
    squared = (matrix[:, None, :] - matrix[nearest]) ** 2
    distance = np.sqrt(squared.sum(axis=2, keepdims=True))
    parts = (squared / np.where(distance > 0, distance, 1.0)).mean(axis=1)
    return Distances(parts.sum(axis=1), parts)


@dataclass(frozen=True)
class _Screen:
    """One detector's findings in one type: what it says of these organisations, and the names of its columns."""

    detector: str
    codes: pl.Series
    names: list[str]
    found: Distances


def _detect(organisations: pl.DataFrame, names: list[str], matrix: Floats, model: ExploratoryModel) -> list[_Screen]:
    """What each detector says of the organisations of a type."""
    oddness, codes = model.oddness, organisations["org_code"]
    found = {
        "isolation_forest": isolate(matrix, oddness.trees, model.seed),
        "neighbours": look_around(matrix, oddness.neighbours),
        "robust_distance": leave_the_core(matrix, _blocks(names, matrix, model), oddness.core_share),
    }
    screens = [_Screen(detector, codes, names, distances) for detector, distances in found.items()]
    if model.answering is None:
        return screens
    signs = [*_contradictions(codes, names, matrix, model.answering), *_battery_signs(organisations, model.answering)]
    return [*screens, *signs, *_put_together(codes, [screens[-1], *signs])]


def _blocks(names: list[str], matrix: Floats, model: ExploratoryModel) -> npt.NDArray[np.intp]:
    """Each column by itself where the core has more rows than columns; else sections, sources and kinds of absence.

    Sums by section lose what carelessness is: answers that contradict each other within a section cancel.
    """
    rows, columns = matrix.shape
    if model.answering is not None and rows * model.oddness.core_share > columns:
        return np.arange(columns)
    _, blocks = np.unique([_block(name) for name in names], return_inverse=True)
    return blocks


def _contradictions(codes: pl.Series, names: list[str], matrix: Floats, answering: AnsweringModel) -> Iterator[_Screen]:
    """By the scores alone: absences hang together for reasons of their own."""
    scored = [place for place, name in enumerate(names) if _ABSENCE not in name]
    if not scored:
        return
    found = measure_contradictions(matrix[:, scored], answering.correlation)
    if found.parts.any():  # else no two questions are a pair
        yield _Screen("contradictions", codes, [names[place] for place in scored], found)


def _battery_signs(organisations: pl.DataFrame, answering: AnsweringModel) -> Iterator[_Screen]:
    """Of those alone that answered enough questions of the same levels."""
    batteries = find_batteries(organisations, answering.least_alike)
    if not batteries:
        return
    answered = np.max([np.isfinite(battery.places).sum(axis=1) for battery in batteries], axis=0)
    enough = answered >= answering.least_alike
    if not enough.any():
        return
    of_these = [Battery(battery.names, battery.places[enough]) for battery in batteries]
    codes, names = organisations["org_code"].filter(enough), [name for battery in of_these for name in battery.names]
    yield _Screen("longest_run", codes, names, measure_runs(of_these))
    yield _Screen("closeness", codes, names, measure_closeness(of_these))


def _put_together(codes: pl.Series, screens: list[_Screen]) -> Iterator[_Screen]:
    """The sum of squares of what is odd by each of some screens; one that has nothing on a row adds nothing."""
    if len(screens) < 2:
        return
    parts = np.zeros((len(codes), len(screens)))
    for place, screen in enumerate(screens):
        odd = np.maximum(normal_scores(screen.found.distance.round(9)), 0.0) ** 2
        parts[codes.is_in(screen.codes.implode()).to_numpy(), place] = odd
    names = [screen.detector for screen in screens]
    yield _Screen("careless_answering", codes, names, Distances(parts.sum(axis=1), parts))


def _block(name: str) -> str:
    """The section or source of a score, whichever review it is of; the kind of an absence."""
    figure, _, absence = name.partition(_ABSENCE)
    return absence or figure.removeprefix("review1.").removeprefix("review2.").split(".")[0]


def _find_in_type(
    org_type: str, organisations: pl.DataFrame, scores: pl.DataFrame, model: ExploratoryModel
) -> Outliers:
    names, matrix = _describe(organisations, scores, model.oddness.held_at)
    screens = _detect(organisations, names, matrix, model) if names else []
    outliers = [_outlier_rows(each.codes, org_type, each.detector, each.found.distance) for each in screens]
    contributions = [
        _contributions(each.codes, each.detector, each.names, each.found.parts, model.oddness.named) for each in screens
    ]
    return Outliers(pl.concat([OUTLIERS.to_frame(), *outliers]), pl.concat([CONTRIBUTIONS.to_frame(), *contributions]))


def _describe(organisations: pl.DataFrame, scores: pl.DataFrame, held_at: float) -> tuple[list[str], Floats]:
    """One row an organisation: its scores, the median of its type where one is absent, and what is absent."""
    scored = (
        scores.filter(pl.col("z").is_not_null())
        .join(organisations.select("org_code"), on="org_code", how="semi")
        .sort("indicator")
        .pivot(on="indicator", index="org_code", values="z")
    )
    of_each = organisations.select("org_code").join(scored, on="org_code", how="left", maintain_order="left")
    held = of_each.select(pl.exclude("org_code").clip(-held_at, held_at))
    described = pl.concat(
        [held.select(pl.all().fill_null(pl.all().median())), _absences(organisations)], how="horizontal"
    )
    matrix = described.to_numpy()
    # Identical columns would count one thing several times: a section that does not apply is one absence.
    _, first = np.unique(matrix, axis=1, return_index=True)
    varying = np.sort(first[(matrix[:, first] != matrix[:1, first]).any(axis=0)])
    return [described.columns[column] for column in varying], matrix[:, varying]


def _absences(organisations: pl.DataFrame) -> pl.DataFrame:
    """One column a question and kind of absence that some have and others have not, as a mid-rank normal score."""
    columns = sorted(column for column in organisations.columns if column.endswith(WHY_ABSENT))
    why = organisations.select(pl.col(columns).to_physical().fill_null(len(ABSENCES))).to_numpy()
    return pl.DataFrame(
        {
            f"{column.removesuffix(WHY_ABSENT)}{_ABSENCE}{absence}": normal_scores(
                (of_question == kind).astype(np.float64)
            )
            for column, of_question in zip(columns, why.T, strict=True)
            for kind, absence in enumerate(ABSENCES)
            if 0 < np.count_nonzero(of_question == kind) < len(of_question)
        }
    )


def _outlier_rows(codes: pl.Series, org_type: str, detector: str, distance: Floats) -> pl.DataFrame:
    """Rounded before they are ranked, so that organisations that are alike tie."""
    rounded = distance.round(9)
    oddness = normal_scores(rounded)
    return pl.DataFrame({"org_code": codes, "distance": rounded, "share": ndtr(oddness), "oddness": oddness}).select(
        "org_code",
        pl.lit(org_type).alias("org_type"),
        pl.lit(detector).alias("detector"),
        "distance",
        "share",
        "oddness",
    )


def _contributions(codes: pl.Series, detector: str, names: list[str], parts: Floats, named: int) -> pl.DataFrame:
    weightiest = np.argsort(-parts.round(9), axis=1, kind="stable")[:, :named]
    each = weightiest.shape[1]
    return pl.DataFrame(
        {
            "org_code": np.repeat(codes.to_numpy(), each),
            "detector": [detector] * weightiest.size,
            "name": np.array(names)[weightiest.ravel()],
            "contribution": np.take_along_axis(parts, weightiest, axis=1).ravel().round(9),
        },
        schema=CONTRIBUTIONS,
    )


def _gains(tree: Any, columns: int) -> Floats:
    """By how many splits each node (rows) shortens the path that its parent leads to expect, at the parent's column."""
    inner = np.flatnonzero(tree.children_left >= 0)
    parent = np.zeros(tree.node_count, dtype=np.intp)
    parent[tree.children_left[inner]] = parent[tree.children_right[inner]] = inner
    expected = _expected_paths(tree, parent)
    gains = np.zeros((tree.node_count, columns))
    below = np.arange(1, tree.node_count)
    gains[below, tree.feature[parent[below]]] = expected[parent[below]] - expected[below]
    return gains


def _expected_paths(tree: Any, parent: npt.NDArray[np.intp]) -> Floats:
    """The mean path length of the rows that come to each node; a level at a time, the lowest first."""
    depth = tree.compute_node_depths() - 1
    leaf = tree.children_left < 0
    total = np.where(leaf, tree.n_node_samples * (depth + _unsplit_path(tree.n_node_samples)), 0.0)
    for level in range(tree.max_depth, 0, -1):
        nodes = np.flatnonzero(depth == level)
        np.add.at(total, parent[nodes], total[nodes])
    return np.asarray(total / tree.n_node_samples)


def _unsplit_path(count: npt.NDArray[np.int64]) -> Floats:
    """The mean depth at which further splits would set so many rows apart: 2 (ln(n - 1) + γ) - 2 (n - 1) / n."""
    others = np.maximum(count - 1, 1)
    return np.where(
        count > 2, 2 * (np.log(others) + np.euler_gamma) - 2 * others / count, (count == 2).astype(np.float64)
    )
