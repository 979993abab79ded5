"""The terms of the glossary are borne by something, and the words that were struck out do not come back."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from click import Command, Context, Group

from crosscheck.cli import main
from crosscheck.contract.inputs import INPUTS
from crosscheck.contract.kept import KEPT
from crosscheck.contract.outputs import FURTHER, OUTPUTS

ROOT = Path(__file__).resolve().parents[1]
CODE = ROOT / "crosscheck"
TERM = re.compile(r"^\| ([^|]+) \| ([^|]+) \| `([\w.]+)` \|$", re.MULTILINE)

# Names that said nothing, or said it in words of their own. Each stands as a whole name, or as a part of one.
STRUCK_OUT = {
    "told": "say what it holds", "tell": "format or describe", "hand_down": "inherit_history",
    "make_up_tables": "build_polarity_probes", "count_cost": "checks_lost", "doubts": "polarity_warnings",
    "oddities": "outliers", "oddity": "form_error", "surprises": "unexpected_declarations",
    "foretelling": "prediction_fit", "foretell": "predict", "by_lot": "random", "shading": "response_bias",
    "price_checks": "weigh_checks", "price_difference": "decibans_of_verdict", "leave_weights": "without_learning",
    "read_stated": "read_model_file", "own_choice": "threshold_rationale", "innocent": "explanations",
    "shelves": "tables", "workplace": "sandbox", "crew": "executor", "round": "publication_state",
    "open_round": "load_state", "draw_up": "build_draft", "look_over": "preview_edition", "hold_head": "lock_trail",
    "take_visits": "latest_visits", "printable": "require_printable", "ailment": "fault", "picture": "national_report",
}  # fmt: skip

# A name that the contract promises is no private word there: `doubts` is its table of values to confirm.
PROMISED = {"doubts": {"cli", "collection", "interface.py", "publication", "report", "risk", "runs", "store"}}
# Words that are plain English in another sense than the one that was struck out, in the names that have them.
OTHER_SENSE = {
    # of numbers, and a tour
    "round": {"round_up", "round_shares", "round_to", "round_steps", "round_multiple", "a_round"},
    "picture": {"write_picture", "picture"},  # one that is drawn
    "printable": {"require_printable", "printable"},  # characters; counts that may be printed
}

# A past participle alone says nothing of what is in a variable. How many each room has left; it may only go down.
PARTICIPLES = ("told", "asked", "kept", "shown")
MOST_PARTICIPLES = {
    "batch": 1, "cases": 1, "contract": 1, "publication": 2, "report": 16, "risk": 1, "rulebook": 2, "runs": 1,
    "sensitivity.py": 1, "store": 3, "visits": 6,
}  # fmt: skip

# Words of a private English, in what people read: --help, templates, documents, and the pages of a run.
PHRASES = (
    "by lot", "told apart", "cannot be told", "can't be told", "innocent explanation", "as 2008/09",
    "foretell", "foretold", "own-choices", "declared otherwise than", "stand where", "asks and does not weigh",
    "hold no answer", "keeps open",
)  # fmt: skip
# Documents of what was decided and changed keep the words of their time.
HISTORY = {"CHANGELOG.md", "docs/decisions.md"}


def bearers() -> set[str]:
    """Every name of a class, function or constant of the package, and every `table.column` of the contract."""
    found = set()
    for file in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
            elif isinstance(node, ast.Assign):
                found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    for tables in (INPUTS, OUTPUTS, KEPT):
        found.update(f"{name}.{column.name}" for name, table in tables.items() for column in table.columns)
    found.update(f"{name}.{column.name}" for name, columns in FURTHER.items() for column in columns)
    return found


def names_of(file: Path) -> set[str]:
    """Every name that is bound or defined in a file, in small letters and without underscores around it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return {name.strip("_").lower() for name in found}


def struck_out_in(names: set[str]) -> set[str]:
    """The words struck out that stand in names, whole or between underscores."""
    apart = {name: re.sub(r"(cannot|to)_tell", "", name) for name in names}  # a verdict, and what can be distinguished
    return {
        word
        for word in STRUCK_OUT
        for name, text in apart.items()
        if f"_{word}_" in f"_{text}_" and name not in OTHER_SENSE.get(word, ())
    }


def names_in(room: Path) -> list[str]:
    """The names of all files of a room, each as often as there are files that have it."""
    files = [room] if room.is_file() else room.rglob("*.py")
    return [name for file in files for name in names_of(file)]


def rooms() -> list[Path]:
    """The folders and single modules right under the package."""
    return sorted(part for part in CODE.iterdir() if part.suffix == ".py" or (part / "__init__.py").is_file())


def commands(command: Command, path: tuple[str, ...] = ()) -> dict[str, str]:
    """The help of every command, by its name."""
    name = " ".join(path) or "crosscheck"
    found = {name: command.get_help(Context(command, info_name=name, **main.context_settings))}
    if isinstance(command, Group):
        for part, sub in command.commands.items():
            found |= commands(sub, (*path, part))
    return found


def test_every_term_of_the_glossary_has_a_bearer_that_is_still_there() -> None:
    terms = TERM.findall((ROOT / "GLOSSARY.md").read_text(encoding="utf-8"))
    assert len(terms) > 50
    there = bearers()
    assert [(term, bearer) for term, _, bearer in terms if bearer not in there] == []


def test_the_terms_of_each_part_of_the_glossary_are_in_the_order_of_the_alphabet() -> None:
    for part in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        terms = [term.replace("-", " ").lower() for term, _, _ in TERM.findall(part)]
        assert terms == sorted(terms)
        assert len(terms) == part.count("| `")


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_names_that_were_struck_out_do_not_come_back(room: Path) -> None:
    promised = {word for word, among in PROMISED.items() if room.name in among}
    found = struck_out_in(set(names_in(room))) - promised
    assert not found, {word: STRUCK_OUT[word] for word in found}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_past_participles_become_no_more_common_as_names(room: Path) -> None:
    found = [name for name in names_in(room) if name in PARTICIPLES]
    assert len(found) <= MOST_PARTICIPLES.get(room.name, 0), found


@pytest.mark.parametrize("word", sorted(OTHER_SENSE))
def test_a_name_is_allowed_in_another_sense_only_while_it_is_there(word: str) -> None:
    there = {name for room in rooms() for name in names_in(room)}
    assert OTHER_SENSE[word] <= there, OTHER_SENSE[word] - there


def phrases_in(text: str) -> set[str]:
    """The phrases struck out that stand in a text, whatever its line breaks."""
    joined = " ".join(text.replace("\u2019", "'").split()).lower()
    return {phrase for phrase in PHRASES if phrase in joined}


def test_no_template_has_words_that_were_struck_out() -> None:
    templates = [file for file in (CODE / "report" / "templates").rglob("*") if file.suffix in {".html", ".typ"}]
    assert len(templates) > 40
    assert {file.name: found for file in templates if (found := phrases_in(file.read_text(encoding="utf-8")))} == {}


def test_no_document_has_words_that_were_struck_out() -> None:
    documents = [ROOT / "README.md", ROOT / "GLOSSARY.md", *(ROOT / "docs").rglob("*.md")]
    documents += (ROOT / "models").rglob("card.md")
    read = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in documents}
    assert {name: found for name, text in read.items() if name not in HISTORY and (found := phrases_in(text))} == {}


def test_no_page_of_the_national_run_has_words_that_were_struck_out(national_run: Path) -> None:
    pages = list(national_run.rglob("*.html"))
    assert len(pages) > 300
    assert {page.name: found for page in pages if (found := phrases_in(page.read_text(encoding="utf-8")))} == {}


def test_no_help_has_words_that_were_struck_out() -> None:
    for name, text in commands(main).items():
        assert phrases_in(text) == set(), name
