"""What a benchmark pack is made of: the questions put to one organisation, its answers, and where each stands."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from crosscheck.report.benchmark.similar import FIGURE, Group, possible_answers
from crosscheck.rulebook.to_english import in_words, value_in_words
from crosscheck.vocabulary import ABSENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crosscheck.cases.cases import Name
    from crosscheck.questionnaire import Question
    from crosscheck.report.benchmark.expectations import Expectation

_SECTIONS: Final = {
    "lscb": "Local safeguarding children board", "sharing": "Sharing information",
}  # fmt: skip
_ABSENT: Final = {
    "no_answer": "no answer was given", "not_known": "answered “not known”",
    "not_applicable": "answered “not applicable”",
}  # fmt: skip
_ASKED_BY: Final = {
    "statutory": "the law", "national_guidance": "national guidance", "good_practice": "good practice",
}  # fmt: skip
# Where an answer stands, or why it stands nowhere, in words.
PLACES: Final = {
    "best": "At the best answer", "between": "In between", "lowest": "At the lowest answer",
    "no_norm": "Figures, and questions without a norm",
    "no_answer": "No answer", "not_known": "Not known", "not_applicable": "Not applicable",
}  # fmt: skip
# Where three in four or more of similar organisations are at the best answer, it is worth asking them how; and what
# half of them or fewer have is worth passing on.
_MOST: Final = 75
_HALF: Final = 50


@dataclass(frozen=True)
class QuestionPut:
    """A question as it is put to one type of organisation: what is asked for, and what others answered."""

    question: Question
    name: Name
    similar: Group
    everybody: Group | None
    expectations: tuple[Expectation, ...]

    @property
    def best(self) -> str:
        """The best answer, where answers have an order and somebody asks for it; else nothing."""
        question = self.question
        if not question.has_levels or question.direction == "none" or not self.asked_by:
            return ""
        return question.levels[-1 if question.direction == "higher_better" else 0]

    @property
    def asked_by(self) -> str:
        """Who asks for it, in words; nothing where no norm is stated."""
        return _ASKED_BY.get(self.question.requirement, "")

    def says(self, answer: str) -> str:
        """An answer in words."""
        if answer in ABSENCES:
            return _ABSENT[answer]
        return "a figure was given" if answer == FIGURE else in_words(answer)

    def figure(self, number: float) -> str:
        """A figure in words, with its unit."""
        return value_in_words(self.name, number)

    def bare(self, number: float) -> str:
        """A figure beside others of its unit."""
        return f"{number:,.0f}%" if self.name.is_percentage else f"{number:,.6g}"


@dataclass(frozen=True)
class Strip:
    """A scale from 0 to `end`, and at which share of it what lies: `own`, `lower`, `median`, `upper`."""

    end: float
    at: Mapping[str, float]


@dataclass(frozen=True)
class Answered:
    """One answer of the organisation: `item` is 0, or which of two reviews."""

    asked: QuestionPut
    item: int
    answer: str
    number: float | None

    @property
    def question(self) -> str:
        """What was asked, and of which review where it was asked of two."""
        asked = self.asked.question
        return asked.asked_in(asked.columns[self.item - 1]) if self.item else asked.text

    @property
    def said(self) -> str:
        """The answer in words."""
        return self.asked.says(self.answer) if self.number is None else self.asked.figure(self.number)

    @property
    def place(self) -> str:
        """One of `PLACES`: where it stands among the possible answers, or why there is none."""
        asked = self.asked
        if self.answer in ABSENCES:
            return self.answer
        if not asked.best:
            return "no_norm"
        ends = {
            asked.best: "best",
            asked.question.levels[0 if asked.best == asked.question.levels[-1] else -1]: "lowest",
        }
        return ends.get(self.answer, "between")

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return f"{self.asked.question.question_id}{f'-{self.item}' * bool(self.item)}".replace(".", "-")

    @property
    def of_others(self) -> int | None:
        """How many of a hundred similar organisations are at the best answer; None where that can't be told."""
        group = self.asked.similar
        if not self.asked.best:
            return None
        if group.shares is None:
            return 100 if group.majority == self.asked.best else None
        return group.shares[self.asked.best]

    @cached_property
    def strip(self) -> Strip:
        """Its figure, the median and the quartiles on one scale, as far as they are told."""
        group = self.asked.similar
        lower, upper = group.quartiles or (None, None)
        figures = {"own": self.number, "lower": lower, "median": group.median, "upper": upper}
        stated = {name: figure for name, figure in figures.items() if figure is not None}
        end = 100.0 if self.asked.name.is_percentage else _round_up(max(stated.values(), default=0.0))
        return Strip(end, {name: round(figure / end, 4) for name, figure in stated.items()})

    @cached_property
    def rows(self) -> list[tuple[str, int | None, int | None, bool]]:
        """Each answer in words with its shares among similar organisations and all, and whether it is the own one.

        Answers run from the best to the worst; an absence is there if somebody's share is told or it is the own one.
        """
        similar, everybody = self.asked.similar.shares or {}, self._of_everybody
        answers = possible_answers(self.asked.question)
        levels, absences = answers[: -len(ABSENCES)], answers[-len(ABSENCES) :]
        # The questionnaire lists levels from the lowest, which is the best where lower is better.
        in_order = levels if self.asked.question.direction == "lower_better" else levels[::-1]
        absent = [
            answer for answer in absences if similar.get(answer) or everybody.get(answer) or answer == self.answer
        ]
        return [
            (self.asked.says(answer), similar.get(answer), everybody.get(answer), answer == self.answer)
            for answer in (*in_order, *absent)
        ]

    @property
    def _of_everybody(self) -> Mapping[str, int]:
        return (self.asked.everybody.shares if self.asked.everybody else None) or {}


@dataclass(frozen=True)
class Section:
    """A part of the questionnaire, and how many answers of the organisation stand where (`PLACES`)."""

    name: str
    answers: tuple[Answered, ...]

    @property
    def title(self) -> str:
        """What it is called."""
        words = _SECTIONS.get(self.name) or in_words(self.name)
        return words[:1].upper() + words[1:]

    @property
    def asked(self) -> int:
        """How many questions were put."""
        return len(self.answers)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many answers stand at each place."""
        return Counter(answer.place for answer in self.answers)


@dataclass(frozen=True)
class Pack:
    """All that one organisation is shown."""

    code: str
    name: str
    org_type: str
    sections: tuple[Section, ...]
    year: str

    @property
    def returned(self) -> bool:
        """Whether it answered anything."""
        return any(answer.answer != "no_answer" for answer in self._answers)

    @property
    def answered(self) -> int:
        """How many questions it answered with a level or a figure."""
        return self.counts.total() - sum(self.counts[absence] for absence in ABSENCES)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many answers stand at each place, over all sections."""
        return sum((section.counts for section in self.sections), Counter())

    @property
    def others_do(self) -> list[Answered]:
        """Answers short of the best, where most similar organisations are at it."""
        return [
            answered
            for answered in self._answers
            if answered.place in {"between", "lowest"} and (answered.of_others or 0) >= _MOST
        ]

    @property
    def to_share(self) -> list[Answered]:
        """Answers that are the best, where at most half of similar organisations are at it."""
        best_answers = [(answered, answered.of_others) for answered in self._answers if answered.place == "best"]
        return [answered for answered, share in best_answers if share is not None and share <= _HALF]

    @property
    def _answers(self) -> Iterator[Answered]:
        return (answer for section in self.sections for answer in section.answers)


def _round_up(figure: float) -> float:
    """The next round figure: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(figure)) if figure > 0 else 1.0
    return next(step * power for step in (1, 2, 5, 10) if step * power >= figure)
