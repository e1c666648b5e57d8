-- Attempts that can be fenced, contracts of the source's schema, late rows, upkeep.

create sequence ml.attempt_numbers;
comment on sequence ml.attempt_numbers is 'A step draws its number before it reads its input; see ml.ledger.attempt_number.';

alter table ml.ledger
    add column attempt_number bigint not null default 0,
    drop constraint ledger_kind_check,
    add constraint ledger_kind_check check (kind in ('raw', 'late', 'valid', 'quarantine', 'features', 'scores'));
comment on column ml.ledger.attempt_number is 'Attempts that began earlier can no longer replace this row.';
alter table ml.ledger_history add column attempt_number bigint not null default 0;

create or replace function ml.remember_ledger_row() returns trigger language plpgsql as $$
begin
    insert into ml.ledger_history (
        pipeline, partition_date, kind, attempt, model_version, rows, object_uri, sha256, written_at,
        inputs_sha256, config_sha256, code_version, params, attempt_number
    )
    values (
        new.pipeline, new.partition_date, new.kind, new.attempt, new.model_version, new.rows, new.object_uri,
        new.sha256, new.written_at, new.inputs_sha256, new.config_sha256, new.code_version, new.params,
        new.attempt_number
    );
    return null;
end $$;

alter table monitoring.validation add column source_columns jsonb not null default '[]';
comment on column monitoring.validation.source_columns is 'Every column of the batch and the type that its source gave it, in order.';

create table monitoring.schema_changes (
    id bigint generated always as identity primary key,
    pipeline text not null,
    partition_date date not null,
    policy text not null check (policy in ('freeze', 'evolve', 'ignore_extra')),
    column_name text not null,
    change text not null check (change in ('added', 'dropped', 'renamed', 'retyped')),
    expected text,
    found text,
    accepted boolean not null,
    detail text not null,
    seen_at timestamptz not null default now(),
    unique (pipeline, partition_date, column_name, change)
);
comment on table monitoring.schema_changes is 'How a batch''s columns differed from what was agreed, and whether the policy took it.';

alter table monitoring.validation add column moved bigint not null default 0;
comment on column monitoring.validation.moved is 'Rows of other days that a replay of the quarantine has given to their own.';

create table ml.quarantine_replays (
    id bigint generated always as identity primary key,
    pipeline text not null,
    run_id text not null,
    partition_date date not null,
    quarantine_sha256 text not null,
    rows bigint not null,
    accepted bigint,
    into_partitions jsonb not null,
    replayed_by text not null,
    reason text not null,
    replayed_at timestamptz not null default now(),
    finished_at timestamptz,
    unique (pipeline, run_id, partition_date)
);
comment on table ml.quarantine_replays is 'Who gave rows out of quarantine another chance, and what became of them. Unfinished ones are taken up again.';

create table monitoring.upkeep (
    id bigint generated always as identity primary key,
    run_id text not null,
    pipeline text,
    kind text not null,
    dry_run boolean not null,
    objects bigint not null,
    rows bigint not null default 0,
    bytes bigint not null,
    detail jsonb not null default '[]',
    done_at timestamptz not null default now()
);
comment on table monitoring.upkeep is 'What maintenance removed, or in a dry run would remove, by kind.';

create table ml.ledger_removals (
    id bigint generated always as identity primary key,
    pipeline text not null,
    partition_date date not null,
    kind text not null,
    attempt text not null,
    removed_at timestamptz not null default now()
);
create index on ml.ledger_removals (pipeline, partition_date, kind);
comment on table ml.ledger_removals is 'Rows of the ledger that were taken out without another in their place.';

create function ml.remember_removal() returns trigger language plpgsql as $$
begin
    insert into ml.ledger_removals (pipeline, partition_date, kind, attempt)
    values (old.pipeline, old.partition_date, old.kind, old.attempt);
    return null;
end $$;
create trigger remember_removal after delete on ml.ledger for each row execute function ml.remember_removal();

create table ml.retired_versions (
    pipeline text not null,
    version integer not null,
    retired_at timestamptz not null default now(),
    primary key (pipeline, version),
    foreign key (pipeline, version) references ml.model_versions
);
comment on table ml.retired_versions is 'Candidates that never were in charge and whose artifacts retention has removed, or will.';

create function ml.refuse_retired() returns trigger language plpgsql as $$
begin
    -- The lock of promotions, which whoever retires a version holds as well.
    perform pg_advisory_xact_lock(hashtextextended(new.pipeline, 3));
    if exists (select from ml.retired_versions r where r.pipeline = new.pipeline and r.version = new.version) then
        raise exception 'version % of % is retired: its artifacts are gone', new.version, new.pipeline
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger refuse_retired before insert on ml.promotions for each row execute function ml.refuse_retired();
create trigger refuse_retired before insert or update on ml.challengers
    for each row execute function ml.refuse_retired();
create trigger append_only before update or delete or truncate on ml.ledger_removals
    for each statement execute function ml.refuse_change();
create trigger append_only before update or delete or truncate on ml.retired_versions
    for each statement execute function ml.refuse_change();

alter table monitoring.alerts
    drop constraint alerts_kind_check,
    add constraint alerts_kind_check check (kind in (
        'drift', 'unknown', 'stopped_batch', 'failed_gate', 'stale_champion', 'missed_night', 'schema_change'
    ));
