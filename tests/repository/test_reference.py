"""docs/reference/pipeline.md says what the models say."""

import re

import pytest

from docs import make_reference
from nightshift.config.pipeline import PipelineSpec


def test_the_committed_reference_is_current() -> None:
    """Whoever changes a model writes the page anew."""
    assert make_reference.REFERENCE.read_text(encoding="utf-8") == make_reference.render_reference()


def test_every_link_leads_to_a_heading() -> None:
    """Links within the page work."""
    page = make_reference.render_reference()
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= anchors


def test_every_field_has_a_row() -> None:
    """Nothing that can be configured is left out."""
    page = make_reference.render_reference()
    sections = [make_reference.Section("pipeline.yaml", PipelineSpec), *make_reference.find_sections(PipelineSpec)]
    for section in sections:
        table = page.split(f" {section.heading}\n")[1].split("\n#")[0]
        assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [
            field.alias or name for name, field in section.model.model_fields.items()
        ]


def test_our_own_meanings_are_not_stale() -> None:
    """A meaning that the page adds names a field that exists and has no description of its own."""
    models = {section.model.__name__: section.model for section in make_reference.find_sections(PipelineSpec)}
    models["PipelineSpec"] = PipelineSpec
    for place in make_reference.MEANINGS:
        model, field = place.split(".")
        assert not models[model].model_fields[field].description, place


def test_a_stale_page_is_noticed(tmp_path, monkeypatch, capsys) -> None:
    """`--check` fails with the command that mends it, and does not write."""
    page = tmp_path / "pipeline-reference.md"
    page.write_text("old")
    monkeypatch.setattr(make_reference, "REFERENCE", page)
    assert make_reference.main(["--check"]) == 1
    assert "make_reference.py" in capsys.readouterr().err
    assert page.read_text() == "old"


@pytest.mark.parametrize("arguments", [["--chek"], ["--check", "x"]])
def test_unknown_arguments_are_refused(arguments) -> None:
    """A misspelt `--check` must not overwrite the page."""
    assert make_reference.main(arguments) == 2
