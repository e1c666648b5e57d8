-- The registry's second half: who approved, challengers, trials, cards, and a history that can only grow.

alter table ml.model_versions
    add column threshold double precision,
    add column decision_rule jsonb,
    add column golden_uri text,
    add column golden_sha256 text;
comment on column ml.model_versions.threshold is 'Classification: decision is true from this score on. Null: as pipeline.yaml said.';
comment on column ml.model_versions.decision_rule is 'How the threshold was chosen, and its figures on the validation folds.';
comment on column ml.model_versions.golden_uri is 'Rows with the scores that the model gave when it was fitted; a fresh process must give them again.';

alter table ml.gate_decisions add column reason text not null default '';

alter table ml.promotions
    add column kind text not null default 'gate' check (kind in ('gate', 'approval', 'manual', 'rollback')),
    add column approved_by text,
    add column run_id text,
    alter column promoted_at set default clock_timestamp();
create index on ml.promotions (pipeline, promoted_at);
create unique index one_promotion_per_run on ml.promotions (pipeline, run_id);
comment on column ml.promotions.kind is 'What made it champion: the gate, a person''s approval, a command, or a rollback.';
comment on column ml.promotions.run_id is 'The run that rolled back; run again, it finds its promotion instead of going back one more.';
comment on column ml.promotions.promoted_by is 'Who asked for the training, the promotion or the rollback.';

alter table ml.champions add column promotion_id bigint references ml.promotions;
update ml.champions c set promotion_id = (
    select max(p.id) from ml.promotions p where p.pipeline = c.pipeline and p.version = c.version
);
comment on column ml.champions.promotion_id is 'The row of ml.promotions that put the version in charge.';

create function ml.check_champion() returns trigger language plpgsql as $$
begin
    if not exists (
        select from ml.promotions p
        where p.id = new.promotion_id and p.pipeline = new.pipeline and p.version = new.version
            and p.previous_version is not distinct from case when tg_op = 'UPDATE' then old.version end
            and (tg_op = 'INSERT' or p.id > old.promotion_id or old.promotion_id is null)
    ) then
        raise exception 'the champion of % changes only together with its row in ml.promotions', new.pipeline
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger check_promotion before insert or update on ml.champions
    for each row execute function ml.check_champion();

create function ml.champion_at(pipeline text, at timestamptz, out version integer) language sql stable as $$
    select p.version from ml.promotions p
    where p.pipeline = champion_at.pipeline and p.promoted_at <= champion_at.at
    order by p.promoted_at desc, p.id desc limit 1
$$;
comment on function ml.champion_at is 'The version that was in charge of the pipeline at that time; null where there was none yet.';

create table ml.challengers (
    pipeline text primary key,
    version integer not null,
    since timestamptz not null default now(),
    gate_decision_id bigint references ml.gate_decisions,
    foreign key (pipeline, version) references ml.model_versions
);
comment on table ml.challengers is 'The version that is scored in the shadow of the champion.';

create table ml.trials (
    pipeline text not null,
    run_id text not null,
    number integer not null,
    rung integer not null,
    estimator text not null,
    parameters jsonb not null,
    rows bigint not null,
    metric text not null,
    value double precision,
    fold_values jsonb not null,
    seconds double precision not null,
    failure text not null default '',
    tried_at timestamptz not null default now(),
    primary key (pipeline, run_id, number)
);
comment on table ml.trials is 'Every setting that a search tried; run_id leads to ml.model_versions.';
comment on column ml.trials.rung is 'The round of the halving, from 0; each has fewer settings and more rows.';
comment on column ml.trials.rows is 'Rows fitted on, at most, in one fold.';

create table ml.cards (
    pipeline text not null,
    version integer not null,
    kind text not null check (kind in ('model', 'data')),
    format text not null check (format in ('html', 'json')),
    object_uri text not null,
    sha256 text not null,
    written_at timestamptz not null default now(),
    primary key (pipeline, version, kind, format),
    foreign key (pipeline, version) references ml.model_versions
);
comment on table ml.cards is 'Model card and data card of each version: objects in the lake.';

create table monitoring.shadow_scores (
    pipeline text not null,
    partition_date date not null,
    model_version integer not null,
    champion_version integer not null,
    keys jsonb not null,
    score double precision not null,
    champion_score double precision not null,
    scored_at timestamptz not null,
    primary key (pipeline, partition_date, model_version, keys)
);
comment on table monitoring.shadow_scores is 'What the challenger would have said, beside what the champion said.';

create table monitoring.shadow_comparisons (
    pipeline text not null,
    window_from date not null,
    window_to date not null,
    model_version integer not null,
    champion_version integer not null,
    metric text not null,
    rows bigint not null,
    challenger double precision,
    champion double precision,
    gain double precision,
    gain_low double precision,
    gain_high double precision,
    verdict text not null check (verdict in ('better', 'worse', 'unclear')),
    compared_at timestamptz not null default now(),
    primary key (pipeline, window_to, model_version, champion_version)
);
comment on table monitoring.shadow_comparisons is 'Challenger against champion on the matured outcomes of the nights that both scored.';

create function ml.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is history: rows are added, never changed or removed', tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;
do $$
declare
    history text;
begin
    foreach history in array array['model_versions', 'gate_decisions', 'promotions', 'trials', 'ledger_history'] loop
        execute format(
            'create trigger append_only before update or delete or truncate on ml.%I'
            ' for each statement execute function ml.refuse_change()', history
        );
    end loop;
end $$;
create trigger append_only before delete or truncate on ml.champions
    for each statement execute function ml.refuse_change();
