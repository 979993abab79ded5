"""All that a standard is checked with: its questionnaire, its rules and its models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.cases.history import last_day
from crosscheck.errors import ModelError, UnknownNameError
from crosscheck.near_names import suggest
from crosscheck.questionnaire import read_questionnaire
from crosscheck.risk.model import read_risk_model
from crosscheck.rulebook.examples import refuse_failing_examples
from crosscheck.rulebook.load import load_rulebook
from crosscheck.rulebook.waivers import load_waivers
from crosscheck.scoring.exploratory import read_exploratory_model
from crosscheck.scoring.model import read_indicator_model
from crosscheck.scoring.patterns import read_pattern_model
from crosscheck.scoring.polarity import read_polarity_model
from crosscheck.visits.model import read_visits_model

if TYPE_CHECKING:
    from crosscheck.questionnaire import Questionnaire
    from crosscheck.risk.model import RiskModel
    from crosscheck.rulebook.rule import Rulebook
    from crosscheck.rulebook.waivers import Waiver
    from crosscheck.scoring.exploratory import ExploratoryModel
    from crosscheck.scoring.model import IndicatorModel
    from crosscheck.scoring.patterns import PatternModel
    from crosscheck.scoring.polarity import PolarityModel
    from crosscheck.visits.model import VisitsModel


@dataclass(frozen=True)
class Standard:
    """A standard and everything that its declarations are held against."""

    name: str
    questionnaire: Questionnaire
    rulebook: Rulebook
    waivers: tuple[Waiver, ...]
    indicators: IndicatorModel
    patterns: PatternModel
    polarity: PolarityModel
    exploratory: ExploratoryModel
    risk: RiskModel
    visits: VisitsModel

    @property
    def models(self) -> tuple[IndicatorModel, PatternModel, PolarityModel, ExploratoryModel, RiskModel, VisitsModel]:
        """All its models."""
        return (self.indicators, self.patterns, self.polarity, self.exploratory, self.risk, self.visits)

    @classmethod
    def load(cls, name: str | None = None, year: str | None = None, weights: str | None = None) -> Standard:
        """Read a standard, and hold every rule against its own examples.

        Args:
            name: the standard, for example `C2`; the only one that there are rules for if it is not given.
            year: the assessment year, whose thresholds count; the newest if it is not given.
            weights: a version of the weights, for example `v3`; the newest if it is not given.

        Raises:
            UnknownNameError: there is no such standard.
            RulebookError, ModelError: with everything that is wrong in their files, at once.

        Example:
            >>> standard = cc.Standard.load("C2", "2008/09")
            >>> standard.name
            'C2'
        """
        return load_standard(name_standard(name), weights, last_day(year) if year else date.max)

    def without_learning(self) -> Standard:
        """The same with the weights as stated: a run learns nothing from its own collection."""
        return self.with_risk(self.risk.model_copy(update={"learns": False}))

    def with_risk(self, risk: RiskModel) -> Standard:
        """The same with other weights."""
        return replace(self, risk=risk)


def load_standard(name: str, risk_version: str | None = None, day: date = date.max) -> Standard:
    """Read a standard as `read_standard`, and hold every rule against its own examples, before any data is read.

    Raises:
        RulebookError, ModelError: as `read_standard`; also with every example that comes out otherwise than it states.
    """
    standard = read_standard(name, risk_version, day)
    refuse_failing_examples(standard.rulebook, catalogue(standard.questionnaire, standard.indicators.names), day)
    return standard


def read_standard(name: str, risk_version: str | None = None, day: date = date.max) -> Standard:
    """Read the rules and models of a standard; whether the examples of the rules come out is not tried.

    Args:
        name: the standard, as `name_standard` gives it.
        risk_version: a version of the weights, as `v1`; the newest if not given.
        day: the day whose thresholds count; the newest if not given.

    Raises:
        RulebookError, ModelError: with everything that is wrong in their files, at once.
    """
    questionnaire = read_questionnaire(settings.questionnaire_file(name))
    indicators = read_indicator_model(settings.model_file(name, "indicators"))
    risk = read_risk_model(settings.model_file(name, "visit_risk", risk_version))
    patterns = read_pattern_model(settings.model_file(name, "patterns"))
    polarity = read_polarity_model(settings.model_file(name, "polarity"))
    exploratory = read_exploratory_model(settings.model_file(name, "screens"))
    visits = read_visits_model(settings.model_file(name, "visits"), questionnaire)
    rulebook = load_rulebook(settings.rules_folder(name), catalogue(questionnaire, indicators.names), day)
    waivers = load_waivers(settings.waivers_file(name), rulebook)
    made = Standard(name, questionnaire, rulebook, waivers, indicators, patterns, polarity, exploratory, risk, visits)
    _refuse_models_of_others(made)
    return made


def _refuse_models_of_others(standard: Standard) -> None:
    """Refuse models whose heading names another standard: their numbers were judged for other questions."""
    wrong = [model for model in standard.models if model.standard.upper() != standard.name.upper()]
    if wrong:
        raise ModelError(
            f"{settings.models_folder(standard.name) / model.name}, {model.version}: is a model of {model.standard}, "
            f'and the standard is {standard.name}. Judge its numbers anew, and write standard = "{standard.name}".'
            for model in wrong
        )


def name_standard(given: str | None) -> str:
    """The standard asked for, or the only one that there are rules for, in capitals.

    Raises:
        UnknownNameError: there is no such standard, or there are several and none was asked for.
    """
    standards = [folder.upper() for folder in settings.standards()]
    if given is None and len(standards) == 1:
        return standards[0]
    if given is None or given.upper() not in standards:
        near = suggest(given, standards) if given else ""
        raise UnknownNameError(
            f"--standard {given or ''}:{near} Name one of the standards with rules: {', '.join(standards)}."
        )
    return given.upper()
