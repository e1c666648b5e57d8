"""Publishes a partition slowly, telling each step on stdout, so that a test can kill it wherever it likes."""

import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import include.steps.publish
from include.config.loading import load_pipeline
from include.io import copying
from include.io.lake_folder import FolderLake
from include.io.resources import Resources
from include.io.warehouse import open_warehouse
from include.local.postgres import Server
from tests.integration.kit import PIPELINE, make_connection, refuse_connection

socket, database, folder, night, scored = sys.argv[1:]
read_whole, write_entry = copying._CopyStream.read, include.steps.publish.write_entry


def tell(step: str) -> None:
    print(step, flush=True)
    time.sleep(0.05)


def read_a_little(stream: Any, size: int = -1) -> bytes:
    tell("copy")
    return read_whole(stream, 512)


def write_and_wait(*arguments: Any) -> None:
    write_entry(*arguments)
    tell("before commit")
    time.sleep(60)


copying._CopyStream.read = read_a_little  # type: ignore[method-assign]
include.steps.publish.write_entry = write_and_wait  # type: ignore[assignment]
warehouse = open_warehouse(make_connection(Server(socket), database))
include.steps.publish.publish_scores(
    load_pipeline(Path(folder) / "pipelines" / PIPELINE),
    Resources(warehouse, FolderLake(Path(folder) / "lake"), refuse_connection),
    date.fromisoformat(night),
    json.loads(scored),
)
