from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from crosscheck.errors import ModelError
from crosscheck.scoring.model import IndicatorModel, read_indicator_model
from crosscheck.settings import model_file

if TYPE_CHECKING:
    from pathlib import Path

    from crosscheck.questionnaire import Questionnaire

RELEASED = model_file("C2", "indicators", "v2")


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    """The released model with each first text, once, replaced by the second."""
    text = RELEASED.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = folder / "v9.toml"
    file.write_text(text, encoding="utf-8")
    return file


def given_figures(collection: Path) -> dict[str, set[str]]:
    """The directions that the collection gives each figure."""
    directions: dict[str, set[str]] = {}
    with (collection / "indicators.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            directions.setdefault(f"{row['source']}.{row['indicator']}", set()).add(row["direction"])
    return directions


def test_every_figure_of_the_embedded_collection_is_named(model: IndicatorModel, collection_folder: Path) -> None:
    assert set(model.names) == given_figures(collection_folder).keys()


def test_no_figure_is_named_the_other_way_round_than_its_source_gives_it(
    model: IndicatorModel, collection_folder: Path
) -> None:
    given = given_figures(collection_folder)
    assert {name: {of.direction} for name, of in model.indicators.items()} == given


def test_every_figure_says_in_a_sentence_why_it_bears_on_the_standard_or_does_not(model: IndicatorModel) -> None:
    for indicator in model.indicators.values():
        assert len(indicator.reason.split()) >= 5, indicator.name
        assert model.sources[indicator.source]


def test_every_grade_of_the_embedded_collection_has_its_words(model: IndicatorModel, collection_folder: Path) -> None:
    with (collection_folder / "indicators.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            indicator = model.indicators[f"{row['source']}.{row['indicator']}"]
            if indicator.kind == "ordinal":
                assert str(round(float(row["value"]))) in indicator.scale, indicator.name


def test_what_has_not_to_do_with_children_weighs_nothing(model: IndicatorModel) -> None:
    strangers = ("immunisation.mmr_at_two_pct", "inpatient_survey.privacy_always_pct", "workforce.sickness_absence_pct")
    assert {model.indicators[name].relevance for name in strangers} == {"none"}


def test_what_outsiders_saw_of_the_protection_of_children_weighs_most(model: IndicatorModel) -> None:
    high = {name for name, of in model.indicators.items() if of.relevance == "high"}
    assert high == {
        "employment_checks.files_with_checks_complete_pct",
        "internal_audit.safeguarding_opinion",
        "lscb_record.section_11_score_pct",
        "staff_survey.child_protection_training_pct",
    }


def test_the_digest_changes_with_the_file(model: IndicatorModel, tmp_path: Path) -> None:
    other = read_indicator_model(changed(tmp_path, ("least = 10", "least = 12")))
    assert other.peers.least == 12
    assert other.digest != model.digest


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("least = 10", "leest = 10", "peers.leest: there is no such key. Did you mean least?"),
        ("least = 10", "", "peers.least: is missing. Write a whole number from 3."),
        ("least = 10", "least = 2", "peers.least: 2 is out of range. Write a whole number from 3."),
        ("least = 10", "least = true", "peers.least: True can't stand here. Write a whole number from 3."),
        (
            "winsorised = 0.1",
            "winsorised = 0.5",
            "dispersion.winsorised: 0.5 is out of range. Write a number from 0 to 0.49.",
        ),
        (
            '"additive"',
            '"added"',
            "dispersion.adjustment: 'added' can't stand here. Write one of: additive, multiplicative.",
        ),
        ("[percentages]\nfloor = 0.5", "", "percentages: is missing. Write a table."),
        ("floor = 0.5", "floor = 11", "percentages.floor: 11 is out of range. Write a number from 0.001 to 10."),
        ("floor = 0.5", "floor = 0", "percentages.floor: 0 is out of range. Write a number from 0.001 to 10."),
        ("least = 60", "least = -1", "answers.least: -1 is out of range. Write a number from 0.0."),
        ("even = 4", "even = 0", "answers.even: 0 is out of range. Write a number from 0.1."),
        ("low = 0, high = 9,", "low = 9, high = 9,", "answers.ranges.sub-groups.high: 9 is not above low."),
        (
            'high = 9, scale = "plain"',
            'high = 9, scale = "root"',
            "answers.ranges.sub-groups.scale: 'root' can't",
        ),
        (
            '"sub-groups" = { low = 0, high = 9, scale = "plain" }',
            '"sub-groups" = 9',
            "answers.ranges.sub-groups: 9 can't stand here. Write a table.",
        ),
        ('hes = "Hospital', 'hes = 3 # "Hospital', "sources.hes: 3 can't stand here. Write text."),
        ('providers = ["acute", ', 'providers = ["hospice", ', "peers.widen.providers: ['hospice', "),
        ("providers = [", "acute = [", "peers.widen.acute: is the name of a type"),
        ('census = "', 'censor = "', "sources.census: is missing"),
        (
            'kind = "ordinal"',
            'kind = "grade"',
            "figures.auditors_local_evaluation.internal_control_score.kind: 'grade' can't stand here. Write one of: ",
        ),
        (
            'direction = "higher_better"',
            'direction = "up"',
            "figures.auditors_local_evaluation.internal_control_score.direction: 'up' can't stand here. "
            "Write one of: higher_better, lower_better, none.",
        ),
        (
            'relevance = "low"',
            'relevance = "some"',
            "figures.auditors_local_evaluation.internal_control_score.relevance: 'some' can't stand here. "
            "Write one of: high, medium, low, none.",
        ),
        (
            'label = "Auditors',
            'lable = "Auditors',
            "figures.auditors_local_evaluation.internal_control_score.lable: there is no such key. Did you mean label?",
        ),
        ('label = "All staff in post"', 'label = ""', "figures.census.staff_headcount.label: is empty. Write text."),
        (
            'scale = { 1 = "red"',
            'scale = { low = "red"',
            "figures.foundation_trust_regulator.governance_rating.scale.low: can't stand here.",
        ),
        (
            'scale = { 1 = "red", 2 = "amber", 3 = "green" }',
            "",
            "figures.foundation_trust_regulator.governance_rating.scale: belongs to the kind ordinal",
        ),
        (
            'label = "Deliveries"',
            'label = "D"\nsd_within = 2',
            "figures.hes.deliveries.sd_within: belongs to the kind mean",
        ),
        (
            'unit = "deliveries"\nrelevance = "none"',
            'unit = "deliveries"\nrelevance = "low"',
            "figures.hes.deliveries.relevance: a figure of which neither end is worse is not scored. Write none.",
        ),
        (
            "valid_until = 2010-03-31",
            "valid_from = 2011-01-01\nvalid_until = 2010-03-31",
            "figures.core_standards.other_standards_not_met.valid_until: is before valid_from.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_may_stand_there(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    file = changed(tmp_path, (before, after))
    with pytest.raises(ModelError) as error:
        read_indicator_model(file)
    assert any(problem.startswith(f"{file}, {told}") for problem in error.value.problems)


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    file = changed(tmp_path, ('name = "indicators"', "name = "))
    with pytest.raises(ModelError) as error:
        read_indicator_model(file)
    assert error.value.problems[0].startswith(f"{file}: can't be read as TOML: ")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = changed(tmp_path, ("least = 10", "least = 1"), ('"additive"', '"added"'), ('unit = "staff"', "unit = 7"))
    with pytest.raises(ModelError) as error:
        read_indicator_model(file)
    assert len(error.value.problems) == 3


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such model file"):
        read_indicator_model(tmp_path / "v1.toml")


def test_a_version_that_compares_small_types_with_themselves_alone_is_refused_in_a_sentence() -> None:
    with pytest.raises(ModelError) as error:
        read_indicator_model(model_file("C2", "indicators", "v1"))
    assert len(error.value.problems) == 1
    assert "use v2 or later" in error.value.problems[0]


def test_every_unit_of_a_number_with_a_worse_end_has_its_range(
    model: IndicatorModel, questionnaire: Questionnaire
) -> None:
    units = {each.unit for each in questionnaire if each.direction != "none" and not each.has_levels}
    assert len(units) == 7
    assert units == set(model.answers.ranges)


def test_a_mean_states_the_spread_among_its_people_and_a_figure_the_time_in_which_it_meant_this(
    tmp_path: Path,
) -> None:
    section = "[figures.hes.deliveries]\n"
    stated = 'sd_within = 2.5\nvalid_from = 2008-04-01\nvalid_until = 2010-03-31\npeers = "region"\n'
    text = RELEASED.read_text(encoding="utf-8").split(section)
    figure = text[1].replace('kind = "number"', 'kind = "mean"', 1)
    file = tmp_path / "v9.toml"
    file.write_text(text[0] + section + stated + figure, encoding="utf-8")
    read = read_indicator_model(file).indicators["hes.deliveries"]
    assert (read.kind, read.sd_within, read.peers) == ("mean", 2.5, "region")
    assert (str(read.valid_from), str(read.valid_until)) == ("2008-04-01", "2010-03-31")


def test_a_log_ratio_is_a_kind_that_a_model_may_choose(tmp_path: Path) -> None:
    section = "[figures.hes.deliveries]\n"
    text = RELEASED.read_text(encoding="utf-8").split(section)
    file = tmp_path / "v9.toml"
    file.write_text(text[0] + section + text[1].replace('kind = "number"', 'kind = "log_ratio"', 1), encoding="utf-8")
    assert read_indicator_model(file).indicators["hes.deliveries"].kind == "log_ratio"
