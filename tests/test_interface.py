"""What other programs call: the names, their signatures, their examples, and a run's own numbers."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

import crosscheck as cc
from crosscheck import interface
from crosscheck.errors import CollectionError, UnknownNameError

ROOT = Path(__file__).resolve().parent.parent
YEAR = "2008/09"

# What callers rely on. Whoever changes a line here breaks their programs: say so in the changelog.
SIGNATURES = {
    "Capacity": "(visits: 'int' = 60, random_share: 'float' = 0.5, seed: 'int' = 1, design: 'Design' = …, "
    "seal: 'Seal | None' = None) -> None",
    "check": "(collection: 'Collection') -> 'Checks'",
    "cross_check": "(collection: 'Collection', capacity: 'Capacity' = …) -> 'pipeline.Outcome'",
    "learn": "(collection: 'Collection', visits: 'Frame | None' = None) -> 'Learnt'",
    "plan": "(weighing: 'Weighing') -> 'pipeline.Planned'",
    "rank": "(weighing: 'Weighing') -> 'pl.DataFrame'",
    "read": "(place: 'str | Path', standard: 'Standard', year: 'str') -> 'Collection'",
    "score": "(collection: 'Collection') -> 'pl.DataFrame'",
    "weigh": "(checks: 'Checks', scores: 'pl.DataFrame', capacity: 'Capacity' = …) -> 'Weighing'",
    "Collection.from_frames": "(frames: 'Mapping[str, Frame]', standard: 'Standard', year: 'str') -> 'Collection'",
    "Standard.load": "(name: 'str | None' = None, year: 'str | None' = None, weights: 'str | None' = None) "
    "-> 'Standard'",
}  # fmt: skip
FIELDS = {
    "Checks": {"collection", "cases", "findings", "lost"},
    "Collection": {"standard", "year", "tables", "problems", "doubts"},
    "Learnt": {"standard", "changes", "checks", "text"},
    "Weighing": {"checks", "scores", "capacity", "findings", "items", "parts"},
}


@pytest.fixture(scope="module")
def standard() -> cc.Standard:
    return cc.Standard.load("C2", YEAR)


@pytest.fixture(scope="module")
def collection(standard: cc.Standard, collection_folder: Path) -> cc.Collection:
    return cc.read(collection_folder, standard, YEAR)


@pytest.fixture(scope="module")
def frames(collection_folder: Path) -> dict[str, pl.DataFrame]:
    return {file.stem: pl.read_csv(file, infer_schema_length=None) for file in sorted(collection_folder.glob("*.csv"))}


def test_the_names_are_those_that_callers_rely_on_and_no_other_is_offered() -> None:
    assert set(cc.__all__) == {name.split(".")[0] for name in (*SIGNATURES, *FIELDS)} == set(interface.__all__)
    assert set(dir(cc)) == {*cc.__all__, "__version__"}
    with pytest.raises(AttributeError, match="no public name score_tables; there are Capacity, "):
        cc.score_tables  # noqa: B018  # that it is asked for is the test


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_is_what_callers_rely_on(name: str) -> None:
    called = cc
    for part in name.split("."):
        called = getattr(called, part)
    signature = inspect.signature(called)
    shortened = [
        one if one.default is one.empty or isinstance(one.default, int | float | None) else one.replace(default=Shown())
        for one in signature.parameters.values()
    ]
    assert str(signature.replace(parameters=shortened)) == SIGNATURES[name]


class Shown:
    def __repr__(self) -> str:
        return "…"


@pytest.mark.parametrize("name", FIELDS)
def test_a_result_has_the_fields_that_callers_rely_on(name: str) -> None:
    held = {field for field in getattr(cc, name).__dataclass_fields__ if not field.startswith("_")}
    shown = {field for field, value in vars(getattr(cc, name)).items() if isinstance(value, property)}
    assert held | shown == FIELDS[name]


def test_the_types_that_other_programs_are_checked_by_are_the_same_names() -> None:
    stub = ast.parse((ROOT / "crosscheck" / "__init__.pyi").read_text(encoding="utf-8"))
    named = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert named == set(cc.__all__)
    assert (ROOT / "crosscheck" / "py.typed").exists()


def test_the_import_alone_reads_no_library() -> None:
    code = "import sys, crosscheck; print({'polars', 'numpy', 'crosscheck.interface'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "set()\n"


def test_every_example_runs_and_says_what_it_says(
    standard: cc.Standard, frames: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which they are met: each goes on with what the one before has made."""
    monkeypatch.chdir(ROOT)
    places = [cc.Standard.load, cc.read, cc.Collection.from_frames, *(getattr(cc, name) for name in STEPS)]
    known: dict[str, object] = {"cc": cc, "frames": frames, "standard": standard}
    for place in places:
        text = inspect.cleandoc(place.__doc__ or "")
        example = doctest.DocTestParser().get_doctest(text, known, place.__name__, None, None)
        assert example.examples, place.__name__
        runner = doctest.DocTestRunner(verbose=False)
        runner.run(example, clear_globs=False)
        assert runner.summarize(verbose=False).failed == 0, place.__name__
        known |= example.globs


STEPS = ("check", "score", "weigh", "rank", "plan", "cross_check", "learn")


def test_what_is_put_together_step_by_step_is_the_list_of_a_run(collection: cc.Collection, national_run: Path) -> None:
    checks = cc.check(collection)
    weighing = cc.weigh(checks, cc.score(collection))
    made = pl.read_parquet(national_run / "visit_list.parquet")
    assert cc.plan(weighing).visit_list.select(made.columns).cast(dict(made.schema)).equals(made)  # type: ignore[arg-type]
    ranked = cc.rank(weighing).sort("org_code", "function")
    assert ranked["risk"].round(6).to_list() == made.sort("org_code", "function")["risk"].to_list()


def test_frames_are_read_as_files_are(
    collection: cc.Collection, standard: cc.Standard, frames: dict[str, pl.DataFrame]
) -> None:
    lazily = frames | {"answers": frames["answers"].lazy()}
    taken = cc.Collection.from_frames(lazily, standard, YEAR)
    assert taken.problems.is_empty()
    assert {
        name: table.equals(taken.tables[name])
        for name, table in collection.tables.items()
        if not table.equals(taken.tables[name])
    } == {}


def test_a_frame_of_pandas_will_do(standard: cc.Standard, frames: dict[str, pl.DataFrame]) -> None:
    few = {"organisations": frames["organisations"].head(5), "declarations": frames["declarations"]}
    codes = few["organisations"]["org_code"]
    few["declarations"] = few["declarations"].filter(pl.col("org_code").is_in(codes.implode()))
    few["answers"] = frames["answers"].filter(pl.col("org_code").is_in(codes.implode()))
    of_pandas = {name: pd.DataFrame(frame.to_dict(as_series=False)) for name, frame in few.items()}
    expected = cc.Collection.from_frames(few, standard, YEAR).tables
    taken = cc.Collection.from_frames(of_pandas, standard, YEAR).tables
    assert expected["declarations"].height > 5
    for name in few:
        assert taken[name].equals(expected[name]), name


def test_a_table_of_no_known_name_is_refused_with_the_nearest(standard: cc.Standard) -> None:
    with pytest.raises(UnknownNameError, match=r"declaration: there is no such table\. Did you mean declarations,"):
        cc.Collection.from_frames({"declaration": pl.DataFrame({"org_code": ["R01"]})}, standard, YEAR)


def test_a_table_that_is_lacking_is_named_without_the_place_where_frames_are_laid_down(standard: cc.Standard) -> None:
    organisations = pl.DataFrame({"org_code": ["R01"], "name": ["A"], "org_type": ["acute"], "region": ["North"]})
    with pytest.raises(CollectionError) as refused:
        cc.Collection.from_frames({"organisations": organisations}, standard, YEAR)
    assert any(problem.startswith("the table answers is missing") for problem in refused.value.problems)
    assert not any("crosscheck-frames" in problem for problem in refused.value.problems)


def test_a_cell_with_several_values_is_refused_by_name(standard: cc.Standard) -> None:
    with pytest.raises(CollectionError, match="organisations, column name: a cell holds several values"):
        cc.Collection.from_frames({"organisations": pl.DataFrame({"name": [["a", "b"]]})}, standard, YEAR)


def test_a_null_is_no_answer_and_what_is_odd_is_a_problem_with_its_row(
    standard: cc.Standard, frames: dict[str, pl.DataFrame]
) -> None:
    answers = frames["answers"].head(3).with_columns(answer=pl.Series([None, "yes please", "yes"]))
    few = frames | {"answers": answers}
    taken = cc.Collection.from_frames(
        {name: few[name] for name in ("organisations", "declarations", "answers")}, standard, YEAR
    )
    assert taken.problems.select("table", "row").row(0) == ("answers", 3)


def test_further_visits_teach_more(collection: cc.Collection) -> None:
    before = collection.tables["visits"]
    codes = collection.tables["organisations"]["org_code"].tail(20)
    of_last_year = before.filter(pl.col("year") == before["year"].max()).head(20)
    further = of_last_year.with_columns(codes, function=pl.lit("whole"), finding=pl.lit("qualified"))
    learnt = cc.learn(collection, further)
    assert learnt.standard.risk.version == f"v{int(collection.standard.risk.version[1:]) + 1}"
    (number,) = re.findall(r"Learnt from (\d+) visits", learnt.changes[0])
    held = before.height + collection.tables["visits_wave_1"].height
    assert held < int(number) <= held + 20
    assert f"Learnt from {number} visits" in learnt.text
