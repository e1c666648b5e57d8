"""`schema`: the JSON Schemas of a pipeline's files."""

import argparse
import json
from pathlib import Path

from nightshift.commands.base import Commands, add_command
from nightshift.errors import NightshiftError

FILES = {"pipeline": "pipeline.yaml", "expectations": "expectations.yaml"}


def add_schema(commands: Commands) -> None:
    """`schema [FILE] [--into FOLDER]`."""
    summary = (
        "print the JSON Schema of pipeline.yaml or expectations.yaml, by which editors complete and check the file"
    )
    examples = ["schema > pipeline.json", "schema expectations", "schema --into include/schemas"]
    parser = add_command(commands, "schema", run_schema, summary, examples)
    parser.add_argument("file", nargs="?", choices=tuple(FILES), help="which file (default: pipeline)")
    parser.add_argument(
        "--into",
        metavar="FOLDER",
        type=Path,
        help="write both there instead, as pipeline.json and expectations.json; a file names its schema in its first "
        "line: # yaml-language-server: $schema=../../schemas/pipeline.json",
    )


def run_schema(arguments: argparse.Namespace) -> int:
    """Print one schema, or write both."""
    from nightshift.config.json_schema import make_schemas

    if arguments.into and arguments.file:
        raise NightshiftError("--into writes both schemas; leave out which file, or leave out --into")
    if not arguments.into:
        print(json.dumps(make_schemas()[FILES[arguments.file or "pipeline"]], indent=2))
        return 0
    try:
        for file in write_schemas(arguments.into):
            print(file)
    except OSError as error:
        raise NightshiftError(f"--into {arguments.into}: can't be written to: {error.strerror}") from None
    return 0


def write_schemas(folder: Path) -> list[Path]:
    """Write both schemas into the folder; the files."""
    from nightshift.config.json_schema import make_schemas

    folder.mkdir(parents=True, exist_ok=True)
    schemas, written = make_schemas(), []
    for name, file in FILES.items():
        written.append(folder / f"{name}.json")
        written[-1].write_text(json.dumps(schemas[file], indent=2) + "\n", encoding="utf-8")
    return written
