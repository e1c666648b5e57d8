"""monitoring.shadow_scores and shadow_comparisons: what the challenger would have said, beside what was published."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
from psycopg2 import sql
from sqlalchemy import Connection, func, text

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.json_values import without_nan
from nightshift.config.names import check_identifier
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.scores.table import POSTGRES_TYPES
from nightshift.io.warehouse.binary_copy import copy_batches
from nightshift.io.warehouse.schema import SHADOW_COMPARISONS, upsert

STAGE = sql.Identifier("pg_temp", "shadow_stage")


@dataclass(frozen=True)
class Pairing:
    """Nights that both versions scored: from `first` to `last`, both included."""

    challenger: int
    champion: int
    first: date
    last: date


def passed_serving_check(connection: Connection, pipeline: str, version: int) -> bool:
    """Whether a gate has seen the version load and predict in a process of its own."""
    statement = text(
        "select exists (select from ml.gate_decisions where pipeline = :pipeline and candidate_version = :version"
        """ and rules @> '[{"name": "reload", "passed": true}]')"""
    )
    return bool(connection.execute(statement, {"pipeline": pipeline, "version": version}).scalar())


def make_shadow_schema(config: PipelineConfig) -> pa.Schema:
    """The Arrow schema of what a challenger says: the keys and `challenger_score`."""
    keys = [pa.field(name, ARROW_TYPES[config.spec.columns[name]]) for name in config.spec.keys]
    return pa.schema([*keys, pa.field("challenger_score", pa.float64())])


def stage_scores(connection: Connection, config: PipelineConfig, batches: Iterable[pa.RecordBatch]) -> int:
    """Copy the challenger's scores where only this transaction sees them; return how many."""
    cursor = connection.connection.cursor()
    keys = sql.SQL(", ").join(
        sql.SQL("{} {} not null").format(sql.Identifier(name), sql.SQL(POSTGRES_TYPES[config.spec.columns[name]]))
        for name in config.spec.keys
    )
    statement = "create temp table shadow_stage ({}, challenger_score double precision not null) on commit drop"
    cursor.execute(sql.SQL(statement).format(keys))
    copied = copy_batches(cursor, STAGE, make_shadow_schema(config), batches)
    cursor.execute(sql.SQL("analyze {}").format(STAGE))
    return copied


def replace_shadow(connection: Connection, config: PipelineConfig, partition: date, version: int) -> int:
    """Put the staged scores beside the published ones in place of what was there; return how many have a partner.

    A row bears the time of the published score that it stands beside, so scoring again gives the same rows.
    """
    cursor = connection.connection.cursor()
    cursor.execute(
        "delete from monitoring.shadow_scores where pipeline = %s and partition_date = %s and model_version = %s",
        (config.name, partition, version),
    )
    statement = sql.SQL(
        "insert into monitoring.shadow_scores (pipeline, partition_date, model_version, champion_version, keys,"
        " score, champion_score, scored_at)"
        " select %s, s.partition_date, %s, s.model_version, jsonb_build_object({pairs}),"
        " n.challenger_score, s.score, s.scored_at"
        " from {stage} n join scores.{table} s using ({keys}) where s.partition_date = %s"
    ).format(
        pairs=sql.SQL(", ").join(
            sql.SQL("{}::text, s.{}").format(sql.Literal(name), sql.Identifier(name)) for name in config.spec.keys
        ),
        stage=STAGE,
        table=sql.Identifier(check_identifier(config.name)),
        keys=sql.SQL(", ").join(map(sql.Identifier, config.spec.keys)),
    )
    cursor.execute(statement, (config.name, version, partition))
    return int(cursor.rowcount)


def list_shadow_nights(connection: Connection, pipeline: str, pairing: Pairing) -> list[date]:
    """The nights of the pairing that have scores of both, in order of time."""
    statement = text(
        "select distinct partition_date from monitoring.shadow_scores where pipeline = :pipeline"
        " and model_version = :challenger and champion_version = :champion"
        " and partition_date between :first and :last order by 1"
    )
    return list(connection.execute(statement, {"pipeline": pipeline, **vars(pairing)}).scalars())


def read_pairs(
    connection: Connection, config: PipelineConfig, pairing: Pairing, partition: date, most: int, seed: int
) -> pa.Table:
    """At most `most` rows of one night, seeded: the keys, typed as declared, `challenger` and `champion`."""
    cursor = connection.connection.cursor()
    statement = sql.SQL(
        "select {keys}, score, champion_score from monitoring.shadow_scores where pipeline = %s"
        " and partition_date = %s and model_version = %s and champion_version = %s"
        " order by hashtextextended(keys::text, %s), keys limit %s"
    ).format(
        keys=sql.SQL(", ").join(
            sql.SQL("(keys ->> {})::{}").format(sql.Literal(name), sql.SQL(POSTGRES_TYPES[config.spec.columns[name]]))
            for name in config.spec.keys
        )
    )
    cursor.execute(statement, (config.name, partition, pairing.challenger, pairing.champion, seed, most))
    fields = [*make_shadow_schema(config)][:-1] + [pa.field(name, pa.float64()) for name in ("challenger", "champion")]
    columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(fields)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, fields, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def record_comparison(connection: Connection, pipeline: str, compared: dict[str, Any]) -> None:
    """Keep the comparison; comparing the same nights of the same two versions again replaces it."""
    values = {"pipeline": pipeline, **without_nan(compared), "compared_at": func.now()}
    upsert(connection, SHADOW_COMPARISONS, ("pipeline", "window_to", "model_version", "champion_version"), values)
