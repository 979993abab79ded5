"""What a finding rests on, as people read it: questions and figures by their own words, and whose account each is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from crosscheck import settings
from crosscheck.cases.cases import catalogue
from crosscheck.questionnaire import read_questionnaire
from crosscheck.rulebook.condition import is_same
from crosscheck.rulebook.to_english import in_words
from crosscheck.runs.run_folder import read_manifest
from crosscheck.vocabulary import RELATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import polars as pl

OTHER_SIDES: Final = (*RELATIONS, "this_review")
_NAME: Final = r"[a-z0-9_]+\.[a-z0-9_.()]+"
# An account of another body comes after its relation and code; it may have several values, with a comma between them.
_NEXT_ACCOUNT: Final = re.compile(rf"; (?=(?:[a-z_]+ \w+: )?{_NAME} = |[a-z_]+: none of )")
_NEXT_VALUE: Final = re.compile(rf", (?={_NAME} = )")
_OF_A_BODY: Final = re.compile(r"([a-z_]+) (\w+): (.*)", re.DOTALL)
_OF_NONE: Final = re.compile(r"([a-z_]+): (.*)", re.DOTALL)
_AMONG_PEERS: Final = re.compile(rf"peers\.\w+\(({_NAME})\)")
_SIDES: Final = {
    "commissioner": "Its commissioner",
    "provider": "Its provider",
    "same_lscb": "On the same safeguarding board,",
    "other_party": "In the same case review,",
}
_THE_SAME: Final = "Of organisations with the same value"
_PLACE: Final = "place among organisations of its type (0 the lowest, 1 the highest)"


def read_labels(run: Path, scores: pl.DataFrame) -> dict[str, str]:
    """What people call a question or a figure, by its name: a question by the questionnaire's own words.

    Raises:
        RunError: there is no such run.
    """
    questionnaire = read_questionnaire(settings.questionnaire_file(read_manifest(run).options.standard))
    asked = {name.name: name.meaning for name in catalogue(questionnaire, ()).values()}
    of_one_review = {question.question_id: question.text for question in questionnaire if question.repeated}
    return of_one_review | asked | dict(scores.select("indicator", "label").unique().iter_rows())


def list_accounts(evidence: str, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Take the evidence of a finding apart: what was asked or measured, with the mark after it, and what it is."""
    for account in _NEXT_ACCOUNT.split(evidence):
        if found := _OF_A_BODY.fullmatch(account):
            relation, code, values = found.groups()
            yield from _list_values(values, labels, f"{_SIDES.get(relation, in_words(relation))} {code}: ")
        elif " = " not in account and (found := _OF_NONE.fullmatch(account)):
            yield f"{_SIDES.get(found[1], in_words(found[1])).removesuffix(',')}:", found[2]
        else:
            yield from _list_values(account, labels, "")


def label_of(name: str, labels: Mapping[str, str]) -> str:
    """A question or figure by its own words; one of another organisation after whose it is."""
    if name in labels:
        return labels[name]
    if found := _AMONG_PEERS.fullmatch(name):
        return f"{label_of(found[1], labels)}: {_PLACE}"
    if is_same(name):
        return f"{_THE_SAME}: {label_of(name.partition(').')[2], labels)}"
    side, _, rest = name.partition(".")
    if side == "this_review":
        return label_of(rest, labels)
    if side in OTHER_SIDES:
        return f"{_SIDES[side].removesuffix(',')}: {label_of(rest, labels)}"
    return in_words(name).replace(".", ", ")


def _list_values(account: str, labels: Mapping[str, str], whose: str) -> Iterator[tuple[str, str]]:
    for value in _NEXT_VALUE.split(account):
        name, _, stated = value.partition(" = ")
        label = label_of(name, labels)
        yield f"{whose}{label}{'' if label.endswith('?') else ':'}", stated
