-- The rights of moltbot-audit, as three roles to grant to logins:
--
--   moltbot_audit_writer    the host's own processes: records, asks what may run, exports; may stop, not reset
--   moltbot_audit_reader    whoever exports and verifies packs, and nothing else
--   moltbot_audit_operator  whoever stops and resets, resolves doubts and prepares partitions; reads no event
--
-- Run it once after the migrations, in the same database and as the role that applied them (on Supabase:
-- `postgres`), and again after each upgrade: it takes away what the roles have and grants what is listed here.
-- It needs CREATEROLE, and no superuser. Then:
--
--   grant moltbot_audit_writer to app_login;
--
-- No role may write to a table: all writing goes through functions, which run with their owner's rights. A
-- function that is not listed is granted to nobody.

do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'moltbot_audit_operator', 'moltbot_audit_reader', 'moltbot_audit_writer'
    ] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I nologin', role_name);
        end if;
        execute format('revoke all on schema moltbot_audit from %I', role_name);
        execute format('revoke all on all tables in schema moltbot_audit from %I', role_name);
        execute format('revoke all on all functions in schema moltbot_audit from %I', role_name);
    end loop;
end
$$;

grant usage on schema moltbot_audit
    to moltbot_audit_operator, moltbot_audit_reader, moltbot_audit_writer;

-- What happened, and where each stream stands.
grant select on moltbot_audit.audit_events, moltbot_audit.audit_streams
    to moltbot_audit_reader, moltbot_audit_writer;
-- To find a request by its effects and its idempotency keys, and to see whether the searcher has the right key: both
-- tables hold keyed hashes and no personal data.
grant select on moltbot_audit.audit_effects to moltbot_audit_reader;
grant select on moltbot_audit.audit_keys to moltbot_audit_reader, moltbot_audit_writer;
-- The stream of a request, to look it up.
grant execute on function moltbot_audit.stream_of
    to moltbot_audit_reader, moltbot_audit_writer;
-- What runs, what is used and what is switched off; which migrations were applied.
grant select on
    moltbot_audit.audit_effects, moltbot_audit.audit_budgets, moltbot_audit.audit_day_budgets,
    moltbot_audit.audit_limits, moltbot_audit.audit_switches, moltbot_audit.schema_migrations
    to moltbot_audit_operator, moltbot_audit_writer;

-- Recording.
grant execute on function
    moltbot_audit.append, moltbot_audit.append_alone, moltbot_audit.append_batch,
    moltbot_audit.append_effects, moltbot_audit.admit, moltbot_audit.renew_leases,
    moltbot_audit.use_key
    to moltbot_audit_writer;

-- Replacing the redaction key: only with proof of the one in use, which the database does not have.
grant execute on function moltbot_audit.rotate_key
    to moltbot_audit_writer;

-- Stopping is always safe. What is stopped runs again, and ceilings move, only when an operator says so. So
-- are entries of effects removed, whose keys are then free.
grant execute on function
    moltbot_audit.append_pending_flips, moltbot_audit.engage, moltbot_audit.forget_switch,
    moltbot_audit.lapse_switch, moltbot_audit.release, moltbot_audit.set_switch_of_host,
    moltbot_audit.takeover
    to moltbot_audit_operator, moltbot_audit_writer;
grant execute on function
    moltbot_audit.prune_effects, moltbot_audit.reset, moltbot_audit.set_limit, moltbot_audit.set_switch
    to moltbot_audit_operator;

-- Leases that have run out, and doubts that are resolved; the coming months, within bounds.
grant execute on function moltbot_audit.conclude, moltbot_audit.ensure_partitions
    to moltbot_audit_operator, moltbot_audit_writer;
