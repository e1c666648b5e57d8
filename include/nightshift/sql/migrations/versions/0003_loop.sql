-- The loop that watches: drift by column, outcomes, one open retraining request, alerts.

alter table monitoring.drift
    add column reference text not null default 'training',
    add column prediction_score double precision;
comment on column monitoring.drift.share is 'The part of the champion''s feature importance that the moved columns have.';
comment on column monitoring.drift.reference is 'What the window was compared with: the training sample, the same with the window''s weekdays and hours, or the same days a year earlier.';
comment on column monitoring.drift.prediction_score is 'The distance between the champion''s scores on the window and on the reference.';

create table monitoring.drift_columns (
    pipeline text not null,
    partition_date date not null,
    model_version integer not null,
    column_name text not null,
    kind text not null check (kind in ('numeric', 'categorical', 'prediction')),
    method text not null,
    score double precision,
    score_limit double precision not null,
    drifted boolean,
    weight double precision not null,
    missing_reference double precision,
    missing_current double precision,
    new_share double precision,
    new_categories jsonb not null default '[]',
    reason text not null,
    measured_at timestamptz not null default now(),
    primary key (pipeline, partition_date, model_version, column_name, kind)
);
comment on table monitoring.drift_columns is 'One row per column and drift run; partition_date is the last day of the window.';
comment on column monitoring.drift_columns.drifted is 'Null: unknown, and reason says why.';
comment on column monitoring.drift_columns.weight is 'The column''s share of the champion''s permutation importance; 0 for the score itself.';
comment on column monitoring.drift_columns.new_share is 'The share of rows whose category the reference does not have.';

create index on monitoring.performance (pipeline, kind, partition_date);
comment on column monitoring.performance.kind is 'realised: from outcomes. estimated: from the champion''s probabilities, before outcomes are known.';

create view monitoring.estimate_check as
select pipeline, partition_date, model_version, metric,
    e.value as estimated, r.value as realised, e.value - r.value as error, r.rows
from monitoring.performance r
join monitoring.performance e using (pipeline, partition_date, model_version, metric)
where r.kind = 'realised' and e.kind = 'estimated';
comment on view monitoring.estimate_check is 'How far each estimate was from what came true.';

create table monitoring.retrain_requests (
    id bigint generated always as identity primary key,
    pipeline text not null,
    run_id text not null,
    as_of date not null,
    reason text not null,
    requested_on date not null,
    requested_at timestamptz not null default now(),
    closed_at timestamptz,
    outcome text check (outcome in ('promoted', 'kept', 'expired')),
    paid boolean,
    unique (pipeline, run_id),
    check ((closed_at is null) = (outcome is null))
);
create unique index one_open_request on monitoring.retrain_requests (pipeline) where closed_at is null;
comment on table monitoring.retrain_requests is 'Trainings that the policy asked for; a pipeline has at most one that is open.';
comment on column monitoring.retrain_requests.run_id is 'The run of NAME_train that it started.';
comment on column monitoring.retrain_requests.outcome is 'expired: nobody heard of the training again.';
comment on column monitoring.retrain_requests.paid is 'Whether the new version proved better than the champion on the same held-out rows.';

drop index monitoring.one_request_per_run;
alter table monitoring.retrain_decisions
    add column evaluation text not null default gen_random_uuid()::text,
    add column model_version integer,
    add unique (pipeline, evaluation);
comment on column monitoring.retrain_decisions.evaluation is 'The drift run that asked; a retry of it replaces its own row.';
comment on column monitoring.retrain_decisions.criteria is 'Every criterion by name: its value, its limit, whether it was met.';

create table monitoring.alerts (
    id bigint generated always as identity primary key,
    pipeline text not null,
    kind text not null check (
        kind in ('drift', 'unknown', 'stopped_batch', 'failed_gate', 'stale_champion', 'missed_night')
    ),
    subject text not null,
    what text not null,
    why text not null,
    todo text not null,
    link text not null,
    opened_at timestamptz not null default now(),
    told_at timestamptz,
    told_to text[] not null default '{}',
    recovered_at timestamptz,
    recovery text,
    recovery_told_at timestamptz,
    recovery_told_to text[] not null default '{}',
    problem text
);
create unique index one_open_alert on monitoring.alerts (pipeline, kind, subject) where recovered_at is null;
comment on column monitoring.alerts.subject is 'What it is about, such as a partition or a version: one event, one alert.';
comment on table monitoring.alerts is 'What somebody should look at; open while recovered_at is null.';
comment on column monitoring.alerts.told_to is 'The connections that took the message: one of them that fails is tried again without the others.';
comment on column monitoring.alerts.problem is 'Why the last attempt to tell failed; it is tried again.';
