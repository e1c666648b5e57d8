"""`explain`: one scored row, back to its model, its data, its code, its gate and whoever promoted it."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from nightshift.commands.base import Commands, add_command, read_date
from nightshift.config.loading import load_named_pipeline

HASH = 12
VERDICTS = {True: "passed", False: "failed", None: "not evaluated"}
Line = tuple[str, str]


def add_explain(commands: Commands) -> None:
    """`explain NAME KEY`."""
    summary = "one scored row: model, training data, code and config, the gate's results, and who promoted it and why"
    examples = (
        "explain flights AA,1545,JFK",
        "explain flights AA,1545,JFK --partition 2017-06-01 --json",
        "explain churn 73967700000",
    )
    parser = add_command(commands, "explain", run_explain, summary, examples)
    parser.add_argument("name", metavar="NAME", help="the pipeline")
    parser.add_argument(
        "key",
        metavar="KEY",
        help="the values of the pipeline's keys, in their order, separated by commas; quoted as in CSV",
    )
    parser.add_argument(
        "--partition", metavar="DAY", type=read_date, help="the day (default: the newest one that has the key)"
    )
    parser.add_argument("--json", action="store_true", help="everything that is recorded, as one JSON object")


def run_explain(arguments: argparse.Namespace) -> int:
    """Print the story of the row."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps.registry.explain import explain_row

    config = load_named_pipeline(arguments.name)
    found = explain_row(config, open_local_resources(migrate=True), arguments.key, arguments.partition)
    if arguments.json:
        print(json.dumps(found, default=_to_text))
        return 0
    lines = [*tell_row(found), *tell_model(found["model"]), *tell_gate(found["gate"]), *tell_promotion(found)]
    for label, text in (*lines, *tell_objects(found)):
        print(f"{label:<12}{text}")
    return 0


def tell_row(found: dict[str, Any]) -> Iterator[Line]:
    """What was said of the row."""
    row, scores = found["row"], found["scores"]
    columns = [name for name in row if name not in ("score", "decision", "model_version", "scored_at")]
    yield "row", f"{found['pipeline']}: " + ", ".join(f"{name}={row[name]}" for name in columns)
    decision = ""
    if found["threshold"] is not None:
        decision = f"; decision {str(row['decision']).lower()} (true from {found['threshold']:.6g} on)"
    yield "score", f"{row['score']:.6g}{decision}"
    yield "", f"scored {_tell_time(row['scored_at'])}, published {_tell_time(scores['written_at'])}"
    if scores["params"].get("reason"):
        yield "", f"because of a {scores['params']['reason']}"


def tell_model(model: dict[str, Any]) -> Iterator[Line]:
    """What gave the score, and what that was made from."""
    settings = ", ".join(f"{name}={value}" for name, value in sorted(model["parameters"].items())) or "defaults"
    yield "model", f"version {model['version']}: {model['estimator']} ({settings}), seed {model['seed']}"
    yield "", f"trained {_tell_time(model['created_at'])} by the run {model['run_id']}"
    yield "", f"{model['artifact']['uri']}  sha256 {_cut(model['artifact']['sha256'])}"
    value = "unknown" if model["value"] is None else f"{model['value']:.6g}"
    yield "data", f"fitted on {model['rows']:,} rows, {model['train_from']} to {model['train_to']}"
    yield "", f"evaluated on {model['holdout_from']} to {model['holdout_to']}: {model['metric']} {value}"
    features, labels = model["inputs"].get("features", {}), model["inputs"].get("labels_sha256")
    yield "", f"{len(features)} partitions of features (their hashes: --json), labels sha256 {_cut(labels)}"
    yield "code", f"{model['code_version']}, pipeline folder {_cut(model['config_sha256'])} when it was trained"


def tell_gate(gate: dict[str, Any] | None) -> Iterator[Line]:
    """What every rule said."""
    if gate is None:
        yield "gate", "never asked about this version"
        return
    against = f"against version {gate['champion_version']}" if gate["champion_version"] else "without a champion"
    yield "gate", f"{gate['decision']}, {_tell_time(gate['decided_at'])}, {against}"
    if gate["reason"]:
        yield "", gate["reason"]
    for rule in gate["rules"]:
        yield "", f"  {rule['name']}: {VERDICTS[rule['passed']]}" + (f"; {rule['reason']}" if rule["reason"] else "")


def tell_promotion(found: dict[str, Any]) -> Iterator[Line]:
    """Who promoted it."""
    promotion = found["promotion"]
    if promotion is None:
        yield "promoted", "never before it scored this row: it was asked for by its number"
        return
    replaced = f"instead of version {promotion['previous_version']}" if promotion["previous_version"] else "the first"
    approved = f", approved by {promotion['approved_by']}" if promotion["approved_by"] else ""
    how = f"({promotion['kind']}{approved}), {replaced}"
    yield "promoted", f"{_tell_time(promotion['promoted_at'])} by {promotion['promoted_by']} {how}"
    yield "", promotion["reason"]
    if not found["was_champion"]:
        yield "", "it was no longer the champion when it scored this row: it was asked for"


def tell_objects(found: dict[str, Any]) -> Iterator[Line]:
    """Where everything lies."""
    scores, features, raw = found["scores"], found["objects"]["features"], found["objects"]["raw"]
    for label, written in (("scores", scores), ("features", features), ("raw", raw)):
        if written is None:
            yield label, "not recorded"
            continue
        yield label, f"{written['uri']}  sha256 {_cut(written['sha256'])}"
        doubt = "; the last ones before the scoring, not proven by a hash" if not written.get("exact", True) else ""
        yield (
            "",
            f"{written['rows']:,} rows, {_tell_time(written['written_at'])}, code {written['code_version']}{doubt}",
        )


def _tell_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _cut(digest: str | None) -> str:
    return f"{digest[:HASH]}…" if digest else "unknown"


def _to_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
