"""The page for programs of one's own is run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import crosscheck as cc

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "python.md"


def test_the_page_runs_from_its_first_line_to_its_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    text = PAGE.read_text(encoding="utf-8")
    known: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), known)  # noqa: S102  # our own page
    said = capsys.readouterr().out
    assert "5E0" in said
    assert "Learnt from" in said
    assert known["again"].standard.risk.version == "v4"  # type: ignore[attr-defined]


def test_the_page_says_how_many_names_there_are() -> None:
    words = {14: "fourteen"}
    assert f"offers {words[len(cc.__all__)]} names" in PAGE.read_text(encoding="utf-8")
