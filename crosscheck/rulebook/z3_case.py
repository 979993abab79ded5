"""Which cases are possible: to a solver, what each name can hold, and what is certain of every case.

All that the checks of the rule set take for granted stands in this one place (`PossibleCase`, `_range`, `_bounds`).
What the reader sets aside is not possible: a share above 100, a count that is not whole, a figure below 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import z3

from crosscheck.cases.cases import Name
from crosscheck.contract.inputs import INPUTS
from crosscheck.rulebook.compile_polars import total_answerable
from crosscheck.rulebook.condition import Reference, is_same, names_shared
from crosscheck.standard_file import WHOLE
from crosscheck.vocabulary import FUNCTION_TYPES, FUNCTIONS, ORG_TYPES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crosscheck.questionnaire import Question
    from crosscheck.rulebook.condition import Percentile, Total

# Of one relation there may be this many kinds of other organisations, and of each kind as many as one likes. One
# condition on others tells three kinds apart: those of whom it holds, of whom it does not, of whom it is open.
KINDS: Final = (1, 2, 3)

STATUS: Final = Name("declared.status", "choice", "", STATUSES)
ORG_TYPE: Final = Name("organisation.org_type", "choice", "", ORG_TYPES)
FUNCTION: Final = Name("function", "choice", "", FUNCTIONS)

_TRUE, _FALSE = z3.BoolVal(val=True), z3.BoolVal(val=False)
_ALWAYS_THERE: Final = (STATUS.name, ORG_TYPE.name, FUNCTION.name, "declared.census_day")
_OF_TWO_DECLARATIONS: Final = ("declared.other_function", "declared.other_statement")
_SORTS: Final = {"number": z3.Real, "flag": z3.Bool}  # levels, days and texts are whole numbers
_SIMPLE_NUMBERS: Final = (0, 1, 2, 10, 50, 100)
_OF_ORGANISATIONS: Final = {f"organisation.{column.name}": column for column in INPUTS["organisations"].columns}


@dataclass(frozen=True)
class HeldValue:
    """What a case holds under a name: a value if it is `there`; an answer that is not there may be `not_applicable`.

    A level is its place among the levels, a day its number in the calendar, a text a number of its own.
    """

    label: str
    name: Name
    value: z3.ExprRef
    there: z3.BoolRef
    not_applicable: z3.BoolRef

    def format_in(self, model: z3.ModelRef) -> str | None:
        """What a case of the solver's holds, as an example gives it; None for what need not be said of it."""
        if not _is_so(model, self.there):
            return f"{self.label} = n/a" if _is_so(model, self.not_applicable) else None
        value = model.eval(self.value, model_completion=True)
        if self.name.type == "flag":
            return f"{self.label} = {str(z3.is_true(value)).lower()}"
        return f"{self.label} = {_format_solver_value(self.name, value)}"

    def simpler(self, model: z3.ModelRef) -> Iterator[z3.BoolRef]:
        """What would make a case of the solver's simpler in this respect, the simplest first."""
        yield z3.And(z3.Not(self.there), z3.Not(self.not_applicable))
        yield z3.Not(self.there)
        if self.name.type == "number" and _is_so(model, self.there):
            number = model.eval(self.value, model_completion=True).as_fraction()
            yield from (self.value == simple for simple in (*_SIMPLE_NUMBERS, int(number), int(number) + 1))
            yield z3.IsInt(self.value)
        elif self.name.type == "flag":
            yield z3.Not(self.value)


@dataclass
class PossibleCase:
    """One case of which nothing is known yet; whatever is asked of it is noted, with what is certain of it.

    `questions` says of a column of answers which question it answers. Names that are the same in two such cases are the
    same to the solver, so that two rules can be held against one case.
    """

    questions: Mapping[str, Question]
    held: dict[str, HeldValue] = field(default_factory=dict)
    certain: list[z3.BoolRef] = field(default_factory=list)
    numbers_of_kind: dict[str, z3.ArithRef] = field(default_factory=dict)

    def hold(self, name: Name, kind: int = 0) -> HeldValue:
        """What it holds under a name; what is another organisation's, in that kind of others."""
        label = f"{name.relation} {kind}: {name.name}" if name.relation else name.name
        if label not in self.held:
            self.held[label] = _variable(label, name)
            self.certain += list(self._certain_of(self.held[label], kind))
        return self.held[label]

    def mention(self, text: HeldValue, words: str) -> z3.BoolRef:
        """Whether a text mentions some words; if so, it mentions also the words that are part of them."""
        parts = words.casefold().split()
        whole = self._mention(text, parts)
        self.certain += [
            z3.Implies(whole, self._mention(text, parts[start:end]))
            for start in range(len(parts))
            for end in range(start + 1, len(parts) + 1)
        ]
        return whole

    def _mention(self, text: HeldValue, words: list[str]) -> z3.BoolRef:
        label = f'{text.label} mentions "{" ".join(words)}"'
        name = Name(label, "flag", "", relation=text.name.relation)
        return self.held.setdefault(label, HeldValue(label, name, z3.Bool(label), _TRUE, _FALSE)).value

    def match(self, text: HeldValue, pattern: str) -> z3.BoolRef:
        """Whether a text has a form: of each pattern a fact by itself, of which the solver knows nothing further."""
        label = f'{text.label} matches "{pattern}"'
        name = Name(label, "flag", "", relation=text.name.relation)
        return self.held.setdefault(label, HeldValue(label, name, z3.Bool(label), _TRUE, _FALSE)).value

    def others_are_known(self, keys: tuple[Name, ...]) -> tuple[z3.BoolRef, z3.BoolRef]:
        """When it is known who the others of a relation are, and when it is not and an answer could say so.

        Of `same(…)` it is known where the own values are; one that is not applicable is shared with nobody.
        """
        if not keys:
            return TIES_ARE_KNOWN, z3.Not(TIES_ARE_KNOWN)
        held = [self.hold(key) for key in keys]
        wanting = z3.Or([z3.And(z3.Not(own.there), z3.Not(own.not_applicable)) for own in held])
        return z3.And([own.there for own in held]), wanting

    def measure(self, text: str) -> HeldValue:
        """A number that is worked out over all cases, and laid beside each under the text that asks for it."""
        if text not in self.held:
            name = Name(text, "number", "")
            self.held[text] = HeldValue(text, name, z3.Real(text), z3.Bool(f"{text} is there"), _FALSE)
        return self.held[text]

    def percentile(self, percentile: Percentile, part_is_known: z3.BoolRef) -> HeldValue:
        """A place among peers, which is never that of nobody or of all, and is known only where the number is."""
        held = self.measure(percentile.text)
        self.certain += [held.value > 0, held.value < 1, z3.Implies(held.there, part_is_known)]
        return held

    def total(self, total: Total) -> tuple[HeldValue, z3.BoolRef]:
        """A sum over others, and whether an answer could decide it; of what is never below 0, neither is the sum."""
        held, answerable = self.measure(total.text), z3.Bool(total_answerable(total))
        match total.part:
            case Reference(name) if _bounds(name, self.question(name))[0] == 0:
                self.certain.append(held.value >= 0)
        others_known, could_be_known = self.others_are_known(total.keys)
        self.certain += [
            z3.Implies(z3.Not(others_known), z3.Not(held.there)),
            z3.Implies(z3.Not(others_known), answerable == could_be_known),
        ]
        return held, answerable

    def number_of(self, relation: str, kind: int) -> z3.ArithRef:
        """How many others of a kind there are."""
        label = f"{relation} {kind}"
        if label not in self.numbers_of_kind:
            self.numbers_of_kind[label] = z3.Int(f"number of {label}")
            self.certain.append(self.numbers_of_kind[label] >= 0)
        return self.numbers_of_kind[label]

    def question(self, name: Name) -> Question | None:
        """The question that a name is the answer to, whosever answer it is."""
        bare = name.name.removeprefix(f"{name.relation}.") if name.relation else name.name
        return self.questions.get(bare) or self.questions.get(f"review1.{bare}")

    def is_asked(self, name: Name, kind: int = 0) -> z3.BoolRef:
        """Whether the question is put to the organisation, or not known not to be (its services may not be known)."""
        question = self.question(name)
        if question is None:
            return _TRUE
        org_type = self.hold(_of(ORG_TYPE, name.relation), kind)
        services = (Name(f"service.{service}", "flag", "") for service in question.services)
        provided = [self.hold(_of(service, name.relation), kind) for service in services]
        of_type = [org_type.value == ORG_TYPES.index(name) for name in question.org_types]
        return z3.And(
            z3.Or(z3.Not(org_type.there), *of_type),
            *(z3.Or(z3.Not(service.there), service.value) for service in provided),
        )

    def _certain_of(self, held: HeldValue, kind: int) -> Iterator[z3.BoolRef]:
        """What is certain of what any case holds under a name."""
        name = held.name
        yield z3.Not(z3.And(held.there, held.not_applicable))
        yield from _range(held, self.question(name))
        if name.relation:
            yield from self._certain_of_others(held, kind)
        elif name.name in _ALWAYS_THERE:
            yield held.there
        if name.name == FUNCTION.name:
            # A function of some types alone is of no other; anybody may declare as a whole (in C2 a community trust,
            # counted among the primary care trusts, does).
            for function, types in FUNCTION_TYPES.items():
                of_types = [self.hold(ORG_TYPE).value == ORG_TYPES.index(kind) for kind in types]
                yield z3.Implies(held.value == FUNCTIONS.index(function), z3.Or(of_types))
        if name.name in _OF_TWO_DECLARATIONS:
            yield z3.Implies(held.there, self.hold(FUNCTION).value != FUNCTIONS.index(WHOLE))
        if self.question(name) and name.relation != "this_review":
            # Whoever is not asked does not answer. (A return might, against the questionnaire; no rule may rest on it.)
            not_asked = z3.And(_is_a_case(name.relation, kind), z3.Not(self.is_asked(name, kind)))
            yield z3.Implies(not_asked, held.not_applicable)

    def _certain_of_others(self, held: HeldValue, kind: int) -> Iterator[z3.BoolRef]:
        """An organisation of which there is no case holds nothing; an account of a shared review is one of the two."""
        name = held.name
        if is_same(name.relation):
            yield from self._certain_of_the_same(held)
            return
        if name.relation != "this_review":
            there = _is_a_case(name.relation, kind)
            yield z3.Implies(z3.Not(there), z3.And(z3.Not(held.there), z3.Not(held.not_applicable)))
            return
        accounts = [self.hold(_review(name, item)) for item in (1, 2)]
        same = [
            z3.And(held.value == each.value, held.there == each.there, held.not_applicable == each.not_applicable)
            for each in accounts
        ]
        yield z3.Or(*same, z3.And(z3.Not(held.there), z3.Not(held.not_applicable)))

    def _certain_of_the_same(self, held: HeldValue) -> Iterator[z3.BoolRef]:
        """What `same(…)` compares is there and the same where it is there at all; only of cases there are any."""
        bare = held.name.name.removeprefix(f"{held.name.relation}.")
        if bare in _ALWAYS_THERE:
            yield held.there
        if bare in names_shared(held.name.relation):
            own = self.hold(replace(held.name, name=bare, relation=""))
            yield z3.Implies(own.there, z3.And(held.there, held.value == own.value))


TIES_ARE_KNOWN: Final = z3.Bool("it is known who is tied to whom")


def merge_cases(first: PossibleCase, second: PossibleCase) -> PossibleCase:
    """One case of which both things are asked."""
    numbers = first.numbers_of_kind | second.numbers_of_kind
    return PossibleCase(first.questions, first.held | second.held, [*first.certain, *second.certain], numbers)


def as_code(name: Name, value: object) -> Any:
    """A value that stands in a rule or a case, as the solver has it."""
    if name.levels:
        return name.levels.index(str(value))
    if isinstance(value, date):
        return value.toordinal()
    if isinstance(value, str):
        return int.from_bytes(value.encode(), "big")
    return exactly(value) if isinstance(value, float) else value


def exactly(number: float) -> z3.RatNumRef:
    """A number as it was meant: 0.1 is a tenth, and a third that was written out is a third."""
    simple = Fraction(number).limit_denominator(10**6)
    return z3.RealVal(simple if float(simple) == number else Fraction(number))


def _variable(label: str, name: Name) -> HeldValue:
    answer = z3.Bool(f"{label} is not applicable") if name.absences else _FALSE
    return HeldValue(label, name, _SORTS.get(name.type, z3.Int)(label), z3.Bool(f"{label} is there"), answer)


def _range(held: HeldValue, question: Question | None) -> Iterator[z3.BoolRef]:
    """What the reader lets through: of questions as `collection.answers` reads them, of figures as they are made."""
    name = held.name
    if name.levels:
        yield z3.And(held.value >= 0, held.value < len(name.levels))
    if name.type != "number":
        return
    low, high = _bounds(name, question)
    yield from (held.value >= bound for bound in (low,) if bound is not None)
    yield from (held.value <= bound for bound in (high,) if bound is not None)
    if question and question.answer_type == "count":
        yield z3.IsInt(held.value)


def _bounds(name: Name, question: Question | None) -> tuple[float | None, float | None]:
    """The least and the most that a number can be; figures of other sources have no bounds but those of a share."""
    bare = name.name.removeprefix(f"{name.relation}.")
    if question:
        low = None if question.answer_type == "signed_number" else 0
        return low, 100 if question.answer_type == "percent" else None
    if bare in _OF_ORGANISATIONS:
        return _OF_ORGANISATIONS[bare].low, _OF_ORGANISATIONS[bare].high
    if bare.startswith("returned."):
        return 0, 1
    return (0, 100) if bare.endswith("_pct") else (None, None)


def _of(name: Name, relation: str) -> Name:
    """The name as another organisation bears it."""
    return Name(f"{relation}.{name.name}", name.type, "", name.levels, relation=relation) if relation else name


def _review(name: Name, item: int) -> Name:
    bare = name.name.removeprefix(f"{name.relation}.")
    return Name(f"review{item}.{bare}", name.type, "", name.levels, name.unit, absences=name.absences)


def _is_a_case(relation: str, kind: int) -> z3.BoolRef:
    """Whether there is a case of an organisation: of one that another is tied to there may be none."""
    always = not relation or is_same(relation)
    return _TRUE if always else z3.Bool(f"{relation} {kind} is in the collection")


def _is_so(model: z3.ModelRef, condition: z3.BoolRef) -> bool:
    return bool(z3.is_true(model.eval(condition, model_completion=True)))


def _format_solver_value(name: Name, value: Any) -> str:
    match name.type:
        case "number":
            return f"{float(value.as_fraction()):.6g}"
        case "date":
            return date.fromordinal(min(max(value.as_long(), 1), date.max.toordinal())).isoformat()
        case "text":
            return _text(value.as_long())
    return name.levels[int(value.as_long())]


def _text(code: int) -> str:
    try:
        text = code.to_bytes((code.bit_length() + 7) // 8, "big").decode()
    except (OverflowError, UnicodeDecodeError):
        return "some text"
    return f'"{text}"' if text.isprintable() and text else "some text"
