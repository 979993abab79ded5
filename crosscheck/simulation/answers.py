"""What organisations answer: as their board sees itself and likes to be seen, spread as the published figures are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy.special import betaincinv, expit, gammaincinv, logit, ndtr, ndtri

from crosscheck.simulation.chance import pick_levels
from crosscheck.simulation.margins import find_margin
from crosscheck.simulation.model import ORG_TYPES
from crosscheck.vocabulary import ABSENCE, ABSENCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from crosscheck.questionnaire import Question, Questionnaire
    from crosscheck.simulation.chance import Chance
    from crosscheck.simulation.duties import Duties
    from crosscheck.simulation.margins import Margin, Target
    from crosscheck.simulation.model import OrgType, WorldPlan
    from crosscheck.simulation.truth import Boards

SCHEMA: Final = pl.Schema(
    {
        "org_code": pl.String(),
        "question_id": pl.String(),
        "item": pl.UInt8(),
        "level": pl.String(),
        "number": pl.Float64(),
        "absence": ABSENCE,
    }
)

_ANSWERED: Final = -1
_NO_ANSWER, _NOT_KNOWN, _NOT_APPLICABLE = range(len(ABSENCES))


@dataclass(frozen=True)
class Return:
    """One question as it came back: one element an organisation.

    `values` are figures, or the places of levels among the question's; `absences` are places among
    `vocabulary.ABSENCES`, and -1 where there is an answer. `is_asked` says to which organisations' type it was put.
    """

    question: Question
    item: int
    values: NDArray[np.float64]
    absences: NDArray[np.intp]
    is_asked: NDArray[np.bool_]

    def where(self, condition: NDArray[np.bool_], absence: int) -> Return:
        """The same with this absence where the condition holds and there is an answer."""
        absences = np.where(condition & (self.absences == _ANSWERED), absence, self.absences)
        return replace(self, absences=absences)

    def rows(self, codes: pl.Series) -> pl.DataFrame:
        """The conformed answers, one row an organisation to which the question was put."""
        there = self.absences == _ANSWERED
        values = pl.Series(self.values).zip_with(pl.Series(there), pl.Series([None], dtype=pl.Float64))
        names = pl.Series(self.question.levels, dtype=pl.String)
        levels = names.gather(values.cast(pl.Int64)) if self.question.has_levels else None
        return pl.DataFrame(
            {
                "org_code": codes,
                "question_id": self.question.question_id,
                "item": self.item,
                "level": levels,
                "number": None if self.question.has_levels else values,
                "absence": pl.Series([*ABSENCES, None], dtype=ABSENCE).gather(self.absences % (len(ABSENCES) + 1)),
            },
            schema=SCHEMA,
        ).filter(pl.Series(self.is_asked))


def discriminate(questionnaire: Questionnaire, plan: WorldPlan) -> dict[str, float]:
    """How strongly each answer depends on its section's shortfall: a correlation, 0 where no end is worse.

    It belongs to the question: the same in every world of a plan, so that what is learnt in one holds in another.
    """
    answers, parameters = plan.model.answers, plan.model.parameters
    names = sorted(questionnaire.questions)
    normal = dict(zip(names, np.random.default_rng(answers.questions_seed).standard_normal(len(names)), strict=True))
    directed = [question for question in questionnaire if question.direction != "none"]
    needs = {question.question_id: answers.discrimination(question.requirement) for question in directed}
    typical = np.mean([np.log(need.median) for need in needs.values()])
    strengths = dict.fromkeys(names, 0.0)
    for name, need in needs.items():
        median = np.exp(typical + plan.at(parameters.convention) * (np.log(need.median) - typical))
        strength = plan.at(parameters.discrimination) * median * np.exp(need.spread * normal[name])
        strengths[name] = min(float(strength), answers.most)
    return strengths


def answer_questions(
    organisations: pl.DataFrame,
    boards: Boards,
    questions: tuple[Questionnaire, Mapping[str, Sequence[Target]]],
    duties: Duties,
    plan: WorldPlan,
    chance: Chance,
) -> pl.DataFrame:
    """Answer every question that is put to each organisation.

    Args:
        organisations: as they were founded.
        boards: what is so of them, in the same order.
        questions: what was asked of whom, and the published figures by question (`margins.read_targets`).
        duties: who admits a breach, and who answers everything with the best answer.
        plan: how strongly answers depend on what is.
        chance: the world's chance.

    Returns:
        The conformed answers of a collection, by `org_code`, `question_id`, `item`; an organisation that made no return
        has no row, and one that describes no review has none on reviews.
    """
    questionnaire, targets = questions
    looks = _show(_looks(boards, questionnaire, plan, chance), questionnaire, duties, plan)
    types = organisations["org_type"].to_numpy()
    numbers: dict[str, int] = {kind: int(np.sum(types == kind)) for kind in ORG_TYPES}
    returns = {}
    for question in (one for one in questionnaire if not one.is_text):  # nobody's own words are made up
        margin = find_margin(question, targets.get(question.question_id, ()), numbers)
        for item in _items(question):
            answered = _answer(question, item, looks[question.question_id, item], organisations, (margin, plan))
            returns[question.question_id, item] = _leave_open(answered, boards, (duties, types), (margin, plan), chance)
    agreed = _count_children(_hang_together(returns, plan), organisations, plan, chance)
    described = [_describe(returned, organisations, plan, chance) for returned in agreed.values()]
    silent = organisations.filter(pl.col("org_type") == "ambulance").head(plan.model.organisations.silent)["org_code"]
    answers = pl.concat([returned.rows(organisations["org_code"]) for returned in described])
    return answers.filter(~pl.col("org_code").is_in(silent.to_list())).sort("org_code", "question_id", "item")


def establish_facts(
    boards: Boards, questionnaire: Questionnaire, duties: Duties, plan: WorldPlan, chance: Chance
) -> dict[str, NDArray[np.float64]]:
    """What is so of the questions of which some figure is a record, whatever the board believes and answers.

    Returns:
        By question a standard normal for each organisation, positive is worse; where no end is worse, positive is more.
    """
    strengths, facts = discriminate(questionnaire, plan), {}
    for name in sorted({figure.record_of for figure in plan.model.figures.values()} - {""}):
        question, strength = questionnaire[name], strengths[name]
        rest = np.sqrt(1 - strength**2) * chance.of(f"{name}/0").standard_normal(len(boards.candour))
        sign = -1 if question.direction == "none" else 1
        facts[name] = sign * (strength * boards.shortfall_of(question.section) + rest)
        if name in duties.names:
            facts[name] = duties.standing[:, duties.names.index(name)]
    return facts


def _items(question: Question) -> tuple[int, ...]:
    return (1, 2) if question.repeated else (0,)


def _looks(
    boards: Boards, questionnaire: Questionnaire, plan: WorldPlan, chance: Chance
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """How good each answer looks before it is put in words: standard normal, positive is better, whatever the question.

    Discrimination times what the board believes of the section, plus who filled the section in, less what it keeps
    back.
    """
    author = plan.model.answers.author.value
    response_bias = plan.cause.bends * plan.at(plan.model.parameters.response_bias)
    strengths, number = discriminate(questionnaire, plan), len(boards.candour)
    authors = author * chance.of("authors").standard_normal((number, len(boards.sections)))
    spread = np.sqrt(1 + boards.misjudgement**2)
    looks = {}
    for question in questionnaire:
        place, strength = boards.sections.index(question.section), strengths[question.question_id]
        seen = boards.beliefs[:, place] / spread
        for item in _items(question):
            rest = np.sqrt(1 - strength**2) * chance.of(f"{question.question_id}/{item}").standard_normal(number)
            appearance = strength * seen + rest
            # Divided by the variance of the sum, every look is standard normal again, as the published margins need it.
            if question.direction != "none":
                appearance = (appearance + authors[:, place] + response_bias * boards.candour) / np.sqrt(
                    1 + author**2 + response_bias**2
                )
            looks[question.question_id, item] = -appearance
    return looks


def _show(
    looks: dict[tuple[str, int], NDArray[np.float64]], questionnaire: Questionnaire, duties: Duties, plan: WorldPlan
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """The same where those who admit a breach stand lowest, and those who answer everything with the best highest.

    Answers keep the shares that were published: whoever stands highest takes places that others would have had.
    """
    appearances = dict(looks)
    for place, name in enumerate(duties.names if plan.cause.breaches else ()):
        unmet, within = duties.unmet[:, place], ndtr(looks[name, 0])
        rank = np.where(duties.admits[:, place], unmet * within, unmet + (1 - unmet) * within)
        appearances[name, 0] = ndtri(np.clip(rank, 1e-9, 1 - 1e-9))
    share = duties.all_best.mean()
    for name, item in appearances if share else ():
        if questionnaire[name].direction != "none":
            rank = ndtr(appearances[name, item])
            rank = np.where(duties.all_best, 1 - 1e-12, rank * (1 - share))
            appearances[name, item] = ndtri(rank)
    return appearances


def _answer(
    question: Question,
    item: int,
    looks: NDArray[np.float64],
    organisations: pl.DataFrame,
    spread: tuple[Margin, WorldPlan],
) -> Return:
    """The answer that stands at this place among those of organisations of the same type."""
    margin, plan = spread
    types = organisations["org_type"].to_numpy()
    values = np.zeros(len(types))
    for row, kind in enumerate(ORG_TYPES):
        those = types == kind
        if kind in question.org_types and question.has_levels:
            # By place within the type: whatever the looks are, each level is given as often as was published.
            values[those] = pick_levels(looks[those], margin.levels[row])
        elif kind in question.org_types:
            higher = ndtr(-looks[those] if question.direction == "lower_better" else looks[those])
            values[those] = count_out(higher, question, kind, margin.means[row], plan)
    is_asked = np.isin(types, question.org_types)
    services = [organisations["services"].list.contains(service).to_numpy() for service in question.services]
    returned = Return(question, item, values, np.full(len(types), _ANSWERED), is_asked)
    return returned.where(~np.all([is_asked, *services], axis=0), _NOT_APPLICABLE)


def count_out(
    higher: NDArray[np.float64], question: Question, kind: OrgType, mean: float, plan: WorldPlan
) -> NDArray[np.float64]:
    """The figures that stand at these places (0 to 1, the lowest first) among all organisations of one type.

    Percentages follow a beta, other figures a gamma distribution, with a share of nothing at all where that is stated.
    """
    answers = plan.model.answers
    shape = answers.numbers.get(question.question_id, answers.numbers["default"])
    zero, together = shape.zero_of(kind), answers.share_spread.value
    mean = shape.at if shape.at is not None else mean / (1 - zero)
    above = np.clip((higher - zero) / (1 - zero), 0.0, 1 - 1e-9)
    if question.answer_type == "percent":
        shares: NDArray[np.float64] = betaincinv(together * mean / 100, together * (1 - mean / 100), above)
        return np.round(100 * shares)
    step = max(shape.step, 1.0) if question.answer_type == "count" else shape.step
    figures = np.round(gammaincinv(shape.spread**-2, above) * shape.spread**2 * mean / step) * step
    least = max(shape.least, step if zero else 0.0)
    return np.where((higher > zero) | (zero == 0), np.clip(np.round(figures, 6), least, shape.most), 0.0)


def _leave_open(
    returned: Return,
    boards: Boards,
    conduct: tuple[Duties, NDArray[np.str_]],
    spread: tuple[Margin, WorldPlan],
    chance: Chance,
) -> Return:
    """What is not answered: as published by type, and a little more where there is something to be silent about."""
    (margin, plan), (duties, types) = spread, conduct
    answers, question = plan.model.answers, returned.question
    published = margin.absences[[ORG_TYPES.index(kind) for kind in types]]
    drawn = chance.of(f"open/{question.question_id}/{returned.item}").random((2, len(types)))
    # 1.0 lies above every chance: who answers everything with the best answer leaves nothing open.
    drawn = np.where(duties.all_best, 1.0, drawn)
    absent = (np.cumsum(published, axis=1) <= drawn[0][:, None]).sum(axis=1)
    for absence in range(len(ABSENCES)):
        returned = returned.where(absent == absence, absence)
    silence = logit(answers.no_answer.value) + answers.silence.value * boards.shortfall_of(question.section)
    if plan.cause.breaches and question.question_id in duties.names:
        silence += plan.model.breaches.silence.value * duties.breached[:, duties.names.index(question.question_id)]
    doubt = np.log(boards.misjudgement / plan.at(plan.model.parameters.misjudgement))
    ignorance = logit(answers.not_known.value) + answers.ignorance.value * doubt / plan.model.truth.self_knowledge.value
    silent = expit(silence)
    returned = returned.where(drawn[1] < silent, _NO_ANSWER)
    # One draw decides on both kinds of absence, in adjoining ranges, so that no answer is absent for two reasons.
    return returned.where((drawn[1] >= silent) & (drawn[1] < silent + expit(ignorance)), _NOT_KNOWN)


def _hang_together(returns: dict[tuple[str, int], Return], plan: WorldPlan) -> dict[tuple[str, int], Return]:
    """Questions that stand open only where another is answered so: else they are not applicable."""
    follows = plan.model.answers.follows
    hung = dict(returns)
    for name, link in follows.items():
        first = returns[link.question, 0]
        places = [first.question.levels.index(level) for level in link.levels]
        closed = ~np.isin(first.values, places) | (first.absences != _ANSWERED)
        hung[name, 0] = returns[name, 0].where(closed, _NOT_APPLICABLE)
    return hung


def _count_children(
    returns: dict[tuple[str, int], Return], organisations: pl.DataFrame, plan: WorldPlan, chance: Chance
) -> dict[tuple[str, int], Return]:
    """Answers that count what is there: health visitors and their posts, children on plans, reviews, groups chaired."""
    areas, names = plan.model.areas, plan.model.answers.counted
    drawn = chance.of("counted").standard_normal((2, organisations.height))
    visitors = organisations["health_visitors"].to_numpy()
    vacant = np.clip(areas.vacant + areas.vacant_spread * drawn[0], -0.3, 0.45)
    chaired, represented = returns[names.chaired, 0], returns[names.represented, 0]
    values = {
        names.health_visitors: np.round(visitors, 1),
        names.posts: np.round(visitors / (1 - vacant), 1),
        names.on_plans: np.round(organisations["on_plans"].to_numpy() * np.exp(0.03 * drawn[1])),
        names.reviews: organisations["reviews"].to_numpy().astype(float),
        names.chaired: np.minimum(chaired.values, represented.values),
    }
    return returns | {(name, 0): replace(returns[name, 0], values=counted) for name, counted in values.items()}


def _describe(returned: Return, organisations: pl.DataFrame, plan: WorldPlan, chance: Chance) -> Return:
    """Reviews are described by who took part in them: in the year, or some in a year before."""
    if not returned.item:
        return returned
    earlier = chance.of("described").random((2, organisations.height)) < np.array(plan.model.answers.described)[:, None]
    reviews = organisations["reviews"].to_numpy() + earlier.sum(axis=0)
    return replace(returned, is_asked=returned.is_asked & (reviews >= returned.item))
