"""What is wrong with a rule file is told with its place, what may stand there and the nearest name, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from crosscheck.cases import Name
from crosscheck.errors import RulebookError
from crosscheck.rulebook.expression import ExpressionError, parse
from crosscheck.rulebook.load import load_rulebook
from tests.rulebook.test_only_if import NAMES as SOME
from tests.rulebook.test_only_if import RULE

NAMES = SOME | {
    name.name: name
    for name in (
        Name("human_resources.crb_checks", "ordinal", "checks", ("not_all", "since_2002", "all_staff"), absences=True),
        Name("service.maternity", "flag", "maternity"),
        Name("declared.statement", "text", "free text"),
        Name("declared.lapse_from", "date", "a day"),
    )
}


def told(expression: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse(expression, NAMES)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("human_resources.crb_check == 'all_staff'", ["Did you mean human_resources.crb_checks?", "^^^"]),
        ("human_resources.crb_checks >= 'everybody'", ["not_all", "since_2002", "all_staff"]),
        ("human_resources.crb_checks >= 3", ["^"]),
        ("training.plan >= 'yes'", ["^"]),
        ("training.level1_pct == 'yes'", ["^"]),
        ("declared.statement < 'b'", ["^"]),
        ("training.level1_pct", ["^"]),
        ("service.maternity == 'yes'", ["^"]),
        ("training.level1_pct >= 50 and", ["^"]),
        ("(training.level1_pct >= 50", ["^"]),
        ("", []),
        ("training.level1_pct = 50", ["=="]),
        ("training.plan in 'yes'", ["^"]),
    ],
)
def test_a_wrong_expression_is_told_with_its_place_and_what_is_allowed(expression: str, said: list[str]) -> None:
    message = told(expression)
    assert message
    for words in said:
        assert words in message


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('true') == 'x'",
        "().__class__.__bases__ == 'x'",
        "(lambda: 1)() == 1",
        "[x for x in (1, 2)] == 1",
        "(training := 1) == 1",
        "f'{1}' == 'x'",
        "9**9**9 > 1",
        "training.level1_pct > 10000000000000000000000000000000000000000000000000000000",
        "training.level1_pct.real > 1",
        "open('x') == 'y'",
        "eval('1') == 1",
        "training['level1_pct'] > 1",
        "await training.level1_pct",
        "training.level1_pct > 1 if True else False",
        "training.level1_pct > 1\x00",
        "True",
        "...",
        "(" * 300 + "service.maternity" + ")" * 300,
        "not " * 200 + "service.maternity",
        " or ".join(["service.maternity"] * 1000),
    ],
)
def test_nothing_but_the_language_gets_through(attack: str) -> None:
    assert told(attack)


def test_the_caret_stands_under_the_name_also_behind_letters_of_several_bytes() -> None:
    message = told("declared.statement == 'Ärzte über' and training.levle1_pct > 1")
    line, carets = next(
        pair
        for pair in zip(message.splitlines(), message.splitlines()[1:], strict=False)
        if set(pair[1].strip()) == {"^"}
    )
    start = carets.index("^")
    assert line[start:].startswith("training.levle1_pct")


def written(folder: Path, name: str, content: str) -> None:
    file = folder / "rules" / "c9" / "training" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, "C9-TRN-01.toml", RULE.replace('severity = "medium"', 'severity = "dreadful"'))
    written(tmp_path, "C9-TRN-02.toml", RULE.replace("training.level1_pct >= 50'", "training.level1 >= 50'"))
    written(tmp_path, "C9-TRN-03.toml", "id = ")
    with pytest.raises(RulebookError) as caught:
        load_rulebook(tmp_path / "rules" / "c9", NAMES)
    message = str(caught.value)
    for words in ("C9-TRN-01.toml", "dreadful", "low", "C9-TRN-02.toml", "level1_pct", "C9-TRN-03.toml", "TOML"):
        assert words in message
    assert "No data was read" in message


@pytest.mark.parametrize("key", ["basis", "source", "innocent", "ask", "says", "group", "severity", "expects"])
def test_a_rule_without_its_law_or_its_innocent_explanations_is_refused(key: str, tmp_path: Path) -> None:
    kept = [line for line in RULE.splitlines() if not line.startswith(f"{key} ")]
    written(tmp_path, "C9-TRN-01.toml", "\n".join(kept))
    with pytest.raises(RulebookError, match=key):
        load_rulebook(tmp_path / "rules" / "c9", NAMES)


def test_an_unknown_key_gets_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, "C9-TRN-01.toml", RULE.replace("severity =", "severty ="))
    with pytest.raises(RulebookError, match="severity"):
        load_rulebook(tmp_path / "rules" / "c9", NAMES)


@pytest.mark.parametrize("verdict", ["agrees", "differs", "cannot_tell"])
def test_a_rule_must_show_an_example_of_each_verdict(verdict: str, tmp_path: Path) -> None:
    written(tmp_path, "C9-TRN-01.toml", RULE.replace(f'verdict = "{verdict}"', 'verdict = "not_applicable"'))
    with pytest.raises(RulebookError, match=verdict):
        load_rulebook(tmp_path / "rules" / "c9", NAMES)


def test_a_rule_lies_under_its_own_name(tmp_path: Path) -> None:
    written(tmp_path, "C9-TRN-07.toml", RULE)
    with pytest.raises(RulebookError, match="C9-TRN-07"):
        load_rulebook(tmp_path / "rules" / "c9", NAMES)


def test_a_folder_without_rules_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules" / "c9").mkdir(parents=True)
    with pytest.raises(RulebookError, match="no rule"):
        load_rulebook(tmp_path / "rules" / "c9", NAMES)
