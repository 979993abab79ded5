"""Paper: whatever a text holds, it is set as text; the same paper gives the same bytes; a screen reader can follow."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pikepdf
import pytest

from crosscheck.report.output import pdf
from crosscheck.report.output.pdf import Paper, choose_extent, write_papers, write_pdf

HOSTILE = '#panic("x") *b* _i_ $x$ `r` <label> @ref // c \\ [] {} #{ "quotes" = heading'
PLAIN = {
    "site": "Visit pack", "foot": "Run 1.", "name": "Trust", "lead": "North", "tests": "It declared compliance.",
    "criteria": [{"question": "Is there a policy?", "of": ""}],
}  # fmt: skip


def paper(**fields: object) -> Paper:
    return Paper("blinded_pack", "A pack", date(2009, 3, 31), PLAIN | fields)


def test_a_text_that_looks_like_markup_is_set_as_text(tmp_path: Path) -> None:
    hostile = replace(
        paper(name=HOSTILE, tests=HOSTILE, criteria=[{"question": HOSTILE, "of": HOSTILE}]), title=HOSTILE
    )
    write_pdf(hostile, tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as opened:
        assert str(opened.open_metadata()["dc:title"]) == HOSTILE
        assert len(opened.pages) == 1


def test_a_character_that_the_fonts_lack_is_named_by_its_code_and_never_lost() -> None:
    written = paper(tests="A 😀 and 漢: naïve – “Łódź”, −5 ≤ 3 → 4").data
    assert "A [U+1F600] and [U+6F22]: naïve – “Łódź”, −5 ≤ 3 → 4" in written


def test_every_character_that_is_set_as_itself_can_be_set(tmp_path: Path) -> None:
    every = "".join(
        chr(code) for code in range(0x20, 0x3000) if not re.match(pdf._NOT_SHOWN.pattern, chr(code)) and code != 0xAD
    )
    assert len(every) > 400
    write_pdf(paper(tests=every, name=every), tmp_path / "a.pdf")  # the standard refuses a character without a glyph


def test_the_same_paper_gives_the_same_bytes_and_another_text_others(tmp_path: Path) -> None:
    papers = {"one": paper(), "two": paper(), "other": paper(tests="It declared a lapse.")}
    assert write_papers(papers, tmp_path) == 3
    one, two, other = ((tmp_path / f"{name}.pdf").read_bytes() for name in papers)
    assert one == two != other


def test_a_paper_bears_the_day_that_it_is_given_and_not_that_of_its_making(tmp_path: Path) -> None:
    write_pdf(paper(), tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as opened:
        assert str(opened.open_metadata()["xmp:CreateDate"]).startswith("2009-03-31")
        assert str(opened.docinfo["/CreationDate"]).startswith("D:20090331")


def test_a_paper_that_is_still_right_is_left_and_one_that_was_broken_off_is_set_again(tmp_path: Path) -> None:
    assert write_papers({"a": paper(), "b": paper()}, tmp_path) == 2
    whole = (tmp_path / "a.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(whole[: len(whole) // 2])
    assert write_papers({"a": paper(), "b": paper()}, tmp_path) == 1
    assert (tmp_path / "a.pdf").read_bytes() == whole
    assert write_papers({"a": paper(foot="Run 2."), "b": paper()}, tmp_path) == 1


def test_a_screen_reader_can_follow_it(tmp_path: Path) -> None:
    write_pdf(paper(), tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as opened:
        assert opened.Root.MarkInfo.Marked
        assert str(opened.Root.Lang) == "en-GB"
        assert opened.Root.ViewerPreferences.DisplayDocTitle
        assert b"pdfuaid:part" in bytes(opened.Root.Metadata.read_bytes())
        tags = {str(one.get("/S")) for one in opened.objects if isinstance(one, pikepdf.Dictionary)}
        assert {"/H1", "/H2", "/P", "/Table", "/TR", "/TH", "/TD"} <= tags


def test_no_font_of_the_machine_is_used(tmp_path: Path) -> None:
    write_pdf(paper(), tmp_path / "a.pdf")
    with pikepdf.open(tmp_path / "a.pdf") as opened:
        fonts = {str(one["/BaseFont"]) for one in opened.objects if isinstance(one, pikepdf.Dictionary)
                 and "/BaseFont" in one}  # fmt: skip
    assert fonts
    assert all("SourceSansPro" in font for font in fonts)


@pytest.mark.parametrize(
    ("asked", "extent"),
    [((False, False), None), ((True, False), "two pages"), ((False, True), "with annex"), ((True, True), "with annex")],
)
def test_the_annex_asks_for_the_paper_too(asked: tuple[bool, bool], extent: str | None) -> None:
    assert choose_extent(pdf=asked[0], annex=asked[1]) == extent


def test_a_word_that_is_longer_than_a_line_is_broken_and_stays_on_the_paper(tmp_path: Path) -> None:
    write_pdf(paper(name="W" * 6000), tmp_path / "long.pdf")
    with pikepdf.open(tmp_path / "long.pdf") as opened:
        assert len(opened.pages) > 1, "on one line it would run over the edge of the only page"
