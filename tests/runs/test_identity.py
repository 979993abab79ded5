"""What identifies a run: the five parts, each moved by what is its own and by nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crosscheck import settings
from crosscheck.collection.read import Collection, read_collection
from crosscheck.questionnaire import Questionnaire
from crosscheck.rulebook.waivers import Waiver
from crosscheck.runs import identity
from crosscheck.runs.identity import PlannedRun, fingerprint, identify_run, list_sources
from crosscheck.runs.options import RunOptions
from crosscheck.standard import Standard

OPTIONS = RunOptions(collection="here", year="2008/09", capacity=60, random_share=0.5, seed=2009, standard="C2")
WAIVER = Waiver(
    rule="C2-HR-01", org_code="RXX", decided_by="J Smith", decided_on="2009-05-01", why="Seen", until="2010-03-31"
)


def parts_moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {part for part in before if before[part] != after[part]}


def edit_a_file(collection: Collection) -> Collection:
    first, *others = collection.inputs
    return replace(collection, inputs=(replace(first, sha256="another"), *others))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("inputs", lambda read, standard, options: (edit_a_file(read), standard, options)),
        (
            "rules",
            lambda read, standard, options: (
                read,
                replace(standard, rulebook=replace(standard.rulebook, digest="another")),
                options,
            ),
        ),
        ("rules", lambda read, standard, options: (read, replace(standard, waivers=(WAIVER,)), options)),
        (
            "models",
            lambda read, standard, options: (
                read,
                replace(standard, risk=standard.risk.model_copy(update={"digest": "another"})),
                options,
            ),
        ),
        ("options", lambda read, standard, options: (read, standard, replace(options, capacity=61))),
        ("options", lambda read, standard, options: (read, standard, replace(options, seed=2010))),
    ],
)
def test_a_change_moves_its_own_part_and_no_other(
    part: str, change: Callable[..., Any], collection: Collection, standard: Standard
) -> None:
    before = identify_run(collection, standard, OPTIONS)
    after = identify_run(*change(collection, standard, OPTIONS))
    assert parts_moved(before, after) == {part}
    assert fingerprint(before) != fingerprint(after)


def test_changed_source_is_another_code(
    collection: Collection, standard: Standard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = identify_run(collection, standard, OPTIONS)
    package = shutil.copytree(Path(identity.crosscheck.__file__).parent, tmp_path / "crosscheck")
    with (package / "scoring" / "dispersion.py").open("a") as source:
        source.write("# another thought\n")
    monkeypatch.setattr(identity.crosscheck, "__file__", str(package / "__init__.py"))
    identity._describe_code.cache_clear()
    assert parts_moved(before, identify_run(collection, standard, OPTIONS)) == {"code"}
    identity._describe_code.cache_clear()


def test_where_the_collection_lies_identifies_nothing(collection: Collection, standard: Standard) -> None:
    moved = replace(OPTIONS, collection="elsewhere", risk_model="v2")
    assert identify_run(collection, standard, OPTIONS) == identify_run(collection, standard, moved)


def test_a_stray_file_is_part_of_what_was_read(
    collection_folder: Path, questionnaire: Questionnaire, collection: Collection, standard: Standard, tmp_path: Path
) -> None:
    folder = shutil.copytree(collection_folder, tmp_path / "collection")
    (folder / "anwsers_late.csv").write_text("org_code\n", encoding="utf-8")
    read = read_collection(folder, questionnaire)
    before, after = (identify_run(one, standard, OPTIONS) for one in (collection, read))
    assert parts_moved(before, after) == {"inputs"}
    assert "collection/anwsers_late.csv" in list_sources(read, standard, folder)


def test_every_file_that_a_run_rests_on_is_listed_with_its_digest(national_run: Path, collection_folder: Path) -> None:
    manifest = json.loads((national_run / "manifest.json").read_text(encoding="utf-8"))
    home = settings.home()
    for place, digest in manifest["sources"].items():
        file = collection_folder / Path(place).name if place.startswith("collection/") else home / place
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, place
    rules = {file.relative_to(home).as_posix() for file in settings.rules_folder("C2").rglob("*.toml")}
    assert rules < manifest["sources"].keys()
    assert "rules/c2/waivers.toml" in rules
    assert manifest["fingerprint"] == fingerprint(manifest["identity"])


def test_a_planned_run_is_identified_once(
    collection: Collection, standard: Standard, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = PlannedRun(collection, standard, OPTIONS)
    assert planned.identity == identify_run(collection, standard, OPTIONS)
    monkeypatch.setattr(identity, "identify_run", lambda *_: pytest.fail("identified again"))
    assert planned.fingerprint == fingerprint(planned.identity)
