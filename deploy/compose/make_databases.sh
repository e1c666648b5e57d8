#!/bin/sh
# Runs once, when the PostgreSQL container makes its data: one database and one owner each for Airflow and the warehouse,
# and the warehouse's roles (include/nightshift/sql/roles.sql) with a login for the tasks.
set -eu

# The passwords go in on stdin, so that no list of processes shows them.
psql --set ON_ERROR_STOP=1 --quiet --username postgres <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv warehouse_password WAREHOUSE_DB_PASSWORD
\getenv tasks_password TASKS_DB_PASSWORD
create role airflow login password :'airflow_password';
\i /nightshift/roles.sql
create role nightshift login password :'warehouse_password' in role nightshift_admin, nightshift_writer;
create role nightshift_tasks login password :'tasks_password' in role nightshift_writer;
create database airflow owner airflow;
create database warehouse owner nightshift;
revoke connect on database airflow from public;
revoke connect, temporary on database warehouse from public;
grant connect on database warehouse to nightshift_writer;
SQL
