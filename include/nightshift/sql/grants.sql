-- Who may do what in this database. Runs again whenever it, the schema or the roles changed, so it must end the same.
--     nightshift_admin     owns ml and monitoring, and migrates them
--     nightshift_writer    what tasks are: owns the tables of scores, reads and writes ml and monitoring, changes no history
--     nightshift_reader    reads ml, monitoring and scores
--     nightshift_analyst   reads monitoring and scores
-- monitoring_0_1 has views only: monitoring under the names of 0.1.

-- Ownership: of what earlier versions made, and of what the migrations just made.
do $$
declare
    found record;
begin
    execute format('grant create on database %I to nightshift_admin', current_database());
    for found in
        select n.oid::regnamespace as name from pg_namespace n
        where n.nspname in ('ml', 'monitoring', 'monitoring_0_1', 'scores', 'scores_parts')
            and n.nspowner <> 'nightshift_admin'::regrole
    loop
        execute format('alter schema %s owner to nightshift_admin', found.name);
    end loop;
    grant usage, create on schema scores, scores_parts to nightshift_writer;
    for found in
        select c.oid::regclass as name, o.owner, case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end as kind
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        cross join lateral (
            select case when n.nspname like 'scores%' then 'nightshift_writer' else 'nightshift_admin' end as owner
        ) o
        where n.nspname in ('ml', 'monitoring', 'monitoring_0_1', 'scores', 'scores_parts') and c.relkind in ('r', 'p', 'v', 'S')
            and c.relowner <> o.owner::regrole
            -- A sequence of a column goes along with its table.
            and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')
    loop
        execute format('alter %s %s owner to %I', found.kind, found.name, found.owner);
    end loop;
    for found in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace in ('ml'::regnamespace, 'monitoring'::regnamespace) and p.proowner <> 'nightshift_admin'::regrole
    loop
        execute format('alter function %s owner to nightshift_admin', found.name);
    end loop;
end $$;

-- Reading.
do $$ begin
    execute format('grant connect, temporary on database %I to nightshift_writer', current_database());
    execute format('grant connect on database %I to nightshift_admin, nightshift_reader, nightshift_analyst', current_database());
end $$;
grant usage on schema scores, monitoring, monitoring_0_1 to nightshift_analyst, nightshift_reader, nightshift_writer;
grant usage on schema ml to nightshift_reader, nightshift_writer;
grant select on all tables in schema scores, monitoring, monitoring_0_1 to nightshift_analyst, nightshift_reader;
grant select on all tables in schema ml to nightshift_reader;
alter default privileges for role nightshift_writer in schema scores grant select on tables to nightshift_analyst, nightshift_reader;
alter default privileges for role nightshift_admin in schema monitoring grant select on tables to nightshift_analyst, nightshift_reader;
alter default privileges for role nightshift_admin in schema ml grant select on tables to nightshift_reader;
grant select on nightshift_version to nightshift_reader, nightshift_writer;
grant all on nightshift_version to nightshift_admin;

-- Writing: what a table's trigger refuses to everybody, the writer has no right to in the first place.
do $$
declare
    found record;
begin
    for found in
        select c.oid::regclass as name, coalesce(bit_or(t.tgtype::integer), 0) as refused
        from pg_class c
        left join pg_trigger t on t.tgrelid = c.oid and t.tgfoid = 'ml.refuse_change()'::regprocedure
        where c.relnamespace in ('ml'::regnamespace, 'monitoring'::regnamespace) and c.relkind in ('r', 'p')
        group by c.oid
    loop
        execute format('revoke all on %s from nightshift_writer', found.name);
        execute format('grant select, insert on %s to nightshift_writer', found.name);
        if found.refused & 16 = 0 then  -- 16 and 8: the trigger's bits for UPDATE and DELETE
            execute format('grant update on %s to nightshift_writer', found.name);
        end if;
        if found.refused & 8 = 0 then
            execute format('grant delete on %s to nightshift_writer', found.name);
        end if;
    end loop;
    for found in
        select c.oid::regclass as name from pg_class c
        where c.relnamespace in ('ml'::regnamespace, 'monitoring'::regnamespace, 'monitoring_0_1'::regnamespace) and c.relkind = 'v'
    loop
        execute format('grant select on %s to nightshift_writer', found.name);
    end loop;
end $$;
grant usage, select on all sequences in schema ml, monitoring to nightshift_writer;

-- What every login may do unless it is taken away: temporary tables, large objects, and locks that would stop a night.
-- It is taken from every login of the database, so only where that is Nightshift's alone.
do $$
declare
    found record;
begin
    if exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname <> 'nightshift_version' and n.nspname !~ '^pg_'
            and n.nspname not in ('ml', 'monitoring', 'monitoring_0_1', 'scores', 'scores_parts', 'information_schema')
    ) then
        return;
    end if;
    execute format('revoke temporary on database %I from public', current_database());
    revoke create on schema public from public;
    for found in
        select p.oid::regprocedure as name, p.proname ~ '^pg_.*advisory' as lock from pg_proc p
        where p.pronamespace = 'pg_catalog'::regnamespace
            and (p.proname ~ '^pg_(try_)?advisory_' or p.proname ~ '^lo_(creat|create|from_bytea|put|unlink|truncate|truncate64)$'
                or p.proname = 'lowrite')
    loop
        execute format('revoke execute on function %s from public', found.name);
        if found.lock then
            execute format('grant execute on function %s to nightshift_admin, nightshift_writer', found.name);
        end if;
    end loop;
exception when insufficient_privilege then
    raise warning 'only a superuser can take temporary tables, large objects and advisory locks from every login';
end $$;
