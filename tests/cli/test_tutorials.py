"""Each tutorial is walked as it is written, and what it quotes is what is printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.tutorials import NAMES, ROOT, TUTORIALS, prepare, rewrite


@pytest.mark.parametrize("name", NAMES)
def test_a_tutorial_can_be_walked_and_quotes_what_is_printed(name: str, tmp_path: Path, national_run: Path) -> None:
    prepare(tmp_path, national_run)
    page = (TUTORIALS / f"{name}.md").read_text(encoding="utf-8")
    assert rewrite(page, tmp_path) == page, "what is printed has changed; see `make golden`"


def test_a_rule_can_be_added_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("models", "rules", "data/c2"):
        shutil.copytree(ROOT / name, tmp_path / name)
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rule = re.search(r"```toml\n(id = .*?)```", guide, flags=re.DOTALL)
    assert rule
    (tmp_path / "rules/c2/training/C2-TRN-99.toml").write_text(rule[1], encoding="utf-8")
    monkeypatch.setenv("CROSSCHECK_HOME", str(tmp_path))
    checked = rewrite("```bash\ncrosscheck rules check --only C2-TRN-99\n```\n```text\n```\n", tmp_path)
    assert "C2-TRN-17 differs exactly where C2-TRN-99 does" in checked
    assert "1 rule: 0 errors" in checked


def test_each_folder_of_the_program_has_an_owner_and_each_owner_a_folder() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert owned[0] == "*"
    assert [path for path in owned[1:] if not (ROOT / path.strip("/")).exists()] == []
    assert all(re.fullmatch(r"\S+( +@crosscheck/[a-z-]+)+", line) for line in lines if line and line[0] != "#")


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    pages = sorted(page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md"))
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#]+)\)", index)
    assert sorted(link for link in linked if not link.startswith("..")) == [
        page for page in pages if page != "README.md"
    ]
    assert [link for link in linked if not (ROOT / "docs" / link).exists()] == []
