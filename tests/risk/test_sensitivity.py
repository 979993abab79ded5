from __future__ import annotations

from crosscheck.collection.read import read_collection
from crosscheck.sensitivity import GATE, vary_assumptions
from crosscheck.standard import load_standard
from tests.conftest import COLLECTION


def test_three_in_five_of_the_first_stay_whatever_single_assumption_changes() -> None:
    standard = load_standard("C2")
    compared = vary_assumptions(read_collection(COLLECTION, standard.questionnaire), standard, "2008/09", first=50)
    assert compared.height >= 10
    assert compared["kept"].is_between(GATE, 1).all()
    assert compared["kept"].is_sorted()
    assert (compared["correlation"] > 0.5).all()
