"""The pictures of the documents show what the program gives now."""

from __future__ import annotations

import re
from pathlib import Path

from tests.golden.__main__ import PICTURE, ROOT, picture_of_the_list

PICTURES = ("*.svg", "*.png", "*.jpg", "*.gif", "*.webp")
SHOWN = re.compile(r"!\[[^\]]*\]\(([^)]+)\)|<img[^>]* src=\"([^\"]+)\"")


def test_the_picture_of_the_list_is_that_of_a_run_of_today(national_run: Path) -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture_of_the_list(national_run), "the list changed; `make golden`"


def test_every_picture_of_the_documents_is_made_by_the_tests_and_shown_somewhere() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {
        (document.parent / target).resolve()
        for document in documents
        for found in SHOWN.finditer(document.read_text(encoding="utf-8"))
        if not (target := found[1] or found[2]).startswith("http")
    }
    pictures = {file.resolve() for kind in PICTURES for file in (ROOT / "docs").rglob(kind)}
    assert shown == pictures == {PICTURE.resolve()}
