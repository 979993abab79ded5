"""Pages as people meet them: in a real browser, by keyboard and screen reader, wide and narrow, on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pikepdf
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from crosscheck.report.output.pdf import Paper

WIDTHS = (1280, 400, 320)
_RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}

_THIN_OUT = """most => {
  const seen = new Map();
  const told = one => one.tagName + [...one.attributes].map(each => each.name) + one.className;
  for (const alike of ["tbody > tr", "article", "section"])
    for (const one of document.querySelectorAll(alike)) {
      const made = told(one.parentElement) + [one, ...one.querySelectorAll("*")].map(told);
      seen.set(made, (seen.get(made) || 0) + 1);
      if (seen.get(made) > most && one !== one.parentElement.firstElementChild) one.remove();
    }
}"""


def open_page(browser: Browser, file: Path, width: int = 1280) -> Page:
    """Open a page from the file system, and fail if it asks for anything from elsewhere or complains of anything."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("request", lambda request: complaints.append(request.url) if _is_outside(request.url) else None)
    page.on("console", lambda told: complaints.append(told.text) if told.type in {"error", "warning"} else None)
    page.goto(file.resolve().as_uri())
    assert complaints == []
    return page


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, each with the elements that it means."""
    found = Axe().run(page, options=_RULES).response["violations"]
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def thin_out(page: Page, most: int = 3) -> None:
    """Take away rows, articles and sections made of the same elements as so many before them: axe looks at each.

    The first within its parent stays, and whatever is made otherwise stays, wherever it is.
    """
    page.evaluate(_THIN_OUT, most)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window; only tables and pictures may scroll, by themselves."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def figures_told(file: Path) -> list[bool]:
    """Of each picture of a PDF, whether it says in words what it shows."""
    with pikepdf.open(file) as pdf:
        figures = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"]
        return ["/Alt" in figure for figure in figures]


def text_of(paper: Paper) -> str:
    """All texts that a paper is set from, with single spaces."""
    return " ".join(" ".join(_texts(json.loads(paper.data))).split())


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _is_outside(url: str) -> bool:
    return not url.startswith(("file:", "data:"))
