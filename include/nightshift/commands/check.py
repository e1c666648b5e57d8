"""`check`: whether the pipeline folders are right."""

import argparse
from collections.abc import Iterator

from nightshift.commands.base import Commands, add_command
from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.extensions import load_extensions
from nightshift.config.loading import PipelineRefused, load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.pipeline_folders import find_pipeline_folder, find_pipelines, list_places
from nightshift.config.renamed import LAST, find_new_name, list_old_names
from nightshift.config.shortages import list_shortages
from nightshift.config.yaml.document import Document, Problem, join_field
from nightshift.errors import NightshiftError, describe_error


def add_check(commands: Commands) -> None:
    """`check [NAME]`."""
    summary = "validate pipeline folders: every problem at once, with file, line, field and the nearest valid name"
    parser = add_command(commands, "check", run_check, summary, ["check", "check flights"])
    parser.add_argument("name", metavar="NAME", nargs="?", help="only this pipeline")


def run_check(arguments: argparse.Namespace) -> int:
    """Print a result per pipeline; exit code 1 where one is refused, or an extension or a place can't be used."""
    found = find_pipelines(list_places())
    # Told for one pipeline as well: a metric that it names may be missing because of it.
    problems = [*load_extensions().problems, *(found.problems if arguments.name is None else ())]
    for problem in problems:
        print(problem)
    if arguments.name is None and not found.folders and not problems:
        print(f"There is no pipeline in {', '.join(map(str, list_places()))}.")
    refused = len(problems) if arguments.name is None else 0
    for folder in found.folders if arguments.name is None else (find_pipeline_folder(arguments.name),):
        try:
            config = load_pipeline(folder)
            problems = list(find_deep_problems(config))
        except PipelineRefused as error:
            refused += 1
            print(error)
            continue
        if problems:
            refused += 1
            print(f"Pipeline {config.name!r} is refused:\n" + "\n".join(f"  {problem}" for problem in problems))
        else:
            print(f"{config.name}: ok ({config.spec.title}){_describe_data(config)}")
            for note in list_notes(config):
                print(f"  note: {note}")
    return 1 if refused else 0


def find_deep_problems(config: PipelineConfig) -> Iterator[str]:
    """What only the libraries themselves can tell: arguments of expectations, parameters of estimators, code."""
    from nightshift.io.sources import open_outcomes, open_source
    from nightshift.io.vendors.great_expectations import BadExpectation, build_expectation
    from nightshift.steps.ingest.build_features import load_feature_function

    suite = Document(config.folder / "expectations.yaml")
    for level in ("rows", "batch"):
        for position, expectation in enumerate(getattr(config.expectations, level)):
            try:
                build_expectation(expectation)
            except BadExpectation as error:
                reason = str(error).removeprefix("expectations.yaml: ")
                yield str(Problem(suite.file, suite.find_line((level, position)), f"{level}[{position}]", reason))
    yield from _find_estimator_problems(config)
    try:
        load_feature_function(config)
        if config.spec.source.is_code:
            open_source(config, _no_connection, None)
        if config.spec.label.source and config.spec.label.source.is_code:
            open_outcomes(config, _no_connection)
    except NightshiftError as error:
        yield str(error)


def list_notes(config: PipelineConfig) -> Iterator[str]:
    """Every field that pipeline.yaml has under the name of an earlier release, and what will never pass the gate."""
    document = Document(config.folder / "pipeline.yaml")
    for location in list_old_names(document.value):
        advice = f"is called {find_new_name(location)} now; the old name is accepted until {LAST}"
        yield str(Problem(document.file, document.find_line(location), join_field(location), advice))
    shortages = list_shortages(config.spec, config.expectations.find_most_rows())
    if few := _find_few_days(config):
        shortages[("training", "holdout_days")] = few
    for place, shortage in shortages.items():
        yield str(Problem(document.file, document.find_line(place), join_field(place), shortage))


def _find_few_days(config: PipelineConfig) -> str:
    from nightshift.core.gate.comparison import MIN_DAYS

    held_out, how = config.spec.training.holdout_days, config.spec.gate.resample
    if held_out >= MIN_DAYS[how]:
        return ""
    return (
        f"is {held_out}, and gate.resample: {how} needs {MIN_DAYS[how]} days, so no candidate can be promoted: "
        "raise it, or set gate.resample: rows where days have nothing in common"
    )


def _find_estimator_problems(config: PipelineConfig) -> Iterator[str]:
    from nightshift.core.estimators.kinds import list_parameters

    for estimator in config.spec.training.estimators:
        where = f"pipeline.yaml: training.estimators: {estimator.kind}"
        try:
            known = list_parameters(estimator.kind, config.spec.task)
        except Exception as error:  # an estimator of the project's own may raise anything
            yield f"{where} can't be made: {describe_error(error)}"
            continue
        unknown = [name for name in estimator.search if name not in known]
        yield from (f"{where} has no parameter {name!r}; it has {', '.join(known)}" for name in unknown)


def _describe_data(config: PipelineConfig) -> str:
    from nightshift.io.sources import check_available
    from nightshift.local.resources import find_connections

    problem = check_available(config, find_connections())
    return f"; {problem}" if problem else ""


def _no_connection(conn_id: str) -> ConnectionSpec:
    raise NightshiftError(f"connection {conn_id!r} is not needed here")
