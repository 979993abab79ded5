"""Paper: pages set as PDF, many at once, each whole or not at all, and none that is still right a second time.

A PDF bears the digest of the page that it was set from, so one that is still right is known by itself: a long job can
be stopped and taken up where it was.
"""

from __future__ import annotations

import gc
import os
import signal
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import nullcontext
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

from crosscheck.report.output.folder import replace_file
from crosscheck.report.output.html import identify, write_pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

_TAIL: Final = 65_536  # bytes at the end of a PDF, in which its identifier stands


def write_papers(
    pages: Mapping[str, str],
    folder: Path,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> int:
    """Set pages as PDF beside one another, on all cores; those that stand there and are still right are left.

    Args:
        pages: the text of each page, by its name, which ends in `.html`; the PDF has the same name but for that.
        folder: where to. Each PDF appears when it is whole, so a job that is stopped loses only those under way.
        step: is entered around each wait for the next PDF, with a name that counts them.

    Returns:
        How many were set.

    Raises:
        PaperError: what sets PDF is not installed.
    """
    wanted = {folder / f"{page.removesuffix('.html')}.pdf": html for page, html in pages.items()}
    wanting = {file: html for file, html in wanted.items() if not _is_right(file, html)}
    if len(wanting) < 2:  # another process would take longer to start than it saves
        for file, html in wanting.items():
            with step("PDF"):
                _set_paper(html, file)
        return len(wanting)
    workers = min(os.cpu_count() or 1, len(wanting))
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_leave_stopping_to_the_parent) as pool:
        waiting = {pool.submit(_set_paper, html, file) for file, html in wanting.items()}
        try:
            while waiting:
                with step(f"PDF: {len(wanting) - len(waiting)} of {len(wanting)}"):
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for one in done:
                    one.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return len(wanting)


def _is_right(file: Path, html: str) -> bool:
    """Whether a PDF stands there, whole, set from this very text."""
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - _TAIL, 0))
        tail = opened.read()
    return tail.rstrip().endswith(b"%%EOF") and identify(html) in tail


def _leave_stopping_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal: here it may not break off what is nearly whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _set_paper(html: str, file: Path) -> None:
    gc.disable()  # the boxes of a page live until it is set: to look for garbage among them is in vain
    try:
        replace_file(file, lambda beside: write_pdf(html, beside))
    finally:
        gc.enable()
