"""The documentation loads nothing from elsewhere, and every page that is named exists."""

import re
from pathlib import Path

import pytest

from docs.check_site import check_site, find_loads

ROOT = Path(__file__).resolve().parents[2]
PAGE = re.compile(r"\bdocs/[\w/-]+\.(?:md|py|sh|png|svg)\b")
NAMING = (
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "Makefile",
    "mkdocs.yml",
    "docker-compose.yaml",
    "airflow_settings.yaml",
)
FOLDERS = ("benchmarks", "bin", "dags", "deploy", "docs", "include", "plugins", "tests")


@pytest.mark.parametrize(
    ("text", "suffix", "loads"),
    [
        ('<script src="https://cdn.example/a.js"></script>', ".html", ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', ".html", ["//fonts.example/a.css"]),
        ('<img src="http://img.example/a.png">', ".html", ["http://img.example/a.png"]),
        ('<a href="https://example.org">a link to click</a><img src="images/a.png">', ".html", []),
        ("a { background: url('https://img.example/a.png') }", ".css", ["https://img.example/a.png"]),
        ("a { background: url(../a.png) }", ".css", []),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(text: str, suffix: str, loads: list[str]) -> None:
    assert find_loads(text, suffix) == loads


def test_a_site_is_refused_for_each_load_and_for_having_no_page(tmp_path: Path) -> None:
    assert "has no page" in next(check_site(tmp_path))
    (tmp_path / "index.html").write_text('<script src="https://cdn.example/a.js"></script>')
    (problem,) = check_site(tmp_path)
    assert "index.html loads https://cdn.example/a.js" in problem


def test_every_page_that_code_and_docs_name_exists() -> None:
    files = [ROOT / name for name in NAMING]
    for folder in FOLDERS:
        files += [file for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".md", ".sh", ".yaml", ".toml")]
    named = {(page, file) for file in files for page in PAGE.findall(file.read_text(encoding="utf-8"))}
    missing = [f"{file.relative_to(ROOT)} names {page}" for page, file in sorted(named) if not (ROOT / page).exists()]
    assert not missing, "\n".join(missing)
    assert len(named) > 20


def test_links_of_pages_outside_the_site_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text())]
    missing = [
        f"{page.name}: {link}" for page, link in links if "://" not in link and not (page.parent / link).exists()
    ]
    assert not missing, "\n".join(missing)


def test_every_test_that_guarantees_and_threat_model_name_exists() -> None:
    pages = [ROOT / "docs" / "reference" / "guarantees.md", ROOT / "docs" / "explanation" / "security.md"]
    named = {name for page in pages for name in re.findall(r"`((?:\w+/)*test_\w+)`", page.read_text())}
    there = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    missing = [name for name in sorted(named) if not any(test.endswith(f"/{name}") for test in there)]
    assert not missing, f"no such tests: {', '.join(missing)}"
    assert len(named) > 30
