"""Write the golden run and the picture of the README anew: `make golden`. Read the difference before you commit it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl

from crosscheck.cli import main
from tests import tutorials
from tests.golden.visit_list_picture import draw_visit_list

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PICTURE = ROOT / "docs" / "visit-list.svg"


def make_in_a_process(collection: Path, folder: Path) -> None:
    """Make a run as a user does."""
    command = [sys.executable, "-m", "crosscheck", "run", str(collection), "--year", "2008/09", "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def what_is_held(folder: Path) -> dict[str, str]:
    """Of a run of the embedded collection: the list, and the counts of every check."""
    verdicts = (
        pl.read_parquet(folder / "findings.parquet")
        .with_columns(pl.col("verdict").cast(pl.String))
        .group_by("check_id", "verdict")
        .agg(declarations=pl.len(), decibans=pl.col("weight").sum().round(3))
        .sort("check_id", "verdict")
    )
    scores = (
        pl.read_csv(folder / "scores.csv", infer_schema_length=None)
        .group_by("indicator", "peer_group")
        .agg(organisations=pl.len(), z=pl.col("z").abs().sum().round(3), phi=pl.col("phi").first())
        .sort("indicator", "peer_group")
    )
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {
        "visit_list.csv": (folder / "visit_list.csv").read_text(encoding="utf-8"),
        "verdicts.csv": verdicts.write_csv(),
        "scores.csv": scores.write_csv(),
        "reconciliation.json": json.dumps(manifest["reconciliation"], indent=1) + "\n",
    }


def picture_of_the_list(folder: Path) -> str:
    """docs/visit-list.svg, from a run of the embedded collection."""
    return draw_visit_list(pl.read_parquet(folder / "visit_list.parquet"))


def command_reference() -> str:
    """docs/commands.md, from the commands themselves."""
    pages = ["# Commands\n\nMade from the commands by `make golden`; a test holds it.\n", _page(main, "crosscheck")]
    pages += [_page(command, f"crosscheck {name}") for name, command in _commands(main, "")]
    return "\n".join(pages)


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path}{name} ")


def _page(command: click.Command, name: str) -> str:
    with click.Context(command, info_name=name, terminal_width=100, **main.context_settings) as context:
        return f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    (ROOT / "docs" / "commands.md").write_text(command_reference(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        make_in_a_process(ROOT / "data" / "england-2008-09", Path(name) / "run")
        PICTURE.write_text(picture_of_the_list(Path(name) / "run"), encoding="utf-8")
        for file, content in what_is_held(Path(name) / "run").items():
            (HERE / file).write_text(content, encoding="utf-8")
        for tutorial in tutorials.NAMES:
            folder, page = Path(name) / tutorial, tutorials.TUTORIALS / f"{tutorial}.md"
            tutorials.prepare(folder, Path(name) / "run")
            page.write_text(tutorials.rewrite(page.read_text(encoding="utf-8"), folder), encoding="utf-8")
