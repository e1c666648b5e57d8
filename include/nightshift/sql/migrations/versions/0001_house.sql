create schema scores;
comment on schema scores is 'One table per pipeline, for analysts: complete partitions only.';
create schema scores_parts;
comment on schema scores_parts is 'The native range partitions behind scores.*; query scores instead.';
create schema ml;
comment on schema ml is 'Registry and ledger.';
create schema monitoring;
comment on schema monitoring is 'What was measured and decided.';

create table ml.model_versions (
    pipeline text not null,
    version integer not null check (version > 0),
    created_at timestamptz not null default now(),
    run_id text not null,
    artifact_uri text not null,
    artifact_sha256 text not null,
    reference_uri text not null,
    reference_sha256 text not null,
    config_sha256 text not null,
    code_version text not null,
    train_from date not null,
    train_to date not null,
    holdout_from date not null,
    holdout_to date not null,
    rows bigint not null,
    estimator text not null,
    parameters jsonb not null,
    features jsonb not null,
    inputs jsonb not null,
    seed integer not null,
    metrics jsonb not null,
    primary key (pipeline, version),
    unique (pipeline, run_id)
);
comment on column ml.model_versions.run_id is 'The training run; a retry of it finds its version instead of making another.';
comment on column ml.model_versions.inputs is 'The features objects (partition, uri, sha256) and the hash of the labels that the model was trained and judged on.';
comment on column ml.model_versions.rows is 'Rows fitted on; the held-out rows are in metrics.';

create table ml.gate_decisions (
    id bigint generated always as identity primary key,
    pipeline text not null,
    candidate_version integer not null,
    champion_version integer,
    decision text not null check (decision in ('promote', 'keep', 'needs_approval')),
    rules jsonb not null,
    decided_at timestamptz not null default now(),
    foreign key (pipeline, candidate_version) references ml.model_versions,
    foreign key (pipeline, champion_version) references ml.model_versions
);

create table ml.champions (
    pipeline text primary key,
    version integer not null,
    since timestamptz not null default now(),
    foreign key (pipeline, version) references ml.model_versions
);
comment on table ml.champions is 'The version in charge; the primary key allows one per pipeline.';

create table ml.promotions (
    id bigint generated always as identity primary key,
    pipeline text not null,
    version integer not null,
    previous_version integer,
    promoted_at timestamptz not null default now(),
    promoted_by text not null,
    reason text not null,
    gate_decision_id bigint references ml.gate_decisions,
    foreign key (pipeline, version) references ml.model_versions
);

create table ml.ledger (
    pipeline text not null,
    partition_date date not null,
    kind text not null check (kind in ('raw', 'valid', 'quarantine', 'features', 'scores')),
    attempt text not null,
    model_version integer,
    rows bigint not null,
    object_uri text not null,
    sha256 text not null,
    written_at timestamptz not null default now(),
    inputs_sha256 text,
    config_sha256 text not null,
    code_version text not null,
    params jsonb not null default '{}',
    primary key (pipeline, partition_date, kind)
);
comment on table ml.ledger is 'Which object is a partition, now. An object that no row points at is an orphan.';
comment on column ml.ledger.inputs_sha256 is 'The hash of the object that this one was made from.';
comment on column ml.ledger.params is 'Of raw and valid rows: the source params, so that their labels are read the same way. Of scores: scored_at.';

create table ml.ledger_history (like ml.ledger including comments);
alter table ml.ledger_history add column id bigint generated always as identity primary key;
create index on ml.ledger_history (pipeline, partition_date, kind);
comment on table ml.ledger_history is 'Every row that the ledger ever held.';

create function ml.remember_ledger_row() returns trigger language plpgsql as $$
begin
    insert into ml.ledger_history (
        pipeline, partition_date, kind, attempt, model_version, rows, object_uri, sha256, written_at,
        inputs_sha256, config_sha256, code_version, params
    )
    values (
        new.pipeline, new.partition_date, new.kind, new.attempt, new.model_version, new.rows, new.object_uri,
        new.sha256, new.written_at, new.inputs_sha256, new.config_sha256, new.code_version, new.params
    );
    return null;
end $$;
create trigger remember after insert or update on ml.ledger for each row execute function ml.remember_ledger_row();

create table monitoring.validation (
    pipeline text not null,
    partition_date date not null,
    success boolean not null,
    rows bigint not null,
    quarantined bigint not null,
    repeated bigint not null default 0,
    failures jsonb not null,
    checked_at timestamptz not null default now(),
    primary key (pipeline, partition_date)
);
comment on column monitoring.validation.repeated is 'Rows that repeat another row exactly; one of each is kept.';

create table monitoring.drift (
    pipeline text not null,
    window_from date not null,
    window_to date not null,
    model_version integer not null,
    drifted boolean,
    share double precision,
    columns jsonb not null,
    reference_rows bigint not null,
    current_rows bigint not null,
    reason text not null,
    report_uri text,
    report_json_uri text,
    measured_at timestamptz not null default now(),
    primary key (pipeline, window_to, model_version)
);
comment on column monitoring.drift.drifted is 'Null: it could not be measured, and reason says why.';

create table monitoring.performance (
    pipeline text not null,
    partition_date date not null,
    model_version integer not null,
    metric text not null,
    value double precision,
    rows bigint not null,
    kind text not null check (kind in ('realised', 'estimated')),
    measured_at timestamptz not null default now(),
    primary key (pipeline, partition_date, model_version, metric, kind)
);

create table monitoring.retrain_decisions (
    id bigint generated always as identity primary key,
    pipeline text not null,
    as_of date not null,
    decided_at timestamptz not null default now(),
    decision text not null check (decision in ('retrain', 'wait')),
    reason text not null,
    run_id text,
    criteria jsonb not null default '{}'
);
create unique index one_request_per_run on monitoring.retrain_decisions (pipeline, run_id) where decision = 'retrain';
create index on monitoring.retrain_decisions (pipeline, as_of);
comment on column monitoring.retrain_decisions.run_id is 'The training run that the decision asks for.';
