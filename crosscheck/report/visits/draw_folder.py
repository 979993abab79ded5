"""The publication of a binding draw: the sealed frame, the value, every ticket, and what verifies them without us."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from crosscheck.errors import DifferenceError, DrawError
from crosscheck.report.output.folder import written_whole
from crosscheck.report.output.html import TEMPLATES
from crosscheck.runs.run_folder import DRAW, JOINT, read_manifest, read_table
from crosscheck.visits.adaptive import compute_chances
from crosscheck.visits.draw import DRAW as SCHEMA
from crosscheck.visits.draw import JOINT as JOINT_SCHEMA
from crosscheck.visits.draw import draw_from, read_frame
from crosscheck.visits.seal import FRAME_FILE, Seal, parse_frame, write_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crosscheck.visits.draw import Frame

SEAL: Final = "seal.json"
_VERIFIERS: Final = ("verify_draw.py", "verify_draw.js", "verify.html")
_PUBLISHED: Final = (FRAME_FILE, SEAL, f"{DRAW}.csv", f"{JOINT}.csv")
_LEAST: Final = 1e-11  # chances are published to twelve digits
_COMPUTED: Final = 1e-9  # computed from weights of twelve digits


@dataclass(frozen=True)
class Verified:
    """What was verified: how many tickets, how many drawn, and by which value."""

    tickets: int
    drawn: int
    value: str


def write_frame_file(frame: Frame, year: str, folder: Path) -> None:
    """Write the frame before the value is known: `frame.txt`, whose SHA-256 is sealed."""
    with written_whole(folder, FRAME_FILE, "frame") as whole:
        (whole / FRAME_FILE).write_text(write_frame(frame, year), encoding="utf-8")


def write_draw_folder(run: Path, folder: Path) -> None:
    """Write what is published of a binding draw, with a script and a page that repeat it.

    Raises:
        RunError: there is no such run, or the place holds something else.
        DrawError: its draw is for practice.
    """
    manifest = read_manifest(run)
    seal, account = manifest.options.seal, manifest.draw
    if seal is None or account is None or not account.binding:
        raise DrawError(f"{run}: its draw is for practice, so there is nothing to publish. Seal and draw it first.")
    draw, joint = (read_table(run, name) for name in (DRAW, JOINT))
    frame = read_frame(draw, joint, account.design)
    templates = TEMPLATES / "draw"
    with written_whole(folder, SEAL, "published draw") as whole:
        (whole / FRAME_FILE).write_text(write_frame(frame, manifest.options.year), encoding="utf-8")
        (whole / SEAL).write_text(json.dumps(asdict(seal), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        for name in (DRAW, JOINT):
            # Copied byte for byte: what is verified is the file of the run and not another print of its numbers.
            (whole / f"{name}.csv").write_bytes((run / f"{name}.csv").read_bytes())
        for name in _VERIFIERS:
            (whole / name).write_bytes((templates / name).read_bytes())


def verify_draw_folder(folder: Path) -> Verified:
    """Repeat a published draw, and hold it against what was sealed and what was published.

    Raises:
        DifferenceError: with everything that is missing, can't be read or differs.
    """
    missing = [f"{folder / name}: is not there." for name in _PUBLISHED if not (folder / name).is_file()]
    if missing:
        raise DifferenceError(missing)
    content = (folder / FRAME_FILE).read_bytes()
    try:
        seal = Seal(**json.loads((folder / SEAL).read_text(encoding="utf-8")))
        frame, year = parse_frame(content.decode())
        published = pl.read_csv(folder / f"{DRAW}.csv", schema=SCHEMA)
        joint = pl.read_csv(folder / f"{JOINT}.csv", schema=JOINT_SCHEMA)
        made, computed = draw_from(frame, seal.value, year), compute_chances(frame)
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise DifferenceError(f"{folder}: can't be read as a published draw: {error}.") from error
    differing = [*_hold_against(made, published), *_hold_chances(frame, joint, computed)]
    # Said first, since another frame explains every difference after it.
    if hashlib.sha256(content).hexdigest() != seal.frame:
        differing.insert(0, f"{FRAME_FILE} is not what was sealed.")
    if differing:
        raise DifferenceError(f"{folder}: {words}" for words in differing)
    return Verified(published.height, int(published["drawn"].sum()), seal.value)


def _hold_against(made: pl.DataFrame, published: pl.DataFrame) -> Iterator[str]:
    """What is published otherwise than it comes out."""
    both = made.join(published, on="org_code", how="full", coalesce=True, suffix="_published")
    same = [pl.col(name).eq_missing(pl.col(f"{name}_published")) for name in ("stratum", "ticket", "weight", "drawn")]
    chance, of_published = pl.col("inclusion_probability"), pl.col("inclusion_probability_published")
    close = ((chance - of_published).abs() < _LEAST).fill_null(value=False)
    for code in both.filter(~pl.all_horizontal(*same, close))["org_code"].sort():
        yield f"{code}: {DRAW}.csv differs from the draw."
    if twice := published.filter(published["org_code"].is_duplicated())["org_code"].unique().sort().to_list():
        yield f"{', '.join(twice)}: twice in {DRAW}.csv."


def _hold_chances(frame: Frame, joint: pl.DataFrame, computed: Frame) -> Iterator[str]:
    """Chances, of each and of pairs, that are stated otherwise than draws and weights make them."""
    chance = pl.col("inclusion_probability")
    both = frame.organisations.join(computed.organisations, on="org_code", suffix="_computed", maintain_order="left")
    close = (chance - pl.col("inclusion_probability_computed")).abs() < _COMPUTED
    for code in both.filter(~(close & (pl.col("weight") == pl.col("weight_computed"))))["org_code"]:
        yield f"{code}: {FRAME_FILE} states another chance than the draw gives it."
    key, pair = ("stratum", "other"), pl.col("joint_probability")
    pairs = computed.joint.join(joint, on=key, how="full", coalesce=True, suffix="_published")
    same = (pair - pl.col("joint_probability_published")).abs() < _COMPUTED
    absent = pair.is_null() & pl.col("joint_probability_published").is_null()
    for one, other in pairs.filter(~(same.fill_null(value=False) | absent)).sort(key).select(key).iter_rows():
        yield f"{one} and {other}: {JOINT}.csv states another chance than the draw gives the pair."
