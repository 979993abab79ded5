"""The tutorials of docs/tutorials, walked as they are written: `make golden` writes what they quote anew.

In a page, each ```bash block is typed line by line, and each ```text block quotes what the last command printed:
`from="Declared"` begins at the first line that begins so, `lines=8` takes so many.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from click.testing import CliRunner

from crosscheck.cli import main

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / "docs" / "tutorials"
NAMES = ("assessor", "analyst", "operator")
FENCE = re.compile(r"```(?P<kind>bash|text)(?P<which>[^\n]*)\n(?P<content>.*?)```", flags=re.DOTALL)


def prepare(folder: Path, run: Path) -> None:
    """Lay out what a checkout has after `make run`: rules, models, data, and the run of the embedded collection."""
    for name in ("data", "models", "rules"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "run").symlink_to(run)


def rewrite(page: str, folder: Path) -> str:
    """Type every command of a page in a folder, and give the page with what it quotes as it is printed now."""
    printed, parts, at = "", [], 0
    settings: dict[str, str] = {"COLUMNS": "100"}
    for fence in FENCE.finditer(page):
        parts.append(page[at : fence.start("content")])
        at = fence.start("content") if fence["kind"] == "bash" else fence.end("content")
        if fence["kind"] == "text":
            parts.append(_select(printed, fence["which"]))
            continue
        for command in fence["content"].replace("\\\n", " ").splitlines():
            printed = _type(command, folder, settings)
    return "".join([*parts, page[at:]])


def _type(command: str, folder: Path, settings: dict[str, str]) -> str:
    """Type one line; it ends with 0, or with the exit code that its comment states. Gives what it prints."""
    stated = re.search(r"# .*exit code (\d+)", command)
    program, *words = shlex.split(command, comments=True)
    if program == "export":
        settings.update(word.split("=", 1) for word in words)
        return ""
    if program == "crosscheck":
        before = Path.cwd()
        os.chdir(folder)
        try:
            done = CliRunner(env=settings).invoke(main, words)
        finally:
            os.chdir(before)
        code, printed = done.exit_code, done.output
    else:
        other = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        code, printed = other.returncode, other.stdout + other.stderr
    assert code == (int(stated[1]) if stated else 0), f"{command}\n{printed}"
    return printed


def _select(printed: str, which: str) -> str:
    lines = [line.rstrip() for line in printed.splitlines()]
    begins, number = re.search(r'from="([^"]+)"', which), re.search(r"lines=(\d+)", which)
    if begins:
        found = [at for at, line in enumerate(lines) if line.strip().startswith(begins[1])]
        assert found, f"no line begins with {begins[1]!r}:\n{printed}"
        lines = lines[found[0] :]
    return "\n".join(lines[: int(number[1])] if number else lines).strip("\n") + "\n"
