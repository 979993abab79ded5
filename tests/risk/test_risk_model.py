from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crosscheck import settings
from crosscheck.errors import ModelError
from crosscheck.risk.model import read_risk_model

STATED = settings.model_file("C2", "visit_risk").read_text(encoding="utf-8")


def written(folder: Path, content: str) -> Path:
    file = folder / "v1.toml"
    file.write_text(content, encoding="utf-8")
    return file


def test_the_prior_is_the_share_that_visits_by_lot_did_not_uphold() -> None:
    assert read_risk_model(settings.model_file("C2", "visit_risk", "v2")).prior.not_upheld_share == 0.13


def test_every_problem_of_the_file_is_told_at_once(tmp_path: Path) -> None:
    wrong = STATED.replace("not_upheld_share = 0.13", "not_upheld_share = 13").replace("least = 20", "leest = 20")
    with pytest.raises(ModelError) as caught:
        read_risk_model(written(tmp_path, wrong))
    told = "\n".join(caught.value.problems)
    assert "prior.not_upheld_share" in told
    assert "quality.least" in told
    assert "quality.leest" in told


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="line 2"):
        read_risk_model(written(tmp_path, "# [link]\nprior = = 1"))


def test_a_version_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ModelError, match="There are: v1, v2"):
        settings.model_file("C2", "visit_risk", "v99")


def test_a_version_of_the_former_kind_is_refused_in_one_sentence() -> None:
    with pytest.raises(ModelError, match="of the kind before v2") as caught:
        read_risk_model(settings.model_file("C2", "visit_risk", "v1"))
    assert len(caught.value.problems) == 1


def test_every_prior_is_stated_with_its_reason() -> None:
    model = read_risk_model(settings.model_file("C2", "visit_risk", "v2"))
    stated: list[Any] = [model.link, model.comments, model.visitors, *model.answers.values(), *model.figures.values()]
    assert all(len(prior.reason) > 10 for prior in stated)
    assert all(len(source) > 10 for source in (model.prior.source, model.quality.source, model.simulation.source))
