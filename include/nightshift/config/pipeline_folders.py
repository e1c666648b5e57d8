"""Where pipelines are: the project's include/pipelines, or the folders that NIGHTSHIFT_PIPELINES names instead."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nightshift.config.names import suggest_name
from nightshift.config.project import PROJECT_ROOT
from nightshift.errors import NightshiftError

VARIABLE = "NIGHTSHIFT_PIPELINES"
INSIDE_PROJECT = Path("include") / "pipelines"
PIPELINES_FOLDER = PROJECT_ROOT / INSIDE_PROJECT


@dataclass(frozen=True)
class FoundPipelines:
    """One folder per pipeline, sorted by name, and what is wrong with the places where they were looked for."""

    folders: tuple[Path, ...]
    problems: tuple[str, ...]
    # The same name in several places: the problem by name.
    repeated: Mapping[str, str]


def list_places(environ: Mapping[str, str] = os.environ, root: Path = PROJECT_ROOT) -> tuple[Path, ...]:
    """The folders that hold pipelines, each once; several in NIGHTSHIFT_PIPELINES are separated as in PATH.

    Relative paths start at the project's folder `root`.
    """
    places: dict[str, Path] = {}
    for name in filter(str.strip, environ.get(VARIABLE, "").split(os.pathsep)):
        place = root / _expand_home(name)
        places.setdefault(os.path.realpath(place), place)
    return tuple(places.values()) or (root / INSIDE_PROJECT,)


def find_pipelines(places: Sequence[Path]) -> FoundPipelines:
    """The folder of every pipeline in these places. One whose name is there twice is left out, with both paths told."""
    by_name: dict[str, list[Path]] = {}
    problems = []
    for place in dict.fromkeys(places):
        try:
            inside = [path for path in place.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))]
        except OSError as error:
            problems += _explain_place(place, error)
            continue
        for path in inside:
            by_name.setdefault(path.name, []).append(path)
    repeated = {name: _explain_repeated(name, paths) for name, paths in sorted(by_name.items()) if len(paths) > 1}
    folders = tuple(paths[0] for name, paths in sorted(by_name.items()) if name not in repeated)
    return FoundPipelines(folders, (*problems, *repeated.values()), repeated)


def find_pipeline_folder(name: str) -> Path:
    """The folder of the pipeline called `name`; NightshiftError with the nearest name where there is none."""
    found = find_pipelines(list_places())
    known = {path.name: path for path in found.folders}
    if name in known:
        return known[name]
    if name in found.repeated:
        raise NightshiftError(found.repeated[name])
    near = suggest_name(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
    unusable = [problem for problem in found.problems if problem not in found.repeated.values()]
    raise NightshiftError("; ".join([f"No pipeline is called {name[:100]!r}", hint, *unusable]))


def _expand_home(name: str) -> Path:
    """`~` as a home folder; a `~name` that nobody has stays as it is, and so does not exist."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def _explain_repeated(name: str, paths: Sequence[Path]) -> str:
    return (
        f"{len(paths)} folders hold a pipeline called {name!r}: {', '.join(map(str, paths))}. Rename all but one, or "
        f"take a folder out of {VARIABLE}; until then none of them is used"
    )


def _explain_place(place: Path, error: OSError) -> list[str]:
    """What is wrong with a folder that can't be listed; a project without include/pipelines just has none."""
    if isinstance(error, FileNotFoundError):
        return [] if place == PIPELINES_FOLDER else [f"{VARIABLE} names {place}, which does not exist"]
    if isinstance(error, NotADirectoryError):
        return [f"{VARIABLE} names {place}, which is not a folder"]
    return [f"{place} can't be read: {error.strerror}; give the user that runs Airflow access to it"]
