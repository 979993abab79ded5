"""A manifest for tests that lay out the folder of a run by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from crosscheck.runs.manifest import Counts, Manifest, QuestionnaireUsed, Reconciliation, RulesUsed
from crosscheck.runs.options import RunOptions

YEAR = "2008/09"
EMPTY = Manifest(
    fingerprint="0" * 64,
    identity={},
    crosscheck="0.2.0",
    python="3.11.7",
    packages={},
    options=RunOptions(collection="collection", year=YEAR, capacity=60, random_share=0.5, seed=1, standard="C2"),
    seed=1,
    inputs=(),
    absent_tables=(),
    rules=RulesUsed(0, ""),
    waivers=(),
    silences=(),
    questionnaire=QuestionnaireUsed(0, ""),
    models={},
    polarity=(),
    cycles=(),
    reconciliation=Reconciliation(0, (), 0, 0, 0, ()),
    counts=Counts(0, {}, 0, 0, {}),
    sources={},
)


def write_manifest(folder: Path, rules: str = "") -> None:
    """Write the manifest of a run of nobody, with rules of that digest."""
    manifest = replace(EMPTY, rules=RulesUsed(0, rules))
    (folder / "manifest.json").write_text(json.dumps(manifest.as_json()), encoding="utf-8")
