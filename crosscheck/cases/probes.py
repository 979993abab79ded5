"""Probes: made-up organisations in chains, from one answer at its worst to the same at its best, all else held.

Everything else is the middle of what the organisations of the type answered, so that what rests on several answers is
tried where it is decided. Answers that one check speaks of together are tried in every combination of their ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from crosscheck.cases.cases import TONE_LIMIT, Name
from crosscheck.vocabulary import ABSENCES, COMMENTATORS, FUNCTION, MET, ORG_TYPE, STATUS, WHY_ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from crosscheck.questionnaire import Question, Questionnaire

    Places = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

# One row a step of a chain: `step` is 0 at the worst end and null where nothing is answered. `answer` is in words.
PROBES: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "org_type": pl.String(),
        "function": pl.String(),
        "chain": pl.Int64(),
        "item": pl.String(),
        "step": pl.Int64(),
        "answer": pl.String(),
    }
)
EVERYTHING: Final = "all answers"
NOTHING: Final = "nothing returned"
REMARK: Final = "comment."

_PERCENT: Final = (0.0, 25.0, 50.0, 75.0, 100.0)
_QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_POLARITIES: Final = tuple(float(polarity) for polarity in range(-3, 4))  # from the worst remark to the best
_MOST_COMBINED: Final = 3  # of more answers beside one only both ends are tried
_ABSENT: Final = {absence: -1 - at for at, absence in enumerate(ABSENCES)}
_DESCRIBED: Final = ("declared.status", "organisation.org_type")
_NO_ANSWER: Final = _ABSENT["no_answer"]


@dataclass(frozen=True)
class Probes:
    """Made-up organisations.

    Attributes:
        rows: `PROBES`.
        columns: what a column of `places` is: an answer, a figure or a remark, as the cases name it.
        places: the place of each probe's answer on its type's ladder, or, below zero, why there is none.
        ladders: one row a type, column and place: `org_type`, `column`, `place`, `value` (a number, or the place of a
            level among the levels), from the worst to the best where one end is worse.
        middles: of each type the median of what else is known of it, by the name of the column of the cases.
    """

    rows: pl.DataFrame
    columns: tuple[str, ...]
    places: Places
    ladders: pl.DataFrame
    middles: Mapping[str, Mapping[str, float | None]]

    @property
    def types(self) -> tuple[str, ...]:
        """The types in alphabetical order."""
        return tuple(self.rows["org_type"].unique().sort())

    def tabulate(self, scored: pl.DataFrame) -> Values:
        """A table by type, column and place; NaN where there is nothing.

        Args:
            scored: one row a type, column and place: `org_type`, `column`, `place`, `of`.
        """
        types = self.types
        table = np.full((len(types), len(self.columns), int(self.places.max(initial=0)) + 1), np.nan)
        known = scored.filter(pl.col("org_type").is_in(types) & pl.col("column").is_in(self.columns))
        at = {column: place for place, column in enumerate(self.columns)}
        rows = pl.Series(types).search_sorted(known["org_type"]).to_numpy()
        columns = known["column"].replace_strict(at, return_dtype=pl.Int64).to_numpy()
        table[rows, columns, known["place"].to_numpy()] = known["of"].to_numpy()
        return table

    def spread(self, table: Values, columns: Places) -> Values:
        """Of each probe what its answers come to, from a table by type, column and place; NaN where there is none.

        Args:
            table: of as many columns as are asked for.
            columns: to which of the columns each belongs.
        """
        rows = pl.Series(self.types).search_sorted(self.rows["org_type"]).to_numpy()
        places = self.places[:, columns]
        found = table[rows[:, None], np.arange(len(columns))[None, :], np.maximum(places, 0)]
        return np.where(places >= 0, found, np.nan)


@dataclass
class _OfType:
    """The chains of one type while they are made."""

    org_type: str
    functions: tuple[str, ...]
    columns: tuple[str, ...]
    ladders: list[tuple[float, ...]]
    middle: Places
    words: list[tuple[str, ...]]
    rows: list[tuple[int, str, int | None, str]] = field(default_factory=list)
    places: list[Places] = field(default_factory=list)
    seen: set[tuple[int, tuple[tuple[int, int], ...]]] = field(default_factory=set)

    def add_chain(self, column: int, beside: Mapping[int, int], *, absences: Sequence[str]) -> None:
        """From worst to best, what is `beside` held at these places; and without an answer."""
        moved = {other: place for other, place in beside.items() if place != self.middle[other]}
        # Several rules ask for the same chain; a second copy would only cost time.
        known = (column, tuple(sorted(moved.items())))
        if known in self.seen or not self.ladders[column]:
            return
        self.seen.add(known)
        base = self.middle.copy()
        for other, place in moved.items():
            base[other] = place
        steps = [*enumerate(self.words[column]), *((None, absence) for absence in absences)]
        chain = len(self.seen)
        for step, words in steps:
            self._add(
                chain, self.columns[column], step, words, base, {column: _ABSENT[words] if step is None else step}
            )

    def _add(
        self, chain: int, item: str, step: int | None, words: str, base: Places, changed: Mapping[int, int]
    ) -> None:
        places = base.copy()
        for column, place in changed.items():
            places[column] = place
        self.rows.append((chain, item, step, words))
        self.places.append(places)

    def add_everything(self, answers: Iterable[int]) -> None:
        """All answers at their worst, at the middle, at their best, and nothing returned."""
        asked = [column for column in answers if self.ladders[column]]
        ends: list[tuple[int | None, str, dict[int, int]]] = [
            (0, "all at their worst", dict.fromkeys(asked, 0)),
            (1, "all as the middle of its type", {}),
            (2, "all at their best", {column: len(self.ladders[column]) - 1 for column in asked}),
            (None, NOTHING, dict.fromkeys(answers, _NO_ANSWER)),
        ]
        for step, words, changed in ends:
            self._add(0, EVERYTHING, step, words, self.middle, changed)


def make_probes(
    cases: pl.DataFrame,
    questionnaire: Questionnaire,
    figures: pl.DataFrame,
    together: Iterable[tuple[str, ...]],
) -> Probes:
    """Make up organisations of each type that is there.

    Args:
        cases: the real ones, one row a declaration; they say what is usual.
        questionnaire: what is asked of whom, and which end is worse.
        figures: of other sources, what each type has: `org_type`, `indicator`, `value`, from the worst to the best.
        together: names that one check, or one fact, speaks of together.
    """
    organisations = cases.unique("org_code", keep="first", maintain_order=True).sort("org_code")
    questions = {column: question for question in questionnaire for column in question.columns}
    remarks = [f"{REMARK}{author}" for author in COMMENTATORS]
    names = figures["indicator"].unique().sort().to_list()
    columns = (*questions, *names, *remarks)
    groups = list(dict.fromkeys(tuple(group) for group in together))
    # By type, because what can be answered and what is usual differ from type to type.
    of_types, middles = [], {}
    for (org_type,), of_type in organisations.group_by(
        pl.col("organisation.org_type").cast(pl.String), maintain_order=True
    ):
        declared = cases.filter(pl.col("organisation.org_type").cast(pl.String) == org_type)["function"].cast(pl.String)
        quantiles = _quantiles(of_type, questions)
        ladders = [
            *_of_answers(quantiles, questions.values(), str(org_type)),
            *_of_figures(figures, names, str(org_type)),
        ]
        ladders += [_POLARITIES] * len(remarks)
        medians = dict(zip(questions, quantiles[len(_QUANTILES) // 2], strict=True))
        chains = _chains(str(org_type), tuple(declared.unique().sort()), columns, ladders, questions, medians)
        _fill(chains, questions, groups)
        of_types.append(chains)
        middles[str(org_type)] = _medians(of_type)
    return _put_together(of_types, columns, middles)


def _of_answers(quantiles: Values, questions: Iterable[Question], org_type: str) -> Iterator[tuple[float, ...]]:
    """Of each question what can be answered, the worst first; empty where the type is not asked, or never answered."""
    for question, given in zip(questions, quantiles.T, strict=True):
        if org_type not in question.org_types or np.isnan(given[0]):
            yield ()
            continue
        if question.has_levels:  # a text has no steps: nobody's is usual, so that none was found above
            steps = [float(place) for place in range(len(question.levels))]
        else:
            spread = _PERCENT if question.answer_type == "percent" else given.tolist()
            steps = sorted({*spread, float(given[len(given) // 2])})
        yield tuple(reversed(steps)) if question.direction == "lower_better" else tuple(steps)


def _quantiles(of_type: pl.DataFrame, columns: Iterable[str]) -> Values:
    """Quantiles in the rows, of levels by their place, each one that was answered; NaN where nobody answered."""
    held = of_type.select(pl.col(list(columns)).to_physical())
    given = held.with_columns(pl.col(pl.String).replace_strict({}, default=None)).cast(pl.Float64).to_numpy()
    ordered = np.sort(np.where(np.isfinite(given), given, np.nan), axis=0)
    number = (~np.isnan(ordered)).sum(axis=0)
    places = np.floor(np.array(_QUANTILES)[:, None] * np.maximum(number - 1, 0)[None, :] + 0.5).astype(np.int64)
    return np.take_along_axis(ordered, places, axis=0)


def _of_figures(figures: pl.DataFrame, names: list[str], org_type: str) -> Iterator[tuple[float, ...]]:
    of_type = figures.filter(pl.col("org_type") == org_type)
    held = {
        str(name[0]): tuple(rows["value"].to_list())
        for name, rows in of_type.group_by("indicator", maintain_order=True)
    }
    yield from (held.get(name, ()) for name in names)


def _chains(
    org_type: str,
    functions: tuple[str, ...],
    columns: tuple[str, ...],
    ladders: list[tuple[float, ...]],
    questions: Mapping[str, Question],
    medians: Mapping[str, float],
) -> _OfType:
    """The ladders of a type in words, and on each the step nearest to the middle of what the type answered."""
    middle, words = [], []
    for column, ladder in zip(columns, ladders, strict=True):
        question = questions.get(column)
        words.append(_words(ladder, question))
        if column.startswith(REMARK) or not ladder:
            middle.append(_NO_ANSWER)
        elif question is None:
            middle.append(len(ladder) // 2)
        else:
            middle.append(ladder.index(medians[column]))
    return _OfType(org_type, functions, columns, ladders, np.array(middle, dtype=np.int64), words)


def _words(ladder: tuple[float, ...], question: Question | None) -> tuple[str, ...]:
    if question is not None and question.has_levels:
        return tuple(question.levels[int(place)] for place in ladder)
    return tuple(f"{value:g}" for value in ladder)


def _fill(chains: _OfType, questions: Mapping[str, Question], groups: list[tuple[str, ...]]) -> None:
    at = {column: place for place, column in enumerate(chains.columns)}
    answers = [at[column] for column in questions]
    for name, column in at.items():
        question = questions.get(name)
        if question is None or question.direction != "none":
            chains.add_chain(column, {}, absences=ABSENCES if question else ())
    for group in groups:
        # Checks that speak of several answers can turn only where these move together, so their ends are combined.
        named = [at[name] for name in group if name in at and chains.ladders[at[name]]]
        for column in named:
            question = questions.get(chains.columns[column])
            if question is None or question.direction != "none":
                for beside in _combinations(chains, [other for other in named if other != column]):
                    chains.add_chain(column, beside, absences=("no_answer",) if question else ())
    directed = [place for place in answers if questions[chains.columns[place]].direction != "none"]
    chains.add_everything(directed)


def _combinations(chains: _OfType, others: list[int]) -> Iterator[dict[int, int]]:
    """Both ends of each of the others, with both of every other; of many only all at one end."""
    ends = [(0, len(chains.ladders[other]) - 1) for other in others]
    chosen = product(*ends) if len(others) <= _MOST_COMBINED else zip(*ends, strict=True)
    yield from (dict(zip(others, places, strict=True)) for places in chosen)


def _put_together(
    of_types: list[_OfType], columns: tuple[str, ...], middles: Mapping[str, Mapping[str, float | None]]
) -> Probes:
    """All types and functions one below the other."""
    frames, places, ladders = [], [], []
    for of_type in of_types:
        rows = pl.DataFrame(
            of_type.rows, schema={name: PROBES[name] for name in ("chain", "item", "step", "answer")}, orient="row"
        )
        for function in of_type.functions:
            frames.append(rows.with_columns(org_type=pl.lit(of_type.org_type), function=pl.lit(function)))
            places.append(np.array(of_type.places, dtype=np.int64).reshape(-1, len(columns)))
        ladders += [
            (of_type.org_type, column, place, value)
            for column, ladder in zip(columns, of_type.ladders, strict=True)
            for place, value in enumerate(ladder)
        ]
    # Numbered after the types are put together, so that no two have one code.
    code = pl.format("made up {}", pl.int_range(pl.len()).cast(pl.String).str.zfill(6))
    together = pl.concat(
        [pl.DataFrame(schema={name: kind for name, kind in PROBES.items() if name != "org_code"}), *frames],
        how="diagonal",
    )
    return Probes(
        together.with_columns(org_code=code).select(PROBES.names()).cast(PROBES),
        columns,
        np.vstack([np.empty((0, len(columns)), dtype=np.int64), *places]),
        pl.DataFrame(
            ladders,
            schema={"org_type": pl.String, "column": pl.String, "place": pl.Int64, "value": pl.Float64},
            orient="row",
        ),
        middles,
    )


def _medians(of_type: pl.DataFrame) -> dict[str, float | None]:
    return of_type.select(pl.selectors.numeric().median().cast(pl.Float64)).row(0, named=True)


def build_probe_cases(probes: Probes, names: Iterable[Name], services: Iterable[str]) -> pl.DataFrame:
    """Lay the probes out as cases, with as much as these names speak of.

    Every one declares compliance and provides every service; of figures without a worse end it has the median of its
    type. What is no answer, figure, remark or number is not known of it.
    """
    rows = probes.rows.select("org_code", pl.col("function").cast(FUNCTION), "org_type")
    asked = list(dict.fromkeys(names))
    at = {column: place for place, column in enumerate(probes.columns)}
    known = [name for name in asked if name.name in at]
    columns = np.array([at[name.name] for name in known], dtype=np.int64)
    table = probes.tabulate(probes.ladders.rename({"value": "of"}))[:, columns]
    values = pl.from_numpy(probes.spread(table, columns), schema=[name.name for name in known])
    why = pl.from_numpy(probes.places[:, columns], schema=[name.name + WHY_ABSENT for name in known])
    answered = pl.concat([rows, values.fill_nan(None), why], how="horizontal")
    described = [
        pl.col("org_type").cast(ORG_TYPE).alias("organisation.org_type"),
        pl.lit(MET[0], dtype=STATUS).alias("declared.status"),
        *(pl.lit(value=True).alias(f"service.{service}") for service in services),
        *(_unknown(name, probes.middles) for name in asked if name.name not in at and name.name not in _DESCRIBED),
        *(column for name in known for column in _as_in_cases(name)),
    ]
    absent = [name.name + WHY_ABSENT for name in known if not name.absences]
    return answered.with_columns(described).drop("org_type", *absent)


def _unknown(name: Name, middles: Mapping[str, Mapping[str, float | None]]) -> pl.Expr:
    """Of a number the median of the type; of anything else nothing."""
    if name.type != "number":
        return pl.lit(None, dtype=_type_of(name)).alias(name.name)
    of_types = {kind: medians.get(name.name) for kind, medians in middles.items()}
    return pl.col("org_type").replace_strict(of_types, return_dtype=pl.Float64).alias(name.name)


def _as_in_cases(name: Name) -> Iterator[pl.Expr]:
    """The value of a column that the probes have, in the type of the cases; of an answer also why there is none."""
    value = pl.col(name.name)
    if name.name.startswith(REMARK):
        value = (
            pl.when(value <= -TONE_LIMIT)
            .then(0.0)
            .when(value >= TONE_LIMIT)
            .then(2.0)
            .when(value.is_not_null())
            .then(1.0)
        )
    if name.levels:
        value = _words_of_places(value, name.levels)
    elif name.type == "text":
        value = pl.lit(None, dtype=name.dtype)
    yield value.alias(name.name)
    if name.absences:
        reason = -1 - pl.col(name.name + WHY_ABSENT)
        yield _words_of_places(pl.when(reason >= 0).then(reason), ABSENCES).alias(name.name + WHY_ABSENT)


def _words_of_places(places: pl.Expr, words: Sequence[str]) -> pl.Expr:
    """The words at these places, null where there is none."""
    return pl.lit(pl.Series(words, dtype=pl.Enum(words))).gather(places.cast(pl.UInt32))


def _type_of(name: Name) -> pl.DataType:
    if name.levels:
        return pl.Enum(name.levels)
    return {"date": pl.Date(), "flag": pl.Boolean()}.get(name.type, pl.String())
