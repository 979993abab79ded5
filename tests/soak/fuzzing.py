"""Coverage-guided fuzzing of each reader: `python -m tests.soak.fuzzing [READER ...] [--seconds 7200]`, by hand.

Each reader is fuzzed in a process of its own, from its corpus (`tests/soak/corpus`). What adds to the branches
reached is kept in a folder of the system's; what ends otherwise than with an error of the collection, takes 10 seconds
or 500 MB stops the reader, and its bytes are printed: they belong into the corpus, which every test run replays. Ends
with 1 if there was such a thing. At the end of each reader stand the cases tried and the branches reached.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "soak" / "corpus"
READERS = sorted(folder.name for folder in CORPUS.iterdir())
SECONDS, MEGABYTES, HANG = 7200, 500, 10


def fuzz_here(reader: str, arguments: list[str]) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["crosscheck", "xml", "zipfile"]):  # polars is in Rust
        from tests.soak.readers import READERS as CALLED
    atheris.Setup([sys.argv[0], *arguments], CALLED[reader])
    atheris.Fuzz()


def fuzz(reader: str, seconds: int) -> bool:
    """Fuzz one reader in processes of their own, one after another until the time is up; whether nothing was found.

    What aborts the process that reads Parquet is nothing found, as long as the child process of the intake contains it:
    the next process goes on where that one ended.
    """
    cases, reached, contained, end = 0, 0, 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        kept = Path(name)
        while (left := int(end - time.monotonic())) > 0:
            done = _fuzz_once(reader, left, kept)
            cases += sum(map(int, re.findall(r"number_of_executed_units: (\d+)", done.stderr)))
            reached = max([reached, *map(int, re.findall(r"cov: (\d+)", done.stderr))])
            found = [file for file in kept.iterdir() if re.match("crash|timeout|oom", file.name)]
            if not found or not all(_is_contained(reader, file) for file in found):
                break
            contained += len(found)
            for file in found:
                file.unlink()
            found = []
        print(
            f"{reader}: {cases} cases, {reached} branches reached, {contained} ends contained by the child", flush=True
        )
        for file in found:
            print(f"  {file.name}: {file.read_bytes()!r}")
        if found or done.returncode:
            print(done.stderr[-3000:])
    return not found and not done.returncode


# Reads a file in the child process, and prints the most memory that took, in kB.
_IN_CHILD = """
import contextlib, pathlib, resource, sys
from crosscheck.collection.bounded import read_in_child
with contextlib.suppress(ValueError):
    read_in_child("parquet", pathlib.Path(sys.argv[1]).read_bytes())
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _fuzz_once(reader: str, seconds: int, kept: Path) -> subprocess.CompletedProcess[str]:
    limits = (f"-max_total_time={seconds}", f"-timeout={HANG}", f"-rss_limit_mb={MEGABYTES}", "-max_len=20000")
    command = [sys.executable, "-m", "tests.soak.fuzzing", "--here", reader, *limits]
    command += [f"-artifact_prefix={kept}/", "-print_final_stats=1", str(kept), str(CORPUS / reader)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _is_contained(reader: str, file: Path) -> bool:
    """Whether the child process of the intake reads by itself what ended this one, or ends in a sentence, in 500 MB.

    Panics of the reader leave memory behind, so that after millions of cases any of them ends the process.
    """
    if reader != "parquet" or file.name.startswith("timeout"):
        return False
    done = subprocess.run([sys.executable, "-c", _IN_CHILD, str(file)], cwd=ROOT, capture_output=True, check=False)
    return done.returncode == 0 and int(done.stdout) < MEGABYTES * 1024


def main() -> int:
    if sys.argv[1:2] == ["--here"]:
        fuzz_here(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description="Fuzz the readers of the intake.")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}; all if none is named")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    asked = parser.parse_args()
    return int(sum(not fuzz(reader, asked.seconds) for reader in asked.readers or READERS) > 0)


if __name__ == "__main__":
    sys.exit(main())
