"""Asks the solver for a case of which something holds, and makes the case as small as it can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import z3

from crosscheck.rulebook.z3_case import FUNCTION, ORG_TYPE, STATUS, as_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crosscheck.rulebook.compile_z3 import SymbolicVerdicts
    from crosscheck.rulebook.z3_case import PossibleCase

# The solver's own measure of work on one question, some seconds of it; seconds themselves would make what is found
# depend on the machine.
MOST_WORK: Final = 20_000_000


class UndecidedError(Exception):
    """The solver gave up: the question is beyond it, or takes too much work."""


class Solver:
    """Looks for cases among all that are possible."""

    def __init__(self) -> None:
        self.solver = z3.Solver()
        self.solver.set("rlimit", MOST_WORK)

    def case_where(self, *conditions: z3.BoolRef | Iterable[z3.BoolRef]) -> z3.ModelRef | None:
        """A case of which all the conditions hold; None where no case can be.

        Raises:
            UndecidedError: neither could be found out.
        """
        self.solver.push()
        try:
            self.solver.add(*conditions)
            found = self.solver.check()
            if found == z3.unknown:
                raise UndecidedError(self.solver.reason_unknown())
            return self.solver.model() if found == z3.sat else None
        finally:
            self.solver.pop()

    def is_possible(self, *conditions: z3.BoolRef | Iterable[z3.BoolRef]) -> bool:
        """Whether there is a case of which all the conditions hold."""
        return self.case_where(*conditions) is not None

    def smallest(self, condition: z3.BoolRef, usual: SymbolicVerdicts, case: PossibleCase) -> str | None:
        """The smallest case of which a condition holds, as an example of a rule gives it; None where no case can be.

        Others are left out first, then as many answers as can be; what the rule applies to stays the first that it
        allows, and numbers are simple, where that is possible.
        """
        model = self.case_where(*case.certain, condition)
        if model is None:
            return None
        self.solver.push()
        self.solver.add(*case.certain, condition)
        for numbers in case.numbers_of_kind.values():
            model = self._simpler(model, (numbers == few for few in (0, 1)))
        defaults = _defaults(usual)
        for held in case.held.values():
            model = self._simpler(model, defaults.get(held.label) or held.simpler(model))
        self.solver.pop()
        return "; ".join(_format_case(model, case, defaults)) or "nothing answered"

    def _simpler(self, model: z3.ModelRef, choices: Iterable[z3.BoolRef]) -> z3.ModelRef:
        """Keep the first of some choices that is possible beside all that was kept before."""
        for choice in choices:
            if self.solver.check(choice) == z3.sat:
                model = self.solver.model()  # to add anything takes it away
                self.solver.add(choice)
                return model
        return model


def _defaults(verdicts: SymbolicVerdicts) -> dict[str, list[z3.BoolRef]]:
    """What need not be said of a case: it is the first that the rule applies to."""
    scope = verdicts.rule.applies_to
    first = {
        name: (allowed or name.levels)[0]
        for name, allowed in ((STATUS, scope.declared), (ORG_TYPE, scope.org_type), (FUNCTION, scope.function))
    }
    services = [verdicts.case.held[f"service.{service}"] for service in scope.services]
    return {
        name.name: [verdicts.case.held[name.name].value == as_code(name, value)] for name, value in first.items()
    } | {service.label: [z3.And(service.there, service.value)] for service in services}


def _format_case(model: z3.ModelRef, case: PossibleCase, defaults: dict[str, list[z3.BoolRef]]) -> Iterator[str]:
    """What is to be said of a case, its own first and then of each kind of others how many there are."""
    own = [held for held in case.held.values() if not held.name.relation]
    unusual = [held for held in own if not any(z3.is_true(model.eval(usual)) for usual in defaults.get(held.label, ()))]
    yield from (shown for held in unusual if (shown := held.format_in(model)))
    for kind, numbers in case.numbers_of_kind.items():
        number = model.eval(numbers, model_completion=True).as_long()
        of_kind = [held for held in case.held.values() if held.label.startswith(f"{kind}: ")]
        examples = ", ".join(shown.removeprefix(f"{kind}: ") for held in of_kind if (shown := held.format_in(model)))
        if number:
            yield f"{number} × {kind.rsplit(' ', 1)[0]} ({examples or 'nothing answered'})"
