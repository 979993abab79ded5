"""Dossiers as pages and on paper: one page an organisation, and the list that leads to them.

Each page is written whole under another name and then moved to its place.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from crosscheck.errors import RunError
from crosscheck.report.dossier.build_dossier import read_dossiers
from crosscheck.report.dossier.dossier_paper import set_dossier
from crosscheck.report.dossier.dossier_tables import read_basis
from crosscheck.report.dossier.dossier_templates import dossier_templates
from crosscheck.report.output.folder import refuse_foreign, replace_file
from crosscheck.report.output.pdf import write_papers
from crosscheck.report.plots.funnels import Funnels
from crosscheck.report.visit_list.list_pages import DUTIES
from crosscheck.report.visit_list.visit_page import SCRIPT, read_script, set_visit_list, write_visit_page
from crosscheck.runs.run_folder import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from crosscheck.report.dossier.dossier import Dossier
    from crosscheck.report.dossier.dossier_tables import Basis
    from crosscheck.report.output.pdf import Extent

MARK: Final = "dossiers.json"
LIST: Final = "index.html"


def write_dossiers(
    run: Path,
    folder: Path,
    only: Iterable[str] = (),
    *,
    paper: Extent | None = None,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> tuple[int, int]:
    """Write the dossiers of a run, and the list that leads to them; others of a former run at that place are removed.

    Args:
        run: a run's folder; its manifest may still lack the digests of what the run wrote.
        folder: where to: missing, empty, or a folder of dossiers.
        only: codes of organisations: only their pages are written, and everything else is left as it is. A page leads
            only to pages that stand in the folder then.
        paper: also set each as PDF; the annex has the whole case.
        step: is entered around each step with its name, to time it or to show progress.

    Returns:
        How many pages were written, and how many PDFs were set (those that were still right are not set again). The
        same run gives the same bytes.

    Raises:
        RunError: there is no such run, or the folder holds something else or can't be written.
        UnknownNameError: no such organisation has a declaration in the run.
    """
    refuse_foreign(folder, MARK, "folder of dossiers")
    basis, chosen = read_basis(run), tuple(only)
    with step("gather"):
        dossiers = read_dossiers(run, chosen)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not chosen:
            _begin(run, folder, basis, dossiers)
        elif not (folder / MARK).is_file():
            _replace(folder / MARK, json.dumps({"run": basis.fingerprint}) + "\n")
        with step(f"write {len(dossiers)} dossiers"):
            funnels = _draw_funnels(run, dossiers)
            pages = dict(_render_all(folder, basis, dossiers, funnels))
            for page, html in pages.items():
                _replace(folder / page, html)
        if not paper:
            return len(pages), 0
        papers = {
            one.page.removesuffix(".html"): set_dossier(one, basis, funnels[one.org_code], annex=paper == "with annex")
            for one in dossiers
        }
        if not chosen:
            papers[LIST.removesuffix(".html")] = set_visit_list(run, basis)
        return len(pages), write_papers(papers, folder, step)
    except OSError as error:
        raise RunError(f"{folder}: can't be written ({error.strerror}). Name another folder with --out.") from error


def _begin(run: Path, folder: Path, basis: Basis, dossiers: Iterable[Dossier]) -> None:
    """Mark the folder, write the list, and remove pages that this run does not have."""
    _replace(folder / MARK, json.dumps({"run": basis.fingerprint}) + "\n")
    here = {dossier.page for dossier in dossiers} | {LIST}
    for file in (*folder.glob("*.html"), *folder.glob("*.pdf")):
        if file.with_suffix(".html").name not in here:
            file.unlink()
    _replace(folder / SCRIPT, read_script())
    beside = ".." if (folder.parent / DUTIES).is_file() else None
    _replace(folder / LIST, write_visit_page(run, basis, with_dossiers=True, beside=beside))


def _draw_funnels(run: Path, dossiers: Iterable[Dossier]) -> dict[str, list[str]]:
    """The funnels of each organisation, by its code."""
    funnels = Funnels(read_table(run, "scores"))
    return {
        dossier.org_code: [
            funnels.draw(one.name, dossier.org_code, dossier.name, with_key=False) for one in dossier.with_funnel
        ]
        for dossier in dossiers
    }


def _render_all(
    folder: Path, basis: Basis, dossiers: tuple[Dossier, ...], funnels: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str]]:
    """The name and the text of each page."""
    standing = {file.name for file in folder.glob("*.html")} | {dossier.page for dossier in dossiers}
    template = dossier_templates().get_template("dossier.html")
    fields = {"basis": basis, "standing": standing}
    for dossier in dossiers:
        drawn = [Markup(svg) for svg in funnels[dossier.org_code]]  # noqa: S704  # it escapes what it is given
        yield dossier.page, template.render(dossier=dossier, funnels=drawn, **fields)


def _replace(file: Path, text: str) -> None:
    replace_file(file, lambda beside: beside.write_text(text, encoding="utf-8"))
