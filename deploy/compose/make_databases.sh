#!/bin/sh
# Runs once, when the PostgreSQL container makes its data: one database and one owner each for Airflow and the warehouse.
set -eu

# The passwords go in on stdin, so that no list of processes shows them.
psql --set ON_ERROR_STOP=1 --quiet --username postgres <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv warehouse_password WAREHOUSE_DB_PASSWORD
create role airflow login password :'airflow_password';
create role nightshift login password :'warehouse_password';
create database airflow owner airflow;
create database warehouse owner nightshift;
revoke connect on database airflow from public;
revoke connect on database warehouse from public;
SQL
