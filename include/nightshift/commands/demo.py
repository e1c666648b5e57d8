"""`demo`: the whole loop on simulated data, through the real scheduler."""

import argparse

from nightshift.commands.base import Commands, add_command, make_progress
from nightshift.config.airflow.connections import ADMIN
from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError


def add_demo(commands: Commands) -> None:
    """`demo`."""
    summary = "run two weeks of the simulated pipeline churn through the real scheduler, and print a summary"
    add_command(commands, "demo", run_demo, summary, ["demo"])


def run_demo(arguments: argparse.Namespace) -> int:
    """Start the stack, play, look into the warehouse; exit code 1 where the story does not hold."""
    from nightshift.config.loading import load_named_pipeline
    from nightshift.config.pipeline_folders import find_pipelines, list_places
    from nightshift.local.demo import play, reset, script, story
    from nightshift.local.resources import open_local_resources, open_warehouse_as
    from nightshift.local.stack import start_stack

    if script.PIPELINE not in {folder.name for folder in find_pipelines(list_places()).folders}:
        raise NightshiftError(
            f"The demo plays the example pipeline {script.PIPELINE}, which this project does not have; it comes with a "
            f"new project: {COMMAND} init FOLDER"
        )
    progress = make_progress()
    progress("preparing the warehouse")
    resources, config = open_local_resources(migrate=True), load_named_pipeline(script.PIPELINE)
    stack = start_stack(progress)
    client = stack.make_client()
    # Tasks can't forget history.
    with open_warehouse_as(ADMIN).begin() as connection:
        if reset.has_state(connection):
            progress(f"removing what an earlier demo left of {script.PIPELINE}")
            play.reset_runs(client)
            reset.reset_warehouse(connection, config)
    play.play(client, progress)
    with resources.warehouse.begin() as connection:
        facts = story.read_facts(connection)
    missing = story.find_missing(facts)
    if missing:
        print("The demo ran, but the warehouse does not show:\n" + "\n".join(f"  - {promise}" for promise in missing))
        print(f"Look at {stack.url} (login {stack.username} / {stack.password})")
        return 1
    print(f"\n{story.tell(facts)}\n")
    print(f"  Look around       {stack.url}   login {stack.username} / {stack.password}\n")
    print("  Three queries to try")
    for query in story.QUERIES:
        print(f'    {COMMAND} sql "{query}"')
    print(f"\n  Services stay up until: {COMMAND} stop")
    return 0
