alter table monitoring.alerts drop constraint alerts_kind_check;
alter table monitoring.alerts add constraint alerts_kind_check check (kind in (
    'drift', 'extreme', 'unknown', 'stopped_batch', 'failed_gate', 'stale_champion', 'missed_partition', 'schema_change'
));
