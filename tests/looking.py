"""Pages as people meet them: in a real browser, by keyboard and screen reader, wide and narrow, on paper."""

from __future__ import annotations

from pathlib import Path

import pikepdf
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

WIDTHS = (1280, 400)
_RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


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


def thin_out(page: Page, most: int = 12) -> None:
    """Take away the rows of long tables and the articles that are like those before them, for axe looks at each."""
    page.evaluate(
        "most => document.querySelectorAll(`tbody > tr:nth-of-type(n + ${most}), article:nth-of-type(n + ${most})`)"
        ".forEach(one => one.remove())",
        most,
    )


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window; only tables and pictures may scroll, by themselves."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def figures_told(file: Path) -> list[bool]:
    """Of each picture of a PDF, whether it says in words what it shows."""
    with pikepdf.open(file) as pdf:
        figures = [one for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"]
        return ["/Alt" in figure for figure in figures]


def _is_outside(url: str) -> bool:
    return not url.startswith(("file:", "data:"))
