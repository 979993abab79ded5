"""The manifest: what was written is read again whole, and a damaged one is refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from crosscheck.cli import main
from crosscheck.errors import RunError
from crosscheck.runs.manifest import parse_manifest
from crosscheck.runs.run_folder import MANIFEST, read_manifest


def test_what_is_read_of_a_manifest_says_all_that_was_written(run_of_few: Path) -> None:
    written = json.loads((run_of_few / MANIFEST).read_text(encoding="utf-8"))
    read = read_manifest(run_of_few)
    assert json.loads(json.dumps(read.as_json())) == written
    assert read.run_id == written["fingerprint"][:16]


def test_every_entry_that_is_missing_or_of_another_kind_is_named_at_once(run_of_few: Path) -> None:
    written = json.loads((run_of_few / MANIFEST).read_text(encoding="utf-8"))
    del written["sources"]
    written["options"]["capacity"] = "many"
    with pytest.raises(RunError) as raised:
        parse_manifest(json.dumps(written).encode(), "run/manifest.json")
    assert [problem.split(": ")[1] for problem in raised.value.problems[:2]] == ["options.capacity", "sources"]
    assert all(problem.startswith("run/manifest.json: ") for problem in raised.value.problems)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"{}"])
def test_a_command_refuses_a_damaged_manifest_and_names_the_file(
    content: bytes, run_of_few: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(run_of_few, tmp_path / "run")
    (run / MANIFEST).write_bytes(content)
    told = CliRunner().invoke(main, ["national", "--run", str(run), "--out", str(tmp_path / "national")])
    assert told.exit_code == RunError.exit_code, told.output
    assert str(run / MANIFEST) in told.output
    assert "Make the run again" in told.output


def test_the_order_of_the_options_on_the_command_line_changes_nothing(few: Path, tmp_path: Path) -> None:
    options = ["--year=2008/09", "--capacity=3", "--seed=7", "--no-pages"]
    for name, ordered in (("one", options), ("other", options[::-1])):
        told = CliRunner().invoke(main, ["run", str(few), f"--out={tmp_path / name}", *ordered])
        assert told.exit_code == 0, told.output
    stated = [
        list(json.loads((tmp_path / name / MANIFEST).read_text())["options"].items()) for name in ("one", "other")
    ]
    assert stated[0] == stated[1]
