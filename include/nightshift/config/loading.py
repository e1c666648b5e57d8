"""Pipeline folders -> PipelineConfig, or every problem at once with file, line, field and the nearest valid name."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nightshift.config.expectations import ExpectationSuite
from nightshift.config.extensions import load_extensions
from nightshift.config.names import check_pipeline_name, suggest_name
from nightshift.config.pipeline import PipelineConfig, PipelineSpec
from nightshift.config.pipeline_folders import find_pipeline_folder, find_pipelines, list_places
from nightshift.config.project import COMMAND
from nightshift.config.sections.inputs import list_unknown_features
from nightshift.config.yaml.document import Document, Location, Problem, join_field, validate_document
from nightshift.errors import NightshiftError, describe_error


class PipelineRefused(NightshiftError):
    """A pipeline folder that can't be used, with all its problems."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name, self.problems = name, problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(
            f"Pipeline {name!r} is refused ({len(problems)} problem{'s' if len(problems) > 1 else ''}):\n{lines}\n"
            f"Fix the file{'s' if len({p.file for p in problems}) > 1 else ''}, then run: {COMMAND} check {name}"
        )


@dataclass(frozen=True)
class LoadedPipelines:
    """All pipelines: those that can be used, and what is refused, be it an extension, a place or a pipeline."""

    usable: tuple[PipelineConfig, ...]
    refused: tuple[NightshiftError, ...]


def _check_across(spec: PipelineSpec, suite: ExpectationSuite, document: Document) -> Iterator[Problem]:
    """Problems that only show when both files are read."""
    for level in ("rows", "batch"):
        for position, expectation in enumerate(getattr(suite, level)):
            for column in expectation.columns():
                if column not in spec.delivered:
                    near = suggest_name(column, spec.delivered)
                    location: Location = (level, position)
                    yield Problem(
                        document.file,
                        document.find_line(location),
                        f"{join_field(location)}.{expectation.expect}",
                        f"column {column!r} comes with the outcomes (label.source), so no row has it when it is scored"
                        if column in spec.columns
                        else f"column {column!r} is not among columns of pipeline.yaml"
                        + (f"; did you mean {near!r}?" if near else ""),
                    )
    for position, column in enumerate(suite.may_be_empty):
        if column not in spec.delivered:
            location = ("may_be_empty", position)
            near = suggest_name(column, spec.delivered)
            yield Problem(
                document.file,
                document.find_line(location),
                join_field(location),
                f"column {column!r} is not among columns of pipeline.yaml"
                + (f"; did you mean {near!r}?" if near else ""),
            )
    if not suite.rows and not suite.batch:
        yield Problem(document.file, None, "", "holds no expectation; a suite that checks nothing would always pass")


def has_features_module(folder: Path) -> bool:
    """Whether the pipeline has code that adds features."""
    return (folder / "features.py").is_file()


def load_pipeline(folder: Path) -> PipelineConfig:
    """Read one pipeline folder; PipelineRefused with every problem."""
    load_extensions()
    name = folder.name
    spec_file, suite_file = Document(folder / "pipeline.yaml"), Document(folder / "expectations.yaml")
    spec, suite = validate_document(PipelineSpec, spec_file), validate_document(ExpectationSuite, suite_file)
    problems = [*spec_file.problems, *suite_file.problems]
    try:
        check_pipeline_name(name)
    except ValueError as error:
        problems.append(Problem(folder, None, "", f"the folder's name {error}"))
    if spec and suite:
        problems += _check_across(spec, suite, suite_file)
    if spec and not has_features_module(folder):
        line = spec_file.find_line(("features",))
        problems += [Problem(spec_file.file, line, *found) for found in list_unknown_features(spec)]
    if problems or not spec or not suite:
        raise PipelineRefused(name, problems)
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in (spec_file.file, suite_file.file)))
    return PipelineConfig(name=name, folder=folder, spec=spec, expectations=suite, config_sha256=digest.hexdigest())


def summarize_refusal(problem: NightshiftError) -> str:
    """A refused pipeline's name, or the first line of another problem."""
    return problem.name if isinstance(problem, PipelineRefused) else str(problem).splitlines()[0]


def load_pipelines(*places: Path) -> LoadedPipelines:
    """Read every pipeline below these folders, sorted by name; a broken one does not stop the others."""
    found = find_pipelines(places or list_places())
    usable: list[PipelineConfig] = []
    refused: list[NightshiftError] = list(map(NightshiftError, (*load_extensions().problems, *found.problems)))
    for path in found.folders:
        try:
            usable.append(load_pipeline(path))
        except PipelineRefused as problem:
            refused.append(problem)
        except Exception as error:
            # Whatever nobody thought of in one folder is no reason to stop the others.
            refused.append(
                PipelineRefused(path.name, [Problem(path, None, "", f"can't be read: {describe_error(error)}")])
            )
    return LoadedPipelines(tuple(usable), tuple(refused))


@cache
def load_named_pipeline(name: str) -> PipelineConfig:
    """Read the pipeline called `name`; NightshiftError with the nearest name where there is none."""
    return load_pipeline(find_pipeline_folder(name))
