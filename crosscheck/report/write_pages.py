"""What people read of a run, in its folder: the national picture, the dossiers, and the list that leads to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crosscheck import settings
from crosscheck.report.national.national import write_national
from crosscheck.report.visit_list.dossier_pages import write_dossiers
from crosscheck.report.visit_list.list_pages import write_list_pages
from crosscheck.runs.run_folder import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

DOSSIERS: Final = "dossiers"


def write_pages(run: Path) -> None:
    """Write the pages of a run from the tables that stand in its folder.

    They are `national.html`, `.json`, `.xlsx`, `duties.html`, `follow_up.html` and the folder `dossiers/`.

    A standard on which no figures were published has no national picture.

    Raises:
        RunError: there is no run, or the folder can't be written.
    """
    if settings.published_figures_file(read_manifest(run).options.standard).is_file():
        write_national(run, run)
    write_list_pages(run, DOSSIERS)
    write_dossiers(run, run / DOSSIERS)
