from __future__ import annotations

from pathlib import Path

from crosscheck.collection.read import read_collection
from crosscheck.sensitivity import GATE, vary_assumptions
from crosscheck.standard import Standard
from tests.few import cut_collection, organisations


def test_three_in_five_of_the_first_stay_whatever_single_assumption_changes(standard: Standard, tmp_path: Path) -> None:
    """On a third of the organisations; `make soak` asks the same of all of them."""
    third = cut_collection(tmp_path / "third", organisations()["org_code"][::3].to_list())
    compared = vary_assumptions(read_collection(third, standard.questionnaire), standard, "2008/09", first=25)
    assert compared.height >= 10
    assert compared["kept"].is_between(GATE, 1).all()
    assert compared["kept"].min() < 1, "some assumption matters"  # type: ignore[operator]
    assert compared["kept"].is_sorted()
    assert (compared["correlation"] > 0.5).all()
