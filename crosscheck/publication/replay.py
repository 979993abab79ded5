"""Replay: an edition computed again from what was kept of it, and compared byte by byte."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import crosscheck
from crosscheck import settings
from crosscheck.errors import DifferenceError, StoreError
from crosscheck.publication.assessment import read_assessment_model, read_evidence
from crosscheck.publication.assessment_page import SUMS, read_files
from crosscheck.publication.editions import read_edition
from crosscheck.publication.preparation import HOME, NATIONAL
from crosscheck.publication.state import RECORDS, assess_again, write_files
from crosscheck.report.national.national import write_national
from crosscheck.report.reply.corrected_run import make_corrected_run
from crosscheck.report.visits.drawn_run import make_drawn_run
from crosscheck.report.write_pages import write_pages
from crosscheck.runs.identity import identify_code
from crosscheck.runs.make_run import ACCEPTED, read_accepted
from crosscheck.runs.manifest import CorrectedRun
from crosscheck.runs.run_folder import MANIFEST, read_manifest
from crosscheck.store.runs import read_file, show_run
from crosscheck.store.sandbox import call, open_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import polars as pl

    from crosscheck.publication.editions import KeptEdition
    from crosscheck.runs.manifest import Manifest
    from crosscheck.store.database import Store
    from crosscheck.store.runs import KeptRun
    from crosscheck.store.sandbox import Sandbox

_VALUES: Final = ("capacity", "random_share", "seed", "risk_model", "allow_polarity", "standard")
_FLAGS: Final = ("no_learn", "screens")


@dataclass(frozen=True)
class Compared:
    """One file, and whether it came out again as it was kept; `of` says whether it is the run's or the edition's."""

    of: Literal["run", "edition"]
    path: str
    same: bool


@dataclass(frozen=True)
class Replay:
    """What came of a replay; `changed_code` names what was made by another version of the program than this one."""

    changed_code: tuple[str, ...]
    compared: tuple[Compared, ...]

    @property
    def different(self) -> list[str]:
        """The files that did not come out again."""
        return [f"{one.of}: {one.path}" for one in self.compared if not one.same]

    def describe(self) -> str:
        """How many files came out again as they were kept, of the run and of the edition."""
        counts = [
            f"{sum(one.same for one in self.compared if one.of == of)} of "
            f"{sum(one.of == of for one in self.compared)} files of the {of}"
            for of in ("run", "edition")
        ]
        return f"The same bytes came out again for {' and '.join(counts)}."


def refuse_other_release(store: Store, edition_id: str) -> None:
    """Refuse to compute again what another release of the program made: its method is another one.

    Releases differ in the first two numbers of their version.

    Raises:
        StoreError: in one sentence, with both versions. Nothing was computed and nothing compared.
        UnknownNameError, DifferenceError: as `read_edition`.
    """
    made = show_run(store, read_edition(store, edition_id).run_id)[0].crosscheck
    if _release(made) != _release(crosscheck.__version__):
        raise StoreError(
            f"The program has changed since: crosscheck {made} made the run of {edition_id}, and this is crosscheck "
            f"{crosscheck.__version__}, whose method is another one, so nothing was computed and nothing compared "
            f"(what was published is as it was; crosscheck {made} computes it again)."
        )


def _release(version: str) -> list[str]:
    return version.split(".")[:2]


def name_changed_code(store: Store, edition_id: str) -> tuple[str, ...]:
    """Whether the run or the edition was made by another version of the program: then they may come out otherwise.

    Raises:
        UnknownNameError, DifferenceError: as `read_edition`.
    """
    manifest = json.loads(read_edition(store, edition_id).files[MANIFEST])
    made = {"run": manifest["identity"]["code"], "edition": manifest["code"]}
    return tuple(name for name, code in made.items() if code != identify_code())


def replay(
    store: Store,
    edition_id: str,
    step: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> Replay:
    """Make the run again from what it rested on, and the edition from the run and what people recorded of it.

    Nothing is read but what was kept: collection, accepted corrections, rules, models, questionnaire, decisions,
    visits. Compared are all files of the run (of its manifest what does not hang on the day), and all of the edition
    but its manifest and sums, which `read_edition` has checked. Signatures and gates are no computation; the manifest
    tells them.

    Args:
        store: where the edition is kept.
        edition_id: the edition.
        step: is entered around each step with its name.

    Raises:
        UnknownNameError: there is no such edition.
        DifferenceError: something that was kept is no longer what it was.
        StoreError: as `refuse_other_release`.
    """
    refuse_other_release(store, edition_id)
    changed = name_changed_code(store, edition_id)
    edition = read_edition(store, edition_id)
    further_files = {
        path.removeprefix(HOME): content for path, content in edition.basis.items() if path.startswith(HOME)
    }
    try:
        with open_sandbox(store, edition.run_id, further_files) as sandbox:
            kept_run, manifest = show_run(store, edition.run_id)
            with step("make the run again"):
                run = _make_again(store, kept_run, manifest, sandbox)
            compared = [*_compare_run(manifest, run)]
            with step("make the edition again"):
                compared += _compare_edition(edition, run, sandbox.folder)
    # What cannot be laid out or run again is itself a difference from what was published.
    except StoreError as error:
        raise DifferenceError(error.problems) from error
    return Replay(changed, tuple(compared))


def _make_again(store: Store, kept_run: KeptRun, manifest: Manifest, sandbox: Sandbox) -> Path:
    """The run that is laid out, made again; one that was corrected is made as it was, and then corrected again."""
    run, seal = sandbox.folder / "run", sandbox.options.seal
    call(_command(sandbox, run))
    accepted_each_time: tuple[pl.DataFrame, ...] = ()
    if ACCEPTED in manifest.outputs:
        with store.reading() as connection:
            accepted_file = read_file(connection, kept_run.number, "output", ACCEPTED)
        accepted_each_time = read_accepted(accepted_file)
    # A draw may have been sealed before the first correction, after the last, or between two.
    for time in range(len(accepted_each_time) + 1):
        if seal and seal.corrections == time:
            drawn = sandbox.folder / "run-drawn"
            make_drawn_run(run, seal, sandbox.collection, drawn, _Untimed(), write_pages)
            run = drawn
        if time < len(accepted_each_time):
            corrected = sandbox.folder / f"run-corrected-{time + 1}"
            make_corrected_run(run, accepted_each_time[time], corrected, _Untimed(), write_pages)
            run = corrected
    return run


class _Untimed:
    """A clock that keeps no seconds: those of a replay are nobody's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str) -> AbstractContextManager[object]:
        return nullcontext(name)


def _command(sandbox: Sandbox, out: Path) -> list[object]:
    """The command that made the run, on what is laid out."""
    options = sandbox.options
    values = [
        f"--{name.replace('_', '-')}={value}" for name in _VALUES if (value := getattr(options, name)) is not None
    ]
    flags = [f"--{name.replace('_', '-')}" for name in _FLAGS if getattr(options, name)]
    flags.append("--pages" if options.pages else "--no-pages")
    if options.plan:
        plan = sandbox.folder / "plan.toml"
        plan.write_text(options.plan, encoding="utf-8")
        flags.append(f"--plan={plan}")
    return ["run", sandbox.collection, "--year", options.year, "--out", out, *values, *flags]


def _compare_run(kept_manifest: Manifest, run: Path) -> Iterator[Compared]:
    made = {path: hashlib.sha256(content).hexdigest() for path, content in read_files(run).items()}
    for path in sorted({*kept_manifest.outputs, *made} - {MANIFEST}):
        yield Compared("run", path, kept_manifest.outputs.get(path) == made.get(path))
    yield Compared("run", MANIFEST, _lasting(kept_manifest) == _lasting(read_manifest(run)))


def _lasting(manifest: Manifest) -> Manifest:
    """What it says that hangs on neither the day, the machine, the code, nor where the collection lay.

    Changed code is said by itself, and outputs are compared one by one.
    """
    return replace(
        manifest,
        options=replace(manifest.options, collection=""),
        identity={part: digest for part, digest in manifest.identity.items() if part != "code"},
        corrects=_lasting_parent(manifest.corrects),
        fingerprint="",
        crosscheck="",
        python="",
        packages={},
        seconds={},
        outputs={},
    )


def _lasting_parent(corrects: CorrectedRun | None) -> CorrectedRun | None:
    """The same of the runs that it corrects: by which keys they are known, the latest first."""
    if corrects is None:
        return None
    return CorrectedRun(corrects.run, "", "", {}, _lasting_parent(corrects.corrects))


def _compare_edition(edition: KeptEdition, run: Path, folder: Path) -> list[Compared]:
    heading = edition.heading
    model = read_assessment_model(settings.model_file(heading.standard, "assessment"))
    evidence = read_evidence(lambda path: (run / path).read_bytes())
    assessed = assess_again(evidence, json.loads(edition.basis[RECORDS]), model)
    made = write_files(assessed, evidence.not_assessed, heading)
    if any(path.startswith(NATIONAL) for path in edition.files):
        national = folder / "national"
        national.mkdir()
        write_national(run, national, publish=True)
        made |= {NATIONAL + path: content for path, content in read_files(national).items()}
    paths = sorted({*edition.files, *made} - {MANIFEST, SUMS})
    return [Compared("edition", path, edition.files.get(path) == made.get(path)) for path in paths]
