-- The roles of Nightshift, for the whole server; a person's or a program's login becomes a member of one of them.
-- `bin/nightshift migrate` runs this. Where its login may not make roles, a superuser runs it once:
--     psql --file include/nightshift/sql/roles.sql DATABASE
--     grant nightshift_admin, nightshift_writer to THE_LOGIN_THAT_MIGRATES;
do $$
declare
    wanted text;
    usable text := case when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER' end;
begin
    foreach wanted in array array['nightshift_admin', 'nightshift_writer', 'nightshift_reader', 'nightshift_analyst'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;  -- the migration of another database made it at the same moment
            end;
        end if;
    end loop;
    -- Who makes objects must be able to hand them over.
    foreach wanted in array array['nightshift_admin', 'nightshift_writer'] loop
        if not pg_has_role(wanted, usable) then
            execute format('grant %I to current_user', wanted);
        end if;
    end loop;
end $$;
