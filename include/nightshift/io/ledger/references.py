"""Everything that points at objects of the lake, in one place: what is not named here may be swept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

# Each column that holds URIs; a test compares this with the schema.
URI_COLUMNS = frozenset(
    {
        "ml.ledger.object_uri",
        "ml.ledger_history.object_uri",
        "ml.model_versions.artifact_uri",
        "ml.model_versions.reference_uri",
        "ml.model_versions.golden_uri",
        "ml.cards.object_uri",
        "monitoring.drift.report_uri",
        "monitoring.drift.report_json_uri",
    }
)

# `kept`: versions that are not retired. `trained`: the rows of history that one of them was trained on, by the hashes
# in its inputs ({kind: {partition: sha256}}); `sources`: what those features were made of. `replayed`: quarantine that
# somebody gave another chance. The newest of several objects with the same bytes is enough.
_REFERENCES = """
with kept as (
    select v.* from ml.model_versions v
    where v.pipeline = :pipeline
        and not exists (select from ml.retired_versions r where (r.pipeline, r.version) = (v.pipeline, v.version))
), named as (
    select distinct input.kind, day.key as partition, day.value as sha256
    from kept, jsonb_each(inputs) input(kind, days),
        jsonb_each_text(case when jsonb_typeof(days) = 'object' then days else '{}' end) day
), trained as (
    select distinct on (h.kind, h.partition_date, h.sha256) h.*
    from named n join ml.ledger_history h
        on h.pipeline = :pipeline and (h.kind, h.partition_date::text, h.sha256) = (n.kind, n.partition, n.sha256)
    order by h.kind, h.partition_date, h.sha256, h.id desc
), sources as (
    select distinct on (t.id, h.kind) h.*
    from trained t join ml.ledger_history h
        on h.pipeline = :pipeline and h.partition_date = t.partition_date and h.id < t.id
    where t.kind = 'features' and h.kind in ('raw', 'late', 'valid')
    order by t.id, h.kind, h.id desc
), replayed as (
    select distinct on (h.partition_date, h.sha256) h.*
    from ml.quarantine_replays q join ml.ledger_history h
        on h.pipeline = :pipeline and h.kind = 'quarantine' and h.partition_date = q.partition_date
            and h.sha256 = q.quarantine_sha256
    where q.pipeline = :pipeline
    order by h.partition_date, h.sha256, h.id desc
), history as (
    select h.object_uri, h.sha256, h.params, coalesce(
        lead(h.written_at) over (partition by h.partition_date, h.kind order by h.id),
        (select max(r.removed_at) from ml.ledger_removals r
            where (r.pipeline, r.partition_date) = (h.pipeline, h.partition_date)
                and (r.kind, r.attempt) = (h.kind, h.attempt)),
        h.written_at
    ) as replaced_at
    from ml.ledger_history h where h.pipeline = :pipeline
), held(holder, uri, sha256, replaced_at) as (
    select 'ledger', object_uri, sha256, null::timestamptz from ml.ledger where pipeline = :pipeline
    union all select 'ledger', params #>> '{sample,uri}', params #>> '{sample,sha256}', null
        from ml.ledger where pipeline = :pipeline
    union all select 'version', artifact_uri, artifact_sha256, null from kept
    union all select 'version', reference_uri, reference_sha256, null from kept
    union all select 'version', golden_uri, golden_sha256, null from kept
    union all select 'inputs', object_uri, sha256, null from trained
    union all select 'inputs', object_uri, sha256, null from sources
    union all select 'replay', object_uri, sha256, null from replayed
    union all select 'card', object_uri, sha256, null from ml.cards where pipeline = :pipeline
    union all select 'report', report_uri, null, null from monitoring.drift where pipeline = :pipeline
    union all select 'report', report_json_uri, null, null from monitoring.drift where pipeline = :pipeline
    union all select 'history', object_uri, sha256, replaced_at from history
    union all select 'history', params #>> '{sample,uri}', params #>> '{sample,sha256}', replaced_at from history
)
select holder, uri, sha256, replaced_at from held
where uri is not null and (cast(:ends as text[]) is null or uri like any (cast(:ends as text[])))
"""


@dataclass(frozen=True)
class Reference:
    """Who points where. `history` alone lets go some time after `replaced_at`; sha256 is None for reports."""

    holder: str
    uri: str
    sha256: str | None
    replaced_at: datetime | None = None


def list_references(connection: Connection, pipeline: str, keys: Collection[str] | None = None) -> list[Reference]:
    """Every reference to objects of the pipeline; with `keys`, only those to objects that have one of these keys."""
    # An underscore stands for any letter in LIKE: that can only find more.
    ends = None if keys is None else [f"%/{key}" for key in keys]
    found = connection.execute(text(_REFERENCES), {"pipeline": pipeline, "ends": ends})
    return [Reference(row.holder, row.uri, row.sha256, row.replaced_at) for row in found]


def list_uri_columns(connection: Connection) -> set[str]:
    """Every column of the schema that, by its name, holds URIs."""
    statement = text(
        "select format('%s.%s.%s', table_schema, table_name, column_name) from information_schema.columns"
        " where table_schema in ('ml', 'monitoring', 'scores') and column_name like '%uri%'"
    )
    return set(connection.execute(statement).scalars())
