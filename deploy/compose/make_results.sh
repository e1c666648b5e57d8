#!/bin/sh
# Makes the database that Celery keeps its results in, with a login of its own. Runs when the PostgreSQL container makes
# its data; in an older volume, run it once (see docs/how-to/deployment.md). Changes nothing that is there.
set -eu

# The password goes in on stdin, so that no list of processes shows it.
psql --set ON_ERROR_STOP=1 --quiet --username postgres <<'SQL'
\getenv results_password RESULTS_DB_PASSWORD
select 'create role celery_results login' where not exists (select from pg_roles where rolname = 'celery_results') \gexec
alter role celery_results password :'results_password';
select 'create database celery_results owner celery_results'
where not exists (select from pg_database where datname = 'celery_results') \gexec
revoke connect, temporary on database celery_results from public;
SQL
