"""The season of docs/visits.md, walked as it is written there, on a tenth of the embedded collection."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.store import seals
from tests.conftest import make_once

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "visits.md").read_text(encoding="utf-8")
SEALED, KNOWN = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 6, tzinfo=UTC)
SMALL = {"data/england-2008-09": "collection", "--capacity 60": "--capacity 16 --no-pages", "$RUN": "RUN"}


@dataclass
class Walk:
    """What was typed and what came of it."""

    folder: Path
    told: dict[str, str] = field(default_factory=dict)

    def output(self, beginning: str) -> str:
        """What the last command that begins so printed."""
        return next(output for command, output in reversed(self.told.items()) if command.startswith(beginning))


def _commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def _words(command: str) -> list[str]:
    """As a shell parts them; a pattern of files stands for the files."""
    parts = shlex.split(command, comments=True)
    return [name for part in parts for name in (sorted(map(str, Path().glob(part))) if "*" in part else [part])]


def _type(command: str, run_id: str) -> str:
    """One line of the page; the exit code is 0, or the one that its comment states."""
    for large, small in SMALL.items():
        command = command.replace(large, small)
    program, *words = _words(command)
    if program == "cp":
        shutil.copy(ROOT / words[0], words[1])
        return ""
    if program == "python3":
        return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stdout
    assert program == "crosscheck"
    done = CliRunner().invoke(main, [run_id if word == "RUN" else word for word in words])
    stated = re.search(r"exit code (\d+)", command)
    assert done.exit_code == (int(stated[1]) if stated else 0), f"{command}\n{done.output}"
    return done.output


def _fill(code: str, folder: str, assessor: str, day: int, *, qualified: bool) -> None:
    """A form as an assessor fills it in: the policy was absent where the declaration is not upheld."""
    with Path("forms", f"{code}.csv").open(encoding="utf-8-sig", newline="") as form:
        rows = list(csv.DictReader(form))
    for row in rows:
        if row["question_id"]:
            absent = qualified and row["question_id"] == "policies.child_protection_policy"
            row["seen"] = "absent" if absent else "seen"
        else:
            finding = "qualified" if qualified else "upheld"
            row |= {"visited_on": f"2009-07-{day:02}", "assessor": assessor, "finding": finding}
    _write(rows, Path(folder, f"{code}.csv"))


def _write(rows: list[dict[str, str]], file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as form:
        writer = csv.DictWriter(form, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _visit() -> None:
    """All but the last two organisations are visited, by Ann and Ben in turn; every third is not upheld."""
    planned = pl.read_csv("plan/visit_plan.csv")["org_code"].to_list()[:-2]
    for number, code in enumerate(planned):
        name, assessor = (("filled-ann", "A1"), ("filled-ben", "A2"))[number % 2]
        _fill(code, name, assessor, number + 1, qualified=number % 3 == 0)
    with Path("filled-ben", f"{planned[1]}.csv").open(encoding="utf-8", newline="") as form:
        rows = [row for row in csv.DictReader(form) if not row["question_id"]][:1]
    _write([row | {"finding": "qualified"} for row in rows], Path("contradicting.csv"))
    corrected = {"finding": "qualified", "corrects": "The file was another trust's."}
    _write([row | corrected for row in rows], Path("correcting.csv"))


def _begin_next_year() -> None:
    """The same declarations a year later, and beside the former visits those of this season."""
    shutil.copytree("collection", "next-year")
    declarations = pl.read_csv("next-year/declarations.csv", infer_schema=False)
    of_year = declarations.filter(pl.col("year") == "2008/09").with_columns(year=pl.lit("2009/10"))
    pl.concat([declarations, of_year]).write_csv("next-year/declarations.csv")
    for name in ("visits", "visit_items"):
        files = (Path("next-year", f"{name}.csv"), Path("outcomes", f"{name}.csv"))
        tables = [pl.read_csv(file, infer_schema=False) for file in files]
        pl.concat(tables, how="diagonal").write_csv(files[0])


def _walk(folder: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """Type the whole page; what people do between the commands is done as the page says."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CROSSCHECK_STORE", str(folder / "runs.db"))
    shutil.copytree(few, "collection")
    walk = Walk(folder)
    between = {"crosscheck visits record filled-ann/*.csv --run": _visit, "crosscheck run next-year": _begin_next_year}
    run_id = ""
    for command in _commands():
        if command.startswith("export"):
            continue
        if act := next((act for begins, act in between.items() if command.startswith(begins)), None):
            act()
        monkeypatch.setattr(seals, "now", lambda: SEALED if not Path("frame").exists() else _time(walk))
        walk.told[command] = _type(command, run_id)
        if command.startswith("cp "):
            with Path("plan.toml").open("a", encoding="utf-8") as plan:
                plan.write("\n" + re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)[0])
        if command.startswith("crosscheck run data"):
            run_id = re.findall(r"KEPT +run (\w+)", walk.told[command])[0]
    return walk


def _time(walk: Walk) -> datetime:
    """The value is known once a second person has confirmed."""
    return KNOWN if any(command.startswith("crosscheck visits confirm") for command in walk.told) else SEALED


@pytest.fixture(scope="module")
def walk(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walked: list[Walk] = []

    def _make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            walked.append(_walk(folder, few, monkeypatch))
        (folder / "told.json").write_text(json.dumps(walked[0].told), encoding="utf-8")

    folder = make_once(tmp_path_factory, "season", _make)
    return Walk(folder, json.loads((folder / "told.json").read_text(encoding="utf-8")))


def test_the_practice_draw_is_said_to_be_one_and_the_drawn_run_to_bind(walk: Walk) -> None:
    assert "practice draw, not binding" in walk.output("crosscheck run data")
    assert "practice draw" in walk.folder.joinpath("run", "manifest.json").read_text(encoding="utf-8")
    assert "binding draw, sealed as" in walk.output("crosscheck visits draw")
    drawn = json.loads((walk.folder / "run-drawn" / "manifest.json").read_text(encoding="utf-8"))["draw"]
    assert drawn["binding"]
    assert drawn["value"] == "4 8 15 16 23 42"


def test_script_and_command_verify_the_draw_alike(walk: Walk) -> None:
    script, command = walk.output("python3 draw/verify_draw.py"), walk.output("crosscheck visits verify")
    assert script == command
    assert command.endswith("as published\n")


def test_whom_a_person_added_is_planned_packed_and_counted_apart(walk: Walk) -> None:
    planned = pl.read_csv(walk.folder / "plan" / "visit_plan.csv")
    assert planned.filter(pl.col("arm") == "added")["org_code"].to_list() == ["R5T"]
    assert "It was chosen by a named person, in addition" in (walk.folder / "packs" / "R5T.html").read_text(
        encoding="utf-8"
    )
    assert (walk.folder / "forms" / "R5T.xlsx").exists()
    assert "People added to the visits 1 organisation" in walk.output("crosscheck visits yield --run run-drawn --out")
    others = pl.read_csv(walk.folder / "outcomes" / "other_visits.csv")
    assert others["org_code"].to_list() == ["R5T"]


def test_forms_recorded_twice_change_nothing_and_a_contradiction_is_refused_with_who_recorded_it(walk: Walk) -> None:
    both = walk.output("crosscheck visits record filled-ann/*.csv filled-ben")
    assert re.search(r"(\d+) were recorded already and say the same", both)
    refused = walk.output("crosscheck visits record contradicting.csv")
    assert "contradicts what Ben Bold recorded" in refused
    assert "1 visits, 0 criteria; 1 of them corrections" in walk.output("crosscheck visits record correcting.csv")


def test_the_yield_speaks_of_the_binding_draw_and_is_the_same_from_store_and_files(walk: Walk) -> None:
    told = walk.output("crosscheck visits yield --run run-drawn --out")
    assert "The random visits come from a binding draw, sealed as" in told
    for file in sorted((walk.folder / "yield").iterdir()):
        assert file.read_bytes() == (walk.folder / "yield-from-files" / file.name).read_bytes(), file.name


def test_criteria_and_assessors_of_the_forms_reach_the_yield(walk: Walk) -> None:
    visits = pl.concat(
        pl.read_csv(walk.folder / "outcomes" / f"{name}.csv", infer_schema=False) for name in ("visits", "other_visits")
    )
    items = pl.concat(
        pl.read_csv(walk.folder / "outcomes" / f"{name}.csv", infer_schema=False)
        for name in ("visit_items", "other_visit_items")
    )
    absent = items.filter(pl.col("seen") == "absent").height
    criteria = pl.read_csv(walk.folder / "yield" / "criteria.csv").to_dicts()
    assert [(row["name"], row["flagged"], row["share"]) for row in criteria] == [
        ("policies.child_protection_policy", absent, 1.0)
    ]
    of_first = visits.filter(pl.col("assessor") == "A1")
    lapses = of_first.filter(pl.col("finding") == "qualified").height
    own = walk.output("crosscheck visits yield --run run-drawn --assessor")
    assert own.startswith(f"A1: {lapses} of {of_first.height} declarations visited were not upheld.")
    assert not any("A1" in file.read_text(encoding="utf-8") for file in (walk.folder / "yield").iterdir())


def test_what_was_not_visited_is_planned_anew_and_nothing_else_moves(walk: Walk) -> None:
    moved = re.findall(r"(\w+) \(.*?\) moves from", walk.output("crosscheck visits replan"))
    planned = pl.read_csv(walk.folder / "plan" / "visit_plan.csv", try_parse_dates=True)
    visited = {file.stem for name in ("filled-ann", "filled-ben") for file in (walk.folder / name).iterdir()}
    assert set(moved) <= set(planned["org_code"]) - visited
    assert len(moved) == 2
    new_weeks = planned.filter(pl.col("org_code").is_in(moved))["monday"]
    assert min(new_weeks) > date(2009, 7, 17)


def test_next_years_list_learns_from_the_visits_of_this_season(walk: Walk) -> None:
    recorded = pl.read_csv(walk.folder / "outcomes" / "visits.csv").height
    before = pl.read_csv(walk.folder / "collection" / "visits.csv").height
    assert re.search(rf"visits +{recorded + before} rows", walk.output("crosscheck run next-year"))
    first, second = (
        json.loads((walk.folder / name / "manifest.json").read_text(encoding="utf-8"))["risk"]
        for name in ("run", "run-2009-10")
    )
    assert second["visits_learnt_from"] > first["visits_learnt_from"]
    assert second["prevalence"] != first["prevalence"]
