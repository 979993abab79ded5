"""What takes long and is made once before publication: the list under other assumptions, the national picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from crosscheck import settings
from crosscheck.errors import StoreError
from crosscheck.publication.assessment_page import as_json, read_files
from crosscheck.report.national.national import write_national
from crosscheck.runs.identity import identify_code
from crosscheck.runs.make_run import collection_of_run, standard_of_run
from crosscheck.sensitivity import vary_assumptions
from crosscheck.store import audit
from crosscheck.store.archive import pack, unpack
from crosscheck.store.runs import export_run, look_up
from crosscheck.store.sandbox import open_sandbox
from crosscheck.store.tables import Kept, Preparation

if TYPE_CHECKING:
    from crosscheck.store.database import Store

SENSITIVITY = "sensitivity.json"
NATIONAL = "national/"
HOME = "home/"
_preparation = Kept.metadata.tables[str(Preparation.__tablename__)]


def prepare(store: Store, run_id: str, who: str) -> bool:
    """Make and keep what takes long: minutes at a national scale. What was made once stands.

    Args:
        store: where the run is kept.
        run_id: the run, or how it begins.
        who: who asks for it.

    Returns:
        Whether it was made now.

    Raises:
        UnknownNameError: there is no such run.
        StoreError: the run was made by another version of the program, so what is made now would not speak of it.
    """
    with store.reading() as connection:
        run = look_up(connection, run_id)
        if read_preparation(connection, run.number):
            return False
    # Other code may vary the assumptions otherwise, and the gate would then judge figures that are not the run's.
    if run.code != identify_code():
        raise StoreError(
            f"Run {run.run_id} was made by another version of this program. Make it again with this one: "
            f"crosscheck run COLLECTION --year {run.year} --store {store.name}"
        )
    keep_preparation(store, run.run_id, _make(store, run.run_id, run.standard), who)
    return True


def keep_preparation(store: Store, run_id: str, files: dict[str, bytes], who: str) -> None:
    """Keep what was made of a run: `sensitivity.json`, `national/…`, and `home/…`, what that was held against.

    Raises:
        UnknownNameError: there is no such run.
        StoreError: it is prepared already.
    """
    with store.writing() as connection:
        run = look_up(connection, run_id)
        head = audit.append(connection, who, "publication prepared", run.run_id, {"files": sorted(files)})
        row = {"run": run.number, "content": pack(files), "seq": head.seq}
        connection.execute(sa.insert(_preparation).values(row))


def read_preparation(connection: sa.Connection, run: int) -> dict[str, bytes]:
    """What was prepared of a run, by path; nothing if nothing was."""
    content = connection.execute(
        sa.select(_preparation.c.content).where(_preparation.c.run == run)
    ).scalar_one_or_none()
    return unpack(content) if content else {}


def _make(store: Store, run_id: str, standard: str) -> dict[str, bytes]:
    figures = (settings.published_figures_file(standard), settings.review_tables_file(standard))
    further_files = {
        file.relative_to(settings.home()).as_posix(): file.read_bytes() for file in figures if file.is_file()
    }
    with open_sandbox(store, run_id, further_files) as sandbox:
        run, national = sandbox.folder / "run", sandbox.folder / "national"
        national.mkdir()
        export_run(store, run_id, run)
        if figures[0].is_file():  # a standard on which nothing was published has no national picture
            write_national(run, national, publish=True)
        varied = vary_assumptions(collection_of_run(run), standard_of_run(run), sandbox.options.year)
        made = {NATIONAL + path: content for path, content in read_files(national).items()}
    made |= {HOME + path: content for path, content in further_files.items()}
    return made | {SENSITIVITY: as_json(varied.to_dicts()).encode()}
