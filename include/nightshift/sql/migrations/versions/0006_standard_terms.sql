-- Columns and tables by the standard terms. What queries of 0.1 name is kept for one release, as views: all of it in the
-- schema monitoring_0_1 (set search_path, or write monitoring_0_1 for monitoring), and monitoring.upkeep in its old place.

alter table monitoring.upkeep rename to maintenance;
alter table monitoring.maintenance rename constraint upkeep_pkey to maintenance_pkey;
alter sequence monitoring.upkeep_id_seq rename to maintenance_id_seq;

alter table monitoring.alerts rename column told_at to notified_at;
alter table monitoring.alerts rename column told_to to recipients;
alter table monitoring.alerts rename column recovery_told_at to recovery_notified_at;
alter table monitoring.alerts rename column recovery_told_to to recovery_recipients;
alter table monitoring.alerts drop constraint alerts_kind_check;
update monitoring.alerts set kind = 'missed_partition' where kind = 'missed_night';
alter table monitoring.alerts add constraint alerts_kind_check check (kind in (
    'drift', 'unknown', 'stopped_batch', 'failed_gate', 'stale_champion', 'missed_partition', 'schema_change'
));

alter table monitoring.retrain_requests rename column paid to improved;

alter table monitoring.shadow_comparisons rename column verdict to result;
alter table monitoring.shadow_comparisons rename constraint shadow_comparisons_verdict_check to shadow_comparisons_result_check;

create schema monitoring_0_1;
comment on schema monitoring_0_1 is 'The tables of monitoring under the names that they had in 0.1. Deprecated: goes with 0.3.';
create view monitoring_0_1.alerts as
select id, pipeline, case kind when 'missed_partition' then 'missed_night' else kind end as kind, subject, what, why, todo,
    link, opened_at, notified_at as told_at, recipients as told_to, recovered_at, recovery,
    recovery_notified_at as recovery_told_at, recovery_recipients as recovery_told_to, problem
from monitoring.alerts;
create view monitoring_0_1.retrain_requests as
select id, pipeline, run_id, as_of, reason, requested_on, requested_at, closed_at, outcome, improved as paid
from monitoring.retrain_requests;
create view monitoring_0_1.shadow_comparisons as
select pipeline, window_from, window_to, model_version, champion_version, metric, rows, challenger, champion, gain, gain_low,
    gain_high, result as verdict, compared_at
from monitoring.shadow_comparisons;
create view monitoring_0_1.upkeep as
select id, run_id, pipeline, kind, dry_run, objects, rows, bytes, detail, done_at from monitoring.maintenance;
create view monitoring.upkeep as select * from monitoring_0_1.upkeep;
comment on view monitoring.upkeep is 'Deprecated: the name of monitoring.maintenance in 0.1. Goes with 0.3.';

comment on column ml.model_versions.inputs is 'The features objects (partition, uri, sha256) and the hash of the labels that the model was trained and evaluated on.';
comment on column ml.model_versions.golden_uri is 'Rows with the scores that the model gave when it was fitted; a new process must reproduce them.';
comment on table ml.champions is 'The current champion; the primary key allows one per pipeline.';
comment on column ml.champions.promotion_id is 'The row of ml.promotions that made the version champion.';
comment on function ml.champion_at is 'The version that was the pipeline''s champion at that time; null where there was none yet.';
comment on table ml.ledger is 'Which object is a partition, now. An object that no row refers to is garbage.';
comment on table ml.trials is 'Every combination of hyperparameters that a search tried; run_id leads to ml.model_versions.';
comment on column ml.trials.rung is 'The round of the halving, from 0; each has fewer combinations and more rows.';
comment on column ml.trials.rows is 'The largest number of rows that a fold was fitted on.';
comment on table ml.retired_versions is 'Candidates that never were champion and whose artifacts retention has removed, or will.';
comment on table ml.quarantine_replays is 'Who replayed rows out of quarantine, and the result. Unfinished replays are resumed.';
comment on table monitoring.maintenance is 'What maintenance removed, or in a dry run would remove, by kind.';
comment on column monitoring.validation.moved is 'Rows of other days that a replay of the quarantine has moved to their own partitions.';
comment on table monitoring.shadow_scores is 'The challenger''s scores next to the champion''s, from the same partitions.';
comment on table monitoring.shadow_comparisons is 'Challenger against champion on the matured outcomes of the partitions that both scored.';
comment on column monitoring.shadow_comparisons.result is 'better, worse, or unclear: the interval of the gain contains 0.';
comment on view monitoring.estimate_check is 'How far each estimate was from the realised value.';
comment on column monitoring.retrain_requests.outcome is 'expired: the training never reported an end.';
comment on column monitoring.retrain_requests.improved is 'Whether the new version proved better than the champion on the same held-out rows.';
comment on table monitoring.alerts is 'What needs attention; open while recovered_at is null.';
comment on column monitoring.alerts.notified_at is 'When every connection had accepted the message; null: not yet.';
comment on column monitoring.alerts.recipients is 'The connections that accepted the message: one that fails is tried again without the others.';
comment on column monitoring.alerts.problem is 'Why the last attempt to notify failed; it is tried again.';
