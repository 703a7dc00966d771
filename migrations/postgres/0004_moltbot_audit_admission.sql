-- Admission: what may run, decided in the transaction that records it.
--
-- All functions take their locks in one order, so that they cannot deadlock: the table of events, streams (by
-- their ids), the table of switches, effects, the budgets of days, the budgets of requests. Streams come early
-- because a host's transaction may hold one for long, and a transaction that waits for it must hold nothing that
-- others need. Only `engage` takes the switches first, and waits for nothing afterwards.

-- Apply the file in one transaction. Two sessions that apply it at once would deadlock or fail, so each takes
-- this lock, as the library does; Postgres releases it at the end of the transaction.
select pg_advisory_xact_lock(7885640719656117364);

-- Whether a text is a name by the library's rules.
create or replace function moltbot_audit.is_name(name text)
returns boolean
language sql
immutable parallel safe
return name ~ '^[a-z][a-z0-9_]{0,39}$' and length(regexp_replace(name, '[^0-9]', '', 'g')) <= 4;

do $$
begin
    if to_regtype('moltbot_audit.control_name') is null then
        -- of a switch
        create domain moltbot_audit.control_name as text constraint control_name_check
            check (moltbot_audit.is_name(value));
    end if;
    if to_regtype('moltbot_audit.sealed_event') is null then
        -- an event that has no place yet. Not the row type of `audit_events`: a session looks that up under a
        -- lock on the table, and engaging waits for no lock
        create type moltbot_audit.sealed_event as (
            id uuid, stream_id uuid, request_id uuid, conversation_id uuid,
            event_type moltbot_audit.event_type, actor moltbot_audit.actor,
            outcome moltbot_audit.outcome, error_code moltbot_audit.error_code,
            duration_ms moltbot_audit.duration_ms, created_at timestamptz,
            trace_id moltbot_audit.trace_id, span_id moltbot_audit.span_id, caused_by uuid,
            writer_id uuid, input moltbot_audit.payload, output moltbot_audit.payload,
            idempotency_key moltbot_audit.idempotency_key, host_ids moltbot_audit.payload,
            salt moltbot_audit.salt, input_commitment moltbot_audit.digest,
            output_commitment moltbot_audit.digest, key_commitment moltbot_audit.digest,
            host_ids_commitment moltbot_audit.digest, event_hash moltbot_audit.digest,
            -- when it was asked for: the order of events that wait
            recorded_at timestamptz
        );
    end if;
    if to_regtype('moltbot_audit.switch_state') is null then
        -- the state that a flip gives to a switch; not the row type of `audit_switches`, for the same reason
        create type moltbot_audit.switch_state as (
            switch text, engaged boolean, changed_by jsonb, reason text, changed_at timestamptz,
            scope text, until timestamptz
        );
    end if;
    if to_regtype('moltbot_audit.flip') is null then
        -- the result of a flip: its event's receipt, or null while the event waits beside its switch
        create type moltbot_audit.flip as (
            seq bigint, recorded_at timestamptz, stored_hash bytea, chain_hash bytea,
            was_known boolean,
            -- the sessions that keep the event from being appended
            held_by integer[],
            -- any other error of the trail, in the server's words
            why text,
            -- the sessions whose admissions began before the switch was engaged and are still open
            may_admit integer[]
        );
    end if;
    if to_regtype('moltbot_audit.effect_state') is null then
        -- the state of an effect
        create domain moltbot_audit.effect_state as text constraint effect_state_check
            check (value in ('running', 'in_doubt', 'done', 'failed', 'voided'));
    end if;
    if to_regtype('moltbot_audit.decision') is null then
        -- the answer to a claim
        create type moltbot_audit.decision as (
            verdict text, other_effect_id uuid, other_output text, other_lease_until timestamptz,
            switch integer, used bigint[], day_used bigint[],
            -- when the deployment first heard of the request, while its time is limited
            heard_at timestamptz,
            -- with `time`: when the limit was passed
            seq bigint, recorded_at timestamptz, stored_hash bytea, chain_hash bytea,
            -- the fingerprint of the redaction key, if that is not the claim's
            key_in_use bytea,
            -- with `switch`: where it is engaged and, unless that is everywhere, the event that says so
            switch_scope text, switch_event_id uuid
        );
    end if;
end
$$;

-- One row for each effect that was admitted, or whose outcome came before its intent. In the second case the row
-- keeps the effect from running any more, and the effect cannot be resolved.
create table if not exists moltbot_audit.audit_effects (
    -- the id of the event that records how it ended
    effect_id uuid primary key,
    -- the effect.admitted event; null while only the outcome is known
    intent_id uuid,
    -- the request it belongs to
    request_id uuid,
    -- the conversation it belongs to
    conversation_id uuid,
    -- the event type under which its success is recorded
    effect text not null,
    -- keyed hash of the idempotency key; null once the key is free again
    key_hash moltbot_audit.digest,
    -- keyed hash of the input; null if a drained intent does not say it
    input_hash moltbot_audit.digest,
    -- its state
    state moltbot_audit.effect_state not null default 'running',
    -- its state when an event said how it ended; null before that. Afterwards only a resolution ends a
    -- doubt
    ended_from moltbot_audit.effect_state,
    -- the database's time of the admission
    admitted_at timestamptz not null,
    -- from when it is in doubt if it has no outcome; its process renews the lease while the effect runs
    lease_until timestamptz not null,
    -- the amounts that it holds of the request's budgets
    budgets text[],
    amounts bigint[],
    -- the amounts that it holds of a day's budgets
    day_budgets text[],
    day_amounts bigint[],
    -- that day
    day date
);

create unique index if not exists audit_effects_key_idx
    on moltbot_audit.audit_effects (key_hash) where key_hash is not null;

-- For: which effects have not ended, and which leases are over?
create index if not exists audit_effects_open_idx
    on moltbot_audit.audit_effects (lease_until, effect_id)
    where state in ('running', 'in_doubt') and intent_id is not null;

-- How much of a request's budgets is used or held.
create table if not exists moltbot_audit.audit_budgets (
    request_id uuid not null,
    budget text not null,
    used bigint not null,
    primary key (request_id, budget)
) with (fillfactor = 50);

-- How much of a day's budgets is used or held, by the database's day in UTC.
create table if not exists moltbot_audit.audit_day_budgets (
    day date not null,
    budget text not null,
    used bigint not null,
    primary key (day, budget)
) with (fillfactor = 10);

-- The kill switches, each with a scope: everywhere, one conversation, or one request. An effect is refused if its
-- switch is engaged in any scope that the effect is in. A switch is engaged in a scope if any of its rows there says
-- so. Without a row it is engaged everywhere, but in no conversation and no request. If another transaction holds a
-- row of the switch, engaging it adds a row, and so does not wait.
create table if not exists moltbot_audit.audit_switches (
    -- its name
    switch moltbot_audit.control_name not null,
    -- whether effects that it governs are refused
    engaged boolean not null,
    -- who set it last, and how that is known
    changed_by jsonb not null,
    -- why
    reason text not null,
    -- when
    changed_at timestamptz not null,
    -- the sealed events of flips that could not be appended yet, oldest first
    pending jsonb constraint pending_check check (jsonb_typeof(pending) = 'array'),
    id uuid primary key default gen_random_uuid(),
    -- where: `everywhere`, or `conversation:` or `request:` and its id
    scope text collate "C" not null default 'everywhere' constraint scope_check
        check (scope = 'everywhere' or scope ~ '^(conversation|request):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    -- until when it is engaged, by this server's clock; null without a limit
    until timestamptz constraint until_check check (until is null or (engaged and scope <> 'everywhere')),
    -- the event that set it
    event_id uuid
);

create index if not exists audit_switches_scope_idx on moltbot_audit.audit_switches (scope, switch);

-- The deployment's ceilings on limits, which an operator sets with `set_limit`. Without a row, a host may pass any
-- limit.
create table if not exists moltbot_audit.audit_limits (
    -- a budget, `elapsed_ms` for a request's time, or `lifetime_ms` for a consent's
    budget text not null,
    -- `request`, `day` or `consent`
    period text not null constraint period_check check (period in ('consent', 'day', 'request')),
    -- the highest limit that a host may pass
    most bigint not null constraint most_check check (most >= 0),
    -- who set it last, and how that is known
    changed_by jsonb not null,
    -- why
    reason text not null,
    -- when
    changed_at timestamptz not null,
    primary key (budget, period)
);

-- A sum that stops at the largest number: what an effect used is recorded in any case.
create or replace function moltbot_audit.saturating_add(a bigint, b bigint)
returns bigint
language sql
immutable parallel safe
return case when b > 0 and a > 9223372036854775807 - b then 9223372036854775807 else a + b end;

-- A sum that stops at the largest and the smallest number.
create or replace function moltbot_audit.bounded(sum numeric)
returns bigint
language sql
immutable parallel safe
return least(greatest(sum, -9223372036854775807), 9223372036854775807)::bigint;

-- The deployment's redaction keys, by their fingerprints: the one in use, and those it replaced.
create table if not exists moltbot_audit.audit_keys (
    -- the first 16 bytes of the hash of a keyed hash over a constant; the key itself is never stored
    fingerprint bytea primary key check (octet_length(fingerprint) = 16),
    -- when it came into use
    since timestamptz not null,
    -- when another replaced it; null while it is in use
    retired_at timestamptz
);

-- At most one is in use.
create unique index if not exists audit_keys_in_use_idx
    on moltbot_audit.audit_keys ((retired_at is null)) where retired_at is null;

-- The fingerprint of the key in use. If there is none yet, the given key becomes it.
create or replace function moltbot_audit.use_key(fingerprint bytea)
returns bytea
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
#variable_conflict use_column
declare
    in_use bytea;
begin
    for attempt in 1 .. 2 loop
        select k.fingerprint into in_use from moltbot_audit.audit_keys k where k.retired_at is null;
        exit when found;
        -- Waits for the transaction that was first, and then reads its row.
        insert into moltbot_audit.audit_keys (fingerprint, since)
        values (use_key.fingerprint, clock_timestamp())
        on conflict do nothing;
    end loop;
    return coalesce(in_use, use_key.fingerprint);
end
$$;

-- Replaces the key in use, and appends the event that says so. Returns no row if `proof` is not that of the key in
-- use, or if `to_key` was in use before. So a role that may call this, but does not have the key, changes nothing.
create or replace function moltbot_audit.rotate_key(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, proof bytea, to_key bytea
)
returns table (seq bigint, recorded_at timestamptz, stored_hash bytea, chain_hash bytea)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- Short, because appends queue up behind this function; the caller asks again.
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
    from_key constant bytea := substr(sha256(rotate_key.proof), 1, 16);
begin
    -- Same rule as `check_rotation` in the library.
    if (
        rotate_key.event_type, rotate_key.stream_id, rotate_key.outcome,
        rotate_key.input::jsonb ->> 'previous_fingerprint', rotate_key.input::jsonb ->> 'fingerprint'
    ) is distinct from (
        'audit.key_rotated', moltbot_audit.stream_of(null), 'succeeded', encode(from_key, 'hex'),
        encode(rotate_key.to_key, 'hex')
    ) then
        raise exception 'the event of a rotation says another rotation' using errcode = 'check_violation';
    end if;
    -- Excludes `admit`: what was admitted under the old key has committed, and later admissions read the
    -- new one. So no two keys ever decide about one idempotency key at a time.
    lock table only moltbot_audit.audit_events in share row exclusive mode;
    if exists (select from moltbot_audit.audit_keys k where k.fingerprint = rotate_key.to_key) then
        return;
    end if;
    update moltbot_audit.audit_keys k
    set retired_at = clock_timestamp()
    where k.fingerprint = from_key and k.retired_at is null;
    if not found then
        return;
    end if;
    insert into moltbot_audit.audit_keys (fingerprint, since)
    values (rotate_key.to_key, clock_timestamp());
    return query
        select p.seq, p.recorded_at, rotate_key.event_hash, p.chain_hash
        from moltbot_audit.append_one(
            rotate_key.id, rotate_key.stream_id, rotate_key.request_id, rotate_key.conversation_id,
            rotate_key.event_type, rotate_key.actor, rotate_key.outcome, rotate_key.error_code,
            rotate_key.duration_ms, rotate_key.created_at, rotate_key.trace_id, rotate_key.span_id,
            rotate_key.caused_by, rotate_key.writer_id, rotate_key.input, rotate_key.output,
            rotate_key.idempotency_key, rotate_key.host_ids, rotate_key.salt,
            rotate_key.input_commitment, rotate_key.output_commitment, rotate_key.key_commitment,
            rotate_key.host_ids_commitment, rotate_key.event_hash
        ) as p;
end
$$;

-- Adds to a request's budgets; a change may be negative. Locks the rows in the order of their names.
create or replace function moltbot_audit.move_budgets(
    request_id uuid, budgets text[], changes bigint[]
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    insert into moltbot_audit.audit_budgets as b (request_id, budget, used)
    select move_budgets.request_id, c.budget, c.change
    from unnest(budgets, changes) as c (budget, change)
    order by c.budget
    on conflict (request_id, budget) do update set used = moltbot_audit.saturating_add(b.used, excluded.used);
end
$$;

-- The same for a day's budgets.
create or replace function moltbot_audit.move_day_budgets(
    day date, budgets text[], changes bigint[]
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    insert into moltbot_audit.audit_day_budgets as b (day, budget, used)
    select move_day_budgets.day, c.budget, c.change
    from unnest(budgets, changes) as c (budget, change)
    order by c.budget
    on conflict (day, budget) do update set used = moltbot_audit.saturating_add(b.used, excluded.used);
end
$$;

-- The end of a lease that begins at `starting`: after 300 years at the latest, because a timestamp has a maximum.
create or replace function moltbot_audit.lease_end(starting timestamptz, lease_ms double precision)
returns timestamptz
language sql
stable parallel safe
return starting + least(lease_ms, 9467280000000) * interval '1 millisecond';

-- How an effect ended, from the columns of its outcome event. Same rule as `Settlement::of` in the library.
create or replace function moltbot_audit.settlement(outcome text, error_code text)
returns text
language sql
immutable parallel safe
return case
    when outcome = 'succeeded' then 'done'
    when outcome = 'refused' or (outcome = 'failed' and error_code = 'not_performed') then 'voided'
    when outcome = 'failed' then 'failed'
    else 'in_doubt'
end;

-- A whole number from 0 to 2^53 - 1 among an output's members, or null.
create or replace function moltbot_audit.counted(output jsonb, name text)
returns bigint
language sql
immutable parallel safe
return case
    when jsonb_typeof(output -> name) = 'number' then (
        select n::bigint
        from (select (output ->> name)::numeric as n) as x
        where n = trunc(n) and n between 0 and 9007199254740991
    )
end;

-- The same, and 0 if there is no such member.
create or replace function moltbot_audit.counted_if_given(output jsonb, name text)
returns bigint
language sql
immutable parallel safe
return case when coalesce(jsonb_typeof(output -> name), 'null') = 'null' then 0
    else moltbot_audit.counted(output, name)
end;

-- How much of a budget was used, from the outcome's output, or null. Same rule as `Settlement::used`.
create or replace function moltbot_audit.used_of(budget text, output jsonb)
returns bigint
language sql
immutable parallel safe
return case budget
    when 'cost_microusd' then moltbot_audit.counted(output, 'cost_microusd')
    when 'tokens' then
        moltbot_audit.counted(output, 'input_tokens') + moltbot_audit.counted(output, 'output_tokens')
        + moltbot_audit.counted_if_given(output, 'cache_creation_input_tokens')
        + moltbot_audit.counted_if_given(output, 'cache_read_input_tokens')
        + moltbot_audit.counted_if_given(output, 'reasoning_output_tokens')
end;

-- The changes of the held amounts when an effect in `from_state` ends, without those that are 0. A voided effect
-- holds nothing: if its outcome comes after somebody resolved that it was not performed, it is charged in full.
create or replace function moltbot_audit.corrections(
    from_state text, ended text, held text[], amounts bigint[], output jsonb,
    out budgets text[], out changes bigint[]
)
language sql
immutable
begin atomic
    select array_agg(c.budget), array_agg(c.change)
    from (
        select
            h.budget,
            case ended
                when 'in_doubt' then 0
                when 'voided' then 0
                else coalesce(moltbot_audit.used_of(h.budget, output), h.amount)
            end - case
                when ended = 'in_doubt' or from_state = 'voided' then 0
                else h.amount
            end as change
        from unnest(held, amounts) as h (budget, amount)
    ) as c
    where c.change <> 0;
end;

-- Whether an end can change the held amounts. Most ends cannot, and then the budgets are not read.
create or replace function moltbot_audit.may_correct(from_state text, ended text, budgets text[])
returns boolean
language sql
immutable parallel safe
return ended = 'voided'
    or (ended <> 'in_doubt' and (from_state = 'voided' or budgets && array['cost_microusd', 'tokens']));

-- Settles the effects that have these outcomes, except those that are settled already. An unknown effect gets an
-- entry that holds nothing, so that it is not admitted afterwards; that insert waits for an admission that has not
-- committed, and then settles it. Locks rows in the order in which they are given, which is that of their ids.
-- Runs with the settings of its callers, which hold the effects' streams.
create or replace function moltbot_audit.settle(
    ids uuid[], request_ids uuid[], conversation_ids uuid[], outcomes text[], error_codes text[],
    outputs text[]
)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
    e record;
    c record;
    ended text;
    days date[];
    day_budgets text[];
    day_changes bigint[];
    requests uuid[];
    request_budgets text[];
    request_changes bigint[];
begin
    for at in 1 .. cardinality(ids) loop
        ended := moltbot_audit.settlement(outcomes[at], error_codes[at]);
        loop
            -- One statement, which keeps the earlier state in `ended_from`.
            update moltbot_audit.audit_effects x
            set
                state = case when ended = 'in_doubt' and x.state <> 'running' then x.state else ended end,
                ended_from = x.state,
                key_hash = case when ended not in ('failed', 'voided') then x.key_hash end
            where x.effect_id = ids[at] and x.ended_from is null
            returning
                x.ended_from, x.request_id, x.conversation_id, x.budgets, x.amounts, x.day, x.day_budgets,
                x.day_amounts
            into e;
            exit when found;
            insert into moltbot_audit.audit_effects (
                effect_id, effect, state, ended_from, admitted_at, lease_until
            )
            values (ids[at], '', ended, 'running', clock_timestamp(), clock_timestamp())
            on conflict do nothing;
            exit when found or exists (
                select from moltbot_audit.audit_effects x
                where x.effect_id = ids[at] and x.ended_from is not null
            );
        end loop;
        continue when e.ended_from is null;
        if (e.request_id, e.conversation_id) is distinct from (request_ids[at], conversation_ids[at]) then
            raise exception 'an outcome belongs to another request than its effect'
                using errcode = 'check_violation';
        end if;
        if e.budgets is not null and moltbot_audit.may_correct(e.ended_from, ended, e.budgets) then
            c := moltbot_audit.corrections(
                e.ended_from, ended, e.budgets, e.amounts, outputs[at]::jsonb
            );
            requests := requests
                || array_fill(e.request_id, array[coalesce(cardinality(c.budgets), 0)]);
            request_budgets := request_budgets || c.budgets;
            request_changes := request_changes || c.changes;
        end if;
        if e.day_budgets is not null and moltbot_audit.may_correct(e.ended_from, ended, e.day_budgets) then
            c := moltbot_audit.corrections(
                e.ended_from, ended, e.day_budgets, e.day_amounts, outputs[at]::jsonb
            );
            days := days || array_fill(e.day, array[coalesce(cardinality(c.budgets), 0)]);
            day_budgets := day_budgets || c.budgets;
            day_changes := day_changes || c.changes;
        end if;
    end loop;
    if days <> '{}' then
        perform moltbot_audit.move_day_budgets(d.day, array_agg(d.budget), array_agg(d.change))
        from (
            select day, budget, moltbot_audit.bounded(sum(change)) as change
            from unnest(days, day_budgets, day_changes) as x (day, budget, change)
            group by day, budget
            order by day, budget
        ) as d
        group by d.day
        order by d.day;
    end if;
    if requests <> '{}' then
        -- Row by row in the order of the key, as all functions lock them.
        insert into moltbot_audit.audit_budgets as b (request_id, budget, used)
        select x.request_id, x.budget, moltbot_audit.bounded(sum(x.change))
        from unnest(requests, request_budgets, request_changes) as x (request_id, budget, change)
        group by x.request_id, x.budget
        order by x.request_id, x.budget
        on conflict (request_id, budget) do update set used = moltbot_audit.saturating_add(b.used, excluded.used);
    end if;
end
$$;

-- When a host received an event that then waited in a spool for `wait_us`, by the database's clock.
create or replace function moltbot_audit.received_at(wait_us bigint)
returns timestamptz
language sql
volatile parallel safe
return clock_timestamp() - least(coalesce(wait_us, 0), 9467280000000000) * interval '1 microsecond';

-- Enters effects that began while the database was away, from their intents. An intent that does not name its
-- effect is passed over. If the outcome came first, the effect has an entry, which is completed. A key that another
-- effect holds stays with that effect. The lease begins with the entry: a live process renews it from now on, and
-- an effect of a dead process is in doubt when it ends.
create or replace function moltbot_audit.enter_intents(
    ids uuid[], request_ids uuid[], conversation_ids uuid[], inputs text[]
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    i record;
begin
    for i in
        select
            x.id, x.request_id, x.conversation_id,
            (j.input ->> 'effect_id')::uuid as effect_id,
            coalesce(j.input ->> 'effect', '') as effect,
            decode(substring(j.input ->> 'key_hash' from '^[0-9a-f]{64}$'), 'hex') as key_hash,
            decode(substring(j.input ->> 'input_hash' from '^[0-9a-f]{64}$'), 'hex') as input_hash,
            moltbot_audit.lease_end(
                clock_timestamp(), coalesce(moltbot_audit.counted(j.input, 'lease_ms'), 0)
            ) as lease_until
        from unnest(ids, request_ids, conversation_ids, inputs)
            with ordinality as x (id, request_id, conversation_id, input, position),
            lateral (select x.input::jsonb as input offset 0) as j
        where j.input ->> 'effect_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        -- The caller holds the effects' streams. Keys are shared by all streams, so they are locked in order.
        order by key_hash nulls last, x.position
    loop
        insert into moltbot_audit.audit_effects (
            effect_id, intent_id, request_id, conversation_id, effect, key_hash, input_hash,
            admitted_at, lease_until
        )
        values (
            i.effect_id, i.id, i.request_id, i.conversation_id, i.effect, i.key_hash, i.input_hash,
            clock_timestamp(), i.lease_until
        )
        on conflict do nothing;
        continue when found;
        insert into moltbot_audit.audit_effects as x (
            effect_id, intent_id, request_id, conversation_id, effect, input_hash, admitted_at,
            lease_until
        )
        values (
            i.effect_id, i.id, i.request_id, i.conversation_id, i.effect, i.input_hash,
            clock_timestamp(), i.lease_until
        )
        on conflict (effect_id) do update set
            intent_id = excluded.intent_id,
            request_id = excluded.request_id,
            conversation_id = excluded.conversation_id,
            effect = excluded.effect,
            input_hash = excluded.input_hash,
            lease_until = excluded.lease_until
        where x.intent_id is null;
        continue when not found or i.key_hash is null;
        begin
            update moltbot_audit.audit_effects x
            set key_hash = i.key_hash
            where x.effect_id = i.effect_id and x.ended_from is not null
                and x.state not in ('failed', 'voided');
        exception when unique_violation then
            -- Another effect holds the key.
        end;
    end loop;
end
$$;

-- Appends a batch with intents or outcomes of effects, and updates the effects' entries in the same transaction;
-- otherwise as `append_batch`. `roles` has `event`, `intent` or `outcome` for each event, and `waits_us` how long it
-- waited in a spool.
create or replace function moltbot_audit.append_effects(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[], roles text[], waits_us bigint[]
)
returns moltbot_audit.places
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
    picked record;
    places moltbot_audit.places;
begin
    if cardinality(roles) is distinct from cardinality(ids)
        or not coalesce(roles <@ array['event', 'intent', 'outcome'], false)
    then
        raise exception 'roles needs event, intent or outcome for each event'
            using errcode = 'invalid_parameter_value';
    end if;
    if event_types && moltbot_audit.types_with_a_function() or 'intent' = any (roles) then
        perform from unnest(event_types, roles) as b (event_type, role)
        where (b.event_type = 'effect.admitted') is distinct from (b.role = 'intent')
            or b.event_type <> 'effect.admitted'
            and b.event_type = any (moltbot_audit.types_with_a_function());
        if found then
            raise exception 'an intent is an effect.admitted, and nothing else is; conclusions and switch '
                'events are appended by conclude and set_switch alone' using errcode = 'check_violation';
        end if;
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- Postgres locks the row of a conflict even if the condition prevents the update.
    insert into moltbot_audit.audit_streams as s (
        stream_id, seq, head, started_at, last_at, heard_at
    )
    select b.stream_id, 0, moltbot_audit.stream_start(b.stream_id), t.now, t.now, t.now
    from (select distinct x.stream_id from unnest(stream_ids) as x (stream_id)) as b,
        lateral (select clock_timestamp() as now offset 0) as t
    order by b.stream_id
    on conflict (stream_id) do update set seq = s.seq where false;
    if waits_us <> '{}' then
        update moltbot_audit.audit_streams s
        set heard_at = w.heard_at
        from (
            select x.stream_id, min(moltbot_audit.received_at(x.wait_us)) as heard_at
            from unnest(stream_ids, waits_us) as x (stream_id, wait_us)
            where x.wait_us > 0
            group by x.stream_id
        ) as w
        where s.stream_id = w.stream_id and s.heard_at > w.heard_at;
    end if;
    places := moltbot_audit.append_all(
        ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
        durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
        idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
        host_ids_commitments, event_hashes
    );
    -- An event that was stored before had its effect then.
    if 'intent' = any (roles) then
        select
            array_agg(b.id order by b.position) as ids,
            array_agg(b.request_id order by b.position) as request_ids,
            array_agg(b.conversation_id order by b.position) as conversation_ids,
            array_agg(b.input order by b.position) as inputs
        into picked
        from unnest(ids, request_ids, conversation_ids, inputs, roles, places.statuses)
            with ordinality as b (id, request_id, conversation_id, input, role, status, position)
        where b.role = 'intent' and coalesce(b.status, 'stored') = 'stored';
        if picked.ids is not null then
            perform moltbot_audit.enter_intents(
                picked.ids, picked.request_ids, picked.conversation_ids, picked.inputs
            );
        end if;
    end if;
    select
        array_agg(b.id order by b.id) as ids,
        array_agg(b.outcome order by b.id) as outcomes,
        array_agg(b.request_id order by b.id) as request_ids,
        array_agg(b.conversation_id order by b.id) as conversation_ids,
        array_agg(b.error_code order by b.id) as error_codes,
        array_agg(b.output order by b.id) as outputs
    into picked
    from unnest(
        ids, request_ids, conversation_ids, outcomes, error_codes, outputs, roles, places.statuses
    ) as b (id, request_id, conversation_id, outcome, error_code, output, role, status)
    where b.role = 'outcome' and coalesce(b.status, 'stored') = 'stored';
    if picked.ids is not null then
        perform moltbot_audit.settle(
            picked.ids, picked.request_ids, picked.conversation_ids, picked.outcomes,
            picked.error_codes, picked.outputs
        );
    end if;
    if places.statuses is not null then
        perform moltbot_audit.unlock_streams(stream_ids);
    end if;
    return places;
end
$$;

-- Appends one event or one outcome: `append_batch` and `append_effects` without their arrays, and without looking
-- whether the id is known. If it is, the unique violation rolls everything back, and the caller uses these two.
create or replace function moltbot_audit.append_alone(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, is_outcome boolean
)
returns moltbot_audit.place
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
    stream moltbot_audit.locked_stream;
    place moltbot_audit.place;
    ended text;
begin
    if append_alone.is_outcome is null then
        raise exception 'is_outcome is null, expected true or false'
            using errcode = 'invalid_parameter_value';
    end if;
    if append_alone.event_type = any (moltbot_audit.types_with_a_function()) then
        raise exception 'admissions, conclusions, flips and ceilings are appended by the functions that make '
            'them, admit, conclude, set_switch and set_limit alone' using errcode = 'check_violation';
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- From here on `lock_stream`, `append_at` and `settle` are written out: to pass their arguments would cost an
    -- eighth of an append.
    select s.seq, s.head, s.started_at, s.last_at, s.heard_at into stream
    from moltbot_audit.audit_streams s
    where s.stream_id = append_alone.stream_id
    for update;
    if not found then
        stream := moltbot_audit.begin_stream(append_alone.stream_id);
    elsif moltbot_audit.is_of_past_month(stream.last_at) then
        perform moltbot_audit.check_heads(array[append_alone.stream_id], array[stream.seq]);
    end if;
    if append_alone.event_type ^@ 'call.consent_' then
        perform moltbot_audit.check_consents(array[append_alone.event_type], array[append_alone.input]);
    end if;
    place.seq := stream.seq + 1;
    place.recorded_at := case stream.seq
        when 0 then stream.last_at else greatest(clock_timestamp(), stream.last_at)
    end;
    place.chain_hash := moltbot_audit.chain_hash(
        stream.head, append_alone.event_hash, place.seq, moltbot_audit.chain_time(place.recorded_at)
    );
    update moltbot_audit.audit_streams s
    set seq = place.seq, head = place.chain_hash, last_at = place.recorded_at
    where s.stream_id = append_alone.stream_id;
    insert into moltbot_audit.audit_events (
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
        idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    )
    values (
        append_alone.id, append_alone.stream_id, append_alone.request_id, append_alone.conversation_id,
        append_alone.event_type, append_alone.actor, append_alone.outcome, append_alone.error_code,
        append_alone.duration_ms, append_alone.created_at, append_alone.trace_id, append_alone.span_id,
        append_alone.caused_by, append_alone.writer_id, append_alone.input::jsonb,
        append_alone.output::jsonb, append_alone.idempotency_key, append_alone.host_ids::jsonb,
        append_alone.salt, append_alone.input_commitment, append_alone.output_commitment,
        append_alone.key_commitment, append_alone.host_ids_commitment, append_alone.event_hash,
        place.seq, place.recorded_at, place.chain_hash
    );
    if append_alone.is_outcome then
        ended := moltbot_audit.settlement(append_alone.outcome, append_alone.error_code);
        -- Most outcomes are the first of a known effect, and change no budget. All others are left to
        -- `settle`, which reads the row again: it may be new, or may have changed, since this statement began.
        update moltbot_audit.audit_effects x
        set
            state = case when ended = 'in_doubt' and x.state <> 'running' then x.state else ended end,
            ended_from = x.state,
            key_hash = case when ended not in ('failed', 'voided') then x.key_hash end
        where x.effect_id = append_alone.id and x.ended_from is null
            and x.request_id is not distinct from append_alone.request_id
            and x.conversation_id is not distinct from append_alone.conversation_id
            and moltbot_audit.may_correct(x.state, ended, x.budgets || x.day_budgets) is not true;
        if not found then
            perform moltbot_audit.settle(
                array[append_alone.id], array[append_alone.request_id],
                array[append_alone.conversation_id], array[append_alone.outcome],
                array[append_alone.error_code], array[append_alone.output]
            );
        end if;
    end if;
    return place;
end
$$;

-- The answer to a claim whose key or id an effect has. No verdict if that effect has gone in between.
create or replace function moltbot_audit.verdict_on_known(
    intent_id uuid, effect_id uuid, key_hash bytea, input_hash bytea,
    out verdict text, out other_effect_id uuid, out output text, out lease_until timestamptz,
    out seq bigint, out recorded_at timestamptz, out event_hash bytea, out chain_hash bytea
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    e record;
begin
    select x.* into e
    from moltbot_audit.audit_effects x
    where x.effect_id = verdict_on_known.effect_id or x.key_hash = verdict_on_known.key_hash
    -- First the same claim again, then the effect that holds the key, then the effect that has the id.
    order by
        coalesce(x.intent_id = verdict_on_known.intent_id, false) desc,
        coalesce(x.key_hash = verdict_on_known.key_hash, false) desc
    limit 1;
    if not found then
        return;
    end if;
    other_effect_id := e.effect_id;
    lease_until := e.lease_until;
    if e.intent_id = verdict_on_known.intent_id then
        verdict := 'proceed';
        select a.seq, a.recorded_at, a.event_hash, a.chain_hash
        into seq, recorded_at, event_hash, chain_hash
        from moltbot_audit.audit_events a
        where a.id = verdict_on_known.intent_id
            and a.created_at = moltbot_audit.time_of_id(verdict_on_known.intent_id);
    elsif e.input_hash is distinct from verdict_on_known.input_hash or e.state in ('failed', 'voided') then
        verdict := 'conflict';
    elsif e.state = 'done' then
        verdict := 'replay';
        select a.output::text into output
        from moltbot_audit.audit_events a
        where a.id = e.effect_id and a.created_at = moltbot_audit.time_of_id(e.effect_id)
            and a.outcome = 'succeeded';
    elsif e.state = 'running' and e.lease_until > clock_timestamp() then
        verdict := 'in_progress';
    else
        verdict := 'in_doubt';
    end if;
end
$$;

-- The same answer as a decision.
create or replace function moltbot_audit.decision_on_known(
    intent_id uuid, effect_id uuid, key_hash bytea, input_hash bytea
)
returns moltbot_audit.decision
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    known record;
    decided moltbot_audit.decision;
begin
    known := moltbot_audit.verdict_on_known(
        decision_on_known.intent_id, decision_on_known.effect_id, decision_on_known.key_hash,
        decision_on_known.input_hash
    );
    decided.verdict := known.verdict;
    decided.other_effect_id := known.other_effect_id;
    decided.other_output := known.output;
    decided.other_lease_until := known.lease_until;
    decided.seq := known.seq;
    decided.recorded_at := known.recorded_at;
    decided.stored_hash := known.event_hash;
    decided.chain_hash := known.chain_hash;
    return decided;
end
$$;

-- What is wrong with a consent, or null. The last event about it must be a grant that has not lapsed. Within a
-- stream, the last event is the one with the highest seq. Between streams, a denial counts unless a grant is younger
-- by more than a minute, because the times may come from servers whose clocks differ.
create or replace function moltbot_audit.consent_obstacle(
    stream_ids uuid[], consent_id text, lifetime_ms double precision
)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    word record;
    lapses_at timestamptz;
begin
    select w.* into word
    from (
        select distinct on (a.stream_id)
            a.event_type, a.recorded_at, a.input -> 'expires_at' as expires_at
        from moltbot_audit.audit_events a
        where a.stream_id = any (stream_ids)
            and a.event_type in ('call.consent_granted', 'call.consent_denied', 'call.consent_expired')
            and a.input -> 'consent_id' = to_jsonb(consent_obstacle.consent_id)
        order by a.stream_id, a.seq desc
    ) as w
    order by
        case
            when w.event_type = 'call.consent_granted' then 3
            when w.recorded_at < max(w.recorded_at) over () - interval '1 minute' then 3
            when w.event_type = 'call.consent_denied' then 1
            else 2
        end,
        w.recorded_at desc
    limit 1;
    if not found then
        return 'no_consent';
    elsif word.event_type = 'call.consent_denied' then
        return 'consent_denied';
    elsif word.event_type = 'call.consent_expired' then
        return 'consent_expired';
    elsif word.expires_at is null or word.expires_at = 'null' then
        lapses_at := moltbot_audit.lease_end(word.recorded_at, lifetime_ms);
    else
        lapses_at := moltbot_audit.time_of(word.expires_at);
    end if;
    -- By this clock alone: a host's clock neither extends nor ends a grant.
    if lapses_at is null or lapses_at <= clock_timestamp() then
        return 'consent_expired';
    end if;
    return null;
end
$$;

-- Refuses a limit that is higher than the deployment's ceiling. It cannot be lowered instead, because the event
-- that states the limit is sealed.
create or replace function moltbot_audit.check_ceilings(
    budgets text[], limits bigint[], day_budgets text[], day_limits bigint[],
    elapsed_max_ms double precision, consent_lifetime_ms double precision
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    above record;
begin
    select l.budget, l.period, l.most into above
    from moltbot_audit.audit_limits l
    where l.most < case
        when l.period = 'day' then day_limits[array_position(day_budgets, l.budget)]
        when l.period = 'consent' and l.budget = 'lifetime_ms' then consent_lifetime_ms
        when l.period = 'request' and l.budget = 'elapsed_ms' then elapsed_max_ms
        when l.period = 'request' then limits[array_position(budgets, l.budget)]
    end
    limit 1;
    if found then
        raise exception 'the limit of % a % is above %, the deployment''s: lower the host''s, or raise that with '
            'set_limit', above.budget, above.period, above.most using errcode = 'check_violation';
    end if;
end
$$;

-- The charges of an intent by their periods, in their order, and whether all are complete. Amounts and limits are
-- bounded, so that a used amount and a requested one add up without overflow.
create or replace function moltbot_audit.charges_of(
    charges jsonb,
    out budgets text[], out amounts bigint[], out limits bigint[],
    out day_budgets text[], out day_amounts bigint[], out day_limits bigint[], out are_whole boolean
)
language sql
immutable parallel safe
begin atomic
    select
        array_agg(c.budget order by c.position) filter (where c.period = 'request'),
        array_agg(least(c.amount, 4611686018427387903) order by c.position) filter (where c.period = 'request'),
        array_agg(least(c.most, 4611686018427387903) order by c.position) filter (where c.period = 'request'),
        array_agg(c.budget order by c.position) filter (where c.period = 'day'),
        array_agg(least(c.amount, 4611686018427387903) order by c.position) filter (where c.period = 'day'),
        array_agg(least(c.most, 4611686018427387903) order by c.position) filter (where c.period = 'day'),
        bool_and(
            coalesce(c.budget is not null and c.period in ('request', 'day') and c.amount >= 0
                and c.most is not null, false)
        )
    from (
        select
            x.charge ->> 'budget' as budget, x.charge ->> 'period' as period,
            (x.charge ->> 'amount')::bigint as amount, (x.charge ->> 'limit')::bigint as most,
            x.position
        from jsonb_array_elements(charges) with ordinality as x (charge, position)
    ) as c;
end;

-- The narrowest of these scopes in which a switch is engaged, and the event that says so unless that is everywhere.
-- Nulls if it is engaged in none.
create or replace function moltbot_audit.engaged_in(
    switch text, scopes text[], out scope text, out event_id uuid
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    select x.scope, case when x.scope <> 'everywhere' then x.event_id end into scope, event_id
    from (
        select s.scope, s.event_id
        from moltbot_audit.audit_switches s
        where s.switch = engaged_in.switch and s.scope = any (scopes) and s.engaged
            and coalesce(s.until > clock_timestamp(), true)
        union all
        select 'everywhere', null
        where not exists (
            select from moltbot_audit.audit_switches s
            where s.switch = engaged_in.switch and s.scope = 'everywhere'
        )
    ) as x
    order by x.scope = 'everywhere', x.scope desc
    limit 1;
end
$$;

-- Decides about the claim in an intent: it charges what the intent's event records. The columns of the intent are
-- those of `append_alone`. Obstacles are looked for in the order of the library's verdicts. The verdict is `proceed`
-- with the receipt of the intent; `replay`, `conflict`, `in_progress` or `in_doubt`; a refusal: `switch`,
-- `no_consent`, `consent_denied`, `consent_expired`, `budget` or `time`; or `key` if the claim's hashes are under
-- another redaction key than the one in use.
create or replace function moltbot_audit.admit(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, key_fingerprint bytea, old_key_hashes bytea[],
    old_input_hashes bytea[]
)
returns moltbot_audit.decision
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set lock_timeout = '2s'
as $$
#variable_conflict use_column
<<claim>>
declare
    said constant jsonb := admit.input::jsonb;
    effect_id constant uuid := (said ->> 'effect_id')::uuid;
    key_hash constant bytea := decode(said ->> 'key_hash', 'hex');
    input_hash constant bytea := decode(said ->> 'input_hash', 'hex');
    switches constant integer := jsonb_array_length(said -> 'switches');
    scopes text[] := array[
        'everywhere', 'request:' || admit.request_id, 'conversation:' || admit.conversation_id
    ];
    elapsed_max_ms constant double precision := (said ->> 'elapsed_max_ms')::double precision;
    charges constant jsonb := said -> 'charges';
    by_period record;
    budgets text[];
    amounts bigint[];
    limits bigint[];
    day_budgets text[];
    day_amounts bigint[];
    day_limits bigint[];
    now timestamptz;
    today date;
    decided moltbot_audit.decision;
    stream moltbot_audit.locked_stream;
    is_new boolean;
    key_in_use bytea;
    has_ceilings boolean;
    is_engaged boolean;
    -- it may be in a conversation that it does not name, while a switch is engaged in some
    is_unnamed boolean;
    engaged record;
    is_over boolean := false;
    recorded_at timestamptz;
    chain_hash bytea;
begin
    if (
        -- In its canonical form, by which readers of the trail find the outcome.
        admit.event_type = 'effect.admitted' and said ->> 'effect_id' = claim.effect_id::text
        and claim.input_hash is not null and said ->> 'effect' is not null
        and (said ->> 'lease_ms')::double precision >= 0
    ) is not true then
        raise exception 'the event of an admission says no claim: it is an effect.admitted with effect_id, effect, '
            'input_hash and a lease_ms that is not negative' using errcode = 'check_violation';
    end if;
    if jsonb_array_length(charges) = 1 and charges -> 0 ->> 'period' = 'request' then
        -- Most claims have one charge; `charges_of` would take five times as long.
        budgets := array[charges -> 0 ->> 'budget'];
        amounts := array[(charges -> 0 ->> 'amount')::bigint];
        limits := array[(charges -> 0 ->> 'limit')::bigint];
    end if;
    if charges is not null and (
        budgets[1] is not null and amounts[1] between 0 and 4611686018427387903
        and limits[1] <= 4611686018427387903
    ) is not true then
        by_period := moltbot_audit.charges_of(charges);
        if not by_period.are_whole then
            raise exception 'a charge needs a budget, the period request or day, a limit, and an amount that is not '
                'negative' using errcode = 'check_violation';
        end if;
        budgets := by_period.budgets;
        amounts := by_period.amounts;
        limits := by_period.limits;
        day_budgets := by_period.day_budgets;
        day_amounts := by_period.day_amounts;
        day_limits := by_period.day_limits;
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- `lock_stream` and, below, `append_at` are written out, as in `append_alone`.
    select s.seq, s.head, s.started_at, s.last_at, s.heard_at into stream
    from moltbot_audit.audit_streams s
    where s.stream_id = admit.stream_id
    for update;
    if not found then
        stream := moltbot_audit.begin_stream(admit.stream_id);
    elsif moltbot_audit.is_of_past_month(stream.last_at) then
        perform moltbot_audit.check_heads(array[admit.stream_id], array[stream.seq]);
    end if;
    if switches > 0 then
        -- Whatever keeps a switch from being engaged keeps effects from being admitted, too.
        lock table only moltbot_audit.audit_switches in row exclusive mode;
        -- The statement that reads the switches begins later, and so sees every switch that was engaged before.
        if not moltbot_audit.pass_gate() then
            raise exception 'a switch is being engaged' using errcode = 'lock_not_available';
        end if;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        -- The snapshot is older than these locks: if a row was changed since, this is a serialization failure, and
        -- the store asks again.
        perform 1 from moltbot_audit.audit_keys k where k.retired_at is null for share;
        perform 1 from moltbot_audit.audit_switches s where said -> 'switches' ? s.switch for share;
    end if;

    loop
        now := clock_timestamp();
        if day_budgets is not null then
            today := (now at time zone 'UTC')::date;
        end if;
        -- Waits for another claim with the same key: the row is the key's lock.
        insert into moltbot_audit.audit_effects (
            effect_id, intent_id, request_id, conversation_id, effect, key_hash, input_hash,
            admitted_at, lease_until, budgets, amounts, day_budgets, day_amounts, day
        )
        values (
            claim.effect_id, admit.id, admit.request_id, admit.conversation_id, said ->> 'effect',
            claim.key_hash, claim.input_hash, now,
            moltbot_audit.lease_end(now, (said ->> 'lease_ms')::double precision),
            budgets, amounts, day_budgets, day_amounts, today
        )
        on conflict do nothing;
        is_new := found;
        -- One statement for all, because each costs more to begin than to run. It begins after the stream is locked,
        -- after the gate, and after the wait for the key, and so sees the current switches. As a part of the insert
        -- above it would see them as they were before that wait. The lock on the table of events keeps out a rotation
        -- of the redaction key.
        select
            (select k.fingerprint from moltbot_audit.audit_keys k where k.retired_at is null),
            exists (select from moltbot_audit.audit_limits),
            (
                select (
                    bool_or(s.scope = 'everywhere')
                    and not bool_or(s.engaged and coalesce(s.until > clock_timestamp(), true))
                ) is not true
                from moltbot_audit.audit_switches s
                where s.switch = said #>> '{switches,0}' and s.scope = any (scopes)
            ),
            switches > 0 and admit.conversation_id is null and admit.request_id is not null and exists (
                select from moltbot_audit.audit_switches s
                where s.scope >= 'conversation:' and s.scope < 'conversation;' and said -> 'switches' ? s.switch
            )
        into key_in_use, has_ceilings, is_engaged, is_unnamed;
        -- Most claims end here.
        exit when is_new and key_in_use = admit.key_fingerprint and not has_ceilings
            and cardinality(admit.old_input_hashes) = 0;
        if key_in_use is distinct from admit.key_fingerprint then
            decided.key_in_use := moltbot_audit.use_key(admit.key_fingerprint);
            if decided.key_in_use <> admit.key_fingerprint then
                decided.verdict := 'key';
                exit;
            end if;
        end if;
        if has_ceilings then
            perform moltbot_audit.check_ceilings(
                budgets, limits, day_budgets, day_limits,
                elapsed_max_ms, (said ->> 'consent_lifetime_ms')::double precision
            );
        end if;
        -- Effects that were admitted under an earlier redaction key. Nothing is admitted under it now.
        for at in 1 .. coalesce(cardinality(admit.old_input_hashes), 0) loop
            if exists (
                select from moltbot_audit.audit_effects x
                where x.key_hash = admit.old_key_hashes[at]
                    or (x.effect_id = claim.effect_id and x.input_hash = admit.old_input_hashes[at])
            ) then
                -- Otherwise the look-up would find this claim's own entry first, and the effect would run twice.
                if is_new then
                    delete from moltbot_audit.audit_effects x where x.effect_id = claim.effect_id;
                    is_new := false;
                end if;
                decided := moltbot_audit.decision_on_known(
                    admit.id, claim.effect_id, admit.old_key_hashes[at], admit.old_input_hashes[at]
                );
                exit when decided.verdict is not null;
            end if;
        end loop;
        exit when is_new or decided.verdict is not null;
        decided := moltbot_audit.decision_on_known(
            admit.id, claim.effect_id, claim.key_hash, claim.input_hash
        );
        if decided.verdict = 'proceed' then
            perform moltbot_audit.check_same_event(
                admit.id, admit.stream_id, admit.request_id, admit.conversation_id, admit.event_type,
                admit.actor, admit.outcome, admit.error_code, admit.duration_ms, admit.trace_id,
                admit.span_id, admit.caused_by, admit.input, admit.output, admit.idempotency_key,
                admit.host_ids, admit.event_hash
            );
        end if;
        exit when decided.verdict is not null;
        -- The key became free in between: try again.
    end loop;

    if decided.verdict is null and (switches > 1 or switches = 1 and (is_engaged or is_unnamed)) then
        if is_unnamed then
            -- A request is in the conversations that its events name.
            scopes := scopes || array(
                select distinct 'conversation:' || a.conversation_id
                from moltbot_audit.audit_events a
                where a.stream_id = admit.stream_id and a.conversation_id is not null
            );
        end if;
        for nth in 1 .. switches loop
            -- Most claims have one switch; a statement over a list takes three times as long.
            continue when nth = 1 and not (is_engaged or is_unnamed);
            engaged := moltbot_audit.engaged_in(said -> 'switches' ->> nth - 1, scopes);
            if engaged.scope is not null then
                decided.verdict := 'switch';
                decided.switch := nth;
                decided.switch_scope := engaged.scope;
                decided.switch_event_id := engaged.event_id;
                exit;
            end if;
        end loop;
    end if;

    if decided.verdict is null and said ->> 'consent_id' is not null then
        if said ->> 'consent_lifetime_ms' is null then
            raise exception 'an effect that needs a consent says its consent_lifetime_ms'
                using errcode = 'check_violation';
        end if;
        decided.verdict := moltbot_audit.consent_obstacle(
            array[
                case when admit.request_id is not null then moltbot_audit.stream_of(admit.request_id) end,
                case when admit.conversation_id is not null
                    then moltbot_audit.stream_of(null, admit.conversation_id) end
            ],
            said ->> 'consent_id', (said ->> 'consent_lifetime_ms')::double precision
        );
    end if;

    -- Charges first, and refunds if that passes a limit: the common path is one upsert.
    if decided.verdict is null and day_budgets is not null then
        perform moltbot_audit.move_day_budgets(today, day_budgets, day_amounts);
        select array_agg(b.used order by c.position), bool_or(b.used > c.most)
        into decided.day_used, is_over
        from unnest(day_budgets, day_limits)
            with ordinality as c (budget, most, position)
        join moltbot_audit.audit_day_budgets b on b.day = today and b.budget = c.budget;
    end if;
    if decided.verdict is null and budgets is not null then
        if cardinality(budgets) = 1 then
            insert into moltbot_audit.audit_budgets as b (request_id, budget, used)
            values (admit.request_id, budgets[1], amounts[1])
            on conflict (request_id, budget) do update
                set used = moltbot_audit.saturating_add(b.used, excluded.used)
            returning array[b.used] into decided.used;
            is_over := is_over or decided.used[1] > limits[1];
        else
            perform moltbot_audit.move_budgets(admit.request_id, budgets, amounts);
            select array_agg(b.used order by c.position), is_over or bool_or(b.used > c.most)
            into decided.used, is_over
            from unnest(budgets, limits)
                with ordinality as c (budget, most, position)
            join moltbot_audit.audit_budgets b
                on b.request_id = admit.request_id and b.budget = c.budget;
        end if;
    end if;
    if is_over then
        decided.verdict := 'budget';
    end if;

    if decided.verdict is null and elapsed_max_ms is not null then
        -- By this clock alone, and read last: the intent's recorded time, from which a verifier computes the elapsed
        -- time, comes after it.
        decided.heard_at := stream.heard_at;
        -- The stream is searched for a shortlist only if the time matters.
        -- In an expression of its own, because even to begin the search costs more with each month.
        if stream.seq > 0 and clock_timestamp() > moltbot_audit.lease_end(stream.heard_at, elapsed_max_ms / 2) then
            if exists (
                select from moltbot_audit.audit_events a
                where a.stream_id = admit.stream_id and a.event_type = 'shortlist.generated'
                    and a.outcome = 'succeeded'
            ) then
                decided.heard_at := null;
            else
                decided.recorded_at := clock_timestamp();
                if decided.recorded_at > moltbot_audit.lease_end(stream.heard_at, elapsed_max_ms) then
                    decided.verdict := 'time';
                end if;
            end if;
        end if;
    end if;

    if decided.verdict is not null then
        -- A claim that is refused, or known, leaves nothing behind.
        if stream.seq = 0 then
            perform moltbot_audit.unlock_streams(array[admit.stream_id]);
        end if;
        if is_new then
            delete from moltbot_audit.audit_effects e where e.effect_id = claim.effect_id;
        end if;
        if decided.day_used is not null then
            perform moltbot_audit.move_day_budgets(
                today, day_budgets,
                (select array_agg(-a order by n) from unnest(day_amounts) with ordinality as x (a, n))
            );
        end if;
        if decided.used is not null then
            perform moltbot_audit.move_budgets(
                admit.request_id, budgets,
                (select array_agg(-a order by n) from unnest(amounts) with ordinality as x (a, n))
            );
        end if;
        return decided;
    end if;

    claim.recorded_at := case stream.seq
        when 0 then stream.last_at else greatest(clock_timestamp(), stream.last_at)
    end;
    claim.chain_hash := moltbot_audit.chain_hash(
        stream.head, admit.event_hash, stream.seq + 1, moltbot_audit.chain_time(claim.recorded_at)
    );
    update moltbot_audit.audit_streams s
    set seq = stream.seq + 1, head = claim.chain_hash, last_at = claim.recorded_at
    where s.stream_id = admit.stream_id;
    insert into moltbot_audit.audit_events (
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
        idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    )
    values (
        admit.id, admit.stream_id, admit.request_id, admit.conversation_id, admit.event_type,
        admit.actor, admit.outcome, admit.error_code, admit.duration_ms, admit.created_at,
        admit.trace_id, admit.span_id, admit.caused_by, admit.writer_id, said, admit.output::jsonb,
        admit.idempotency_key, admit.host_ids::jsonb, admit.salt, admit.input_commitment,
        admit.output_commitment, admit.key_commitment, admit.host_ids_commitment,
        admit.event_hash, stream.seq + 1, claim.recorded_at, claim.chain_hash
    );
    return row(
        'proceed', null, null, null, null, decided.used, decided.day_used, decided.heard_at,
        stream.seq + 1, claim.recorded_at, admit.event_hash, claim.chain_hash, null, null, null
    )::moltbot_audit.decision;
end
$$;


-- Concludes an effect that has no outcome as `expired`, `performed` or `not_performed`, and appends the event that
-- says so. Returns no row if the effect's state does not allow it.
create or replace function moltbot_audit.conclude(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, effect_id uuid, conclusion text
)
returns table (seq bigint, recorded_at timestamptz, stored_hash bytea, chain_hash bytea)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set lock_timeout = '2s'
as $$
#variable_conflict use_column
declare
    stream moltbot_audit.locked_stream;
    e record;
    c record;
    said record;
begin
    if conclude.effect_id is null
        or coalesce(conclusion, '') not in ('expired', 'performed', 'not_performed')
    then
        raise exception 'an effect is concluded as expired, performed or not_performed'
            using errcode = 'invalid_parameter_value';
    end if;
    select
        conclude.event_type as event_type, i ->> 'effect_id' as effect_id, i ->> 'finding' as finding,
        i -> 'by' as identity
    into said
    from (select conclude.input::jsonb as i) as x;
    if (said.event_type, said.effect_id, said.finding) is distinct from (
        case conclusion when 'expired' then 'effect.expired' else 'effect.resolved' end,
        conclude.effect_id::text, nullif(conclusion, 'expired')
    ) or (conclusion <> 'expired' and not moltbot_audit.is_identity_of_host(said.identity)) then
        raise exception 'the event of a conclusion says another one' using errcode = 'check_violation';
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    stream := moltbot_audit.lock_stream(conclude.stream_id);
    select x.* into e
    from moltbot_audit.audit_effects x
    where x.effect_id = conclude.effect_id
    for update;
    -- The same call again, after its answer was lost.
    return query
        select a.seq, a.recorded_at, a.event_hash::bytea, a.chain_hash::bytea
        from moltbot_audit.audit_events a
        where a.id = conclude.id and a.created_at = moltbot_audit.time_of_id(conclude.id);
    if found then
        perform moltbot_audit.unlock_streams(array[conclude.stream_id]);
        perform moltbot_audit.check_same_event(
            conclude.id, conclude.stream_id, conclude.request_id, conclude.conversation_id,
            conclude.event_type, conclude.actor, conclude.outcome, conclude.error_code,
            conclude.duration_ms, conclude.trace_id, conclude.span_id, conclude.caused_by,
            conclude.input, conclude.output, conclude.idempotency_key, conclude.host_ids,
            conclude.event_hash
        );
        return;
    end if;
    if e.intent_id is null
        or e.state not in ('running', 'in_doubt')
        or (e.state = 'running' and e.lease_until > clock_timestamp())
        or (e.state = 'in_doubt' and conclusion = 'expired')
    then
        perform moltbot_audit.unlock_streams(array[conclude.stream_id]);
        return;
    end if;
    update moltbot_audit.audit_effects x
    set
        state = case conclusion
            when 'expired' then 'in_doubt' when 'performed' then 'done' else 'voided'
        end,
        key_hash = case when conclusion <> 'not_performed' then x.key_hash end
    where x.effect_id = conclude.effect_id;
    if conclusion = 'not_performed' then
        c := moltbot_audit.corrections(e.state, 'voided', e.day_budgets, e.day_amounts, null);
        if c.budgets is not null then
            perform moltbot_audit.move_day_budgets(e.day, c.budgets, c.changes);
        end if;
        c := moltbot_audit.corrections(e.state, 'voided', e.budgets, e.amounts, null);
        if c.budgets is not null then
            perform moltbot_audit.move_budgets(e.request_id, c.budgets, c.changes);
        end if;
    end if;
    return query
        select p.seq, p.recorded_at, conclude.event_hash, p.chain_hash
        from moltbot_audit.append_at(
            stream, conclude.id, conclude.stream_id, conclude.request_id, conclude.conversation_id,
            conclude.event_type, conclude.actor, conclude.outcome, conclude.error_code,
            conclude.duration_ms, conclude.created_at, conclude.trace_id, conclude.span_id,
            conclude.caused_by, conclude.writer_id, conclude.input::jsonb, conclude.output::jsonb,
            conclude.idempotency_key, conclude.host_ids::jsonb, conclude.salt,
            conclude.input_commitment, conclude.output_commitment, conclude.key_commitment,
            conclude.host_ids_commitment, conclude.event_hash
        ) as p;
end
$$;

-- Renews the leases of effects whose process says that they run: each lease ends its length from now. It passes
-- over an effect whose lease is over, because somebody may have called it in doubt, one whose end is recorded, and
-- one whose row another transaction holds, because the next renewal comes in time. So it never waits for a row.
create or replace function moltbot_audit.renew_leases(effect_ids uuid[], lengths_us bigint[])
returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '1s'
as $$
#variable_conflict use_column
begin
    if cardinality(effect_ids) is distinct from cardinality(lengths_us)
        or array_position(lengths_us, null) is not null or 0 > any (lengths_us)
    then
        raise exception 'each effect needs the length of its lease' using errcode = 'invalid_parameter_value';
    end if;
    update moltbot_audit.audit_effects x
    set lease_until = moltbot_audit.lease_end(clock_timestamp(), r.length_us / 1000.0)
    from (
        select e.effect_id, l.length_us
        from unnest(effect_ids, lengths_us) as l (effect_id, length_us)
        join moltbot_audit.audit_effects e on e.effect_id = l.effect_id
        where e.state = 'running' and e.ended_from is null and e.intent_id is not null
            and e.lease_until > clock_timestamp()
        for no key update of e skip locked
    ) as r
    where x.effect_id = r.effect_id;
end
$$;

-- The sessions whose locks on these tables keep writers out.
create or replace function moltbot_audit.sessions_holding(tables text)
returns integer[]
language sql
stable
begin atomic
    select array_agg(distinct l.pid order by l.pid)
    from pg_locks l
    join pg_class c on c.oid = l.relation
    where l.locktype = 'relation' and l.granted and l.pid <> pg_backend_pid()
        and l.database = (select oid from pg_database where datname = current_database())
        and c.relnamespace = 'moltbot_audit'::regnamespace and c.relname ~ sessions_holding.tables
        and l.mode in (
            'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
        );
end;

-- The sessions that keep an event of this stream from being appended, as far as the server shows them.
create or replace function moltbot_audit.sessions_holding_stream(stream_id uuid)
returns integer[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    sessions integer[] := moltbot_audit.sessions_holding('^audit_(events|streams)');
begin
    if sessions is null then
        select array_agg(l.pid) into sessions
        from moltbot_audit.audit_streams s
        join pg_locks l on l.transactionid = s.xmax and l.locktype = 'transactionid'
        where s.stream_id = sessions_holding_stream.stream_id
            and l.granted and l.pid <> pg_backend_pid();
    end if;
    return sessions;
end
$$;

-- Describes sessions, each with the statement that ends it.
create or replace function moltbot_audit.named(sessions integer[])
returns text
language sql
immutable parallel safe
begin atomic
    select string_agg(format('session %s (select pg_terminate_backend(%1$s))', s), ', ')
    from unnest(sessions) as s;
end;

-- The gate between admissions and those who engage a switch. It consists of two advisory locks, because no other
-- transaction holds these by accident. An admission holds the first in shared mode until it commits, and whoever
-- engages takes it in exclusive mode. So an admission that came before has ended when the switch is engaged, and
-- one that comes later waits, and sees the switch. If an admission hangs, the second lock closes the gate instead:
-- an admission that finds it taken fails.

-- Passes the gate, until the transaction ends. False if it is closed.
create or replace function moltbot_audit.pass_gate()
returns boolean
language sql
volatile
-- One expression, in this order, so that a cancellation cannot leave the second lock with the session.
return case
    when pg_advisory_xact_lock_shared(1836018804, 1) is null then null
    when pg_try_advisory_lock_shared(1836018804, 2)
        then pg_advisory_unlock_shared(1836018804, 2)
    else false
end;

-- Closes the gate until the transaction ends, and waits for the admissions that have passed it, for a limited time.
-- Returns the sessions whose admissions are still open and may commit later.
create or replace function moltbot_audit.close_gate()
returns integer[]
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    statement_limit_ms integer :=
        (select setting from pg_settings where name = 'statement_timeout');
    -- An admission waits two seconds for a lock, and callers of the library wait five for this function.
    until_at timestamptz := clock_timestamp() + interval '1 millisecond' * least(
        3000, coalesce(nullif(statement_limit_ms, 0) / 2, 3000)
    );
    passed text[];
    sessions integer[];
begin
    begin
        -- Shorter than `deadlock_timeout`, so that whoever stops the AI is never the victim of a deadlock.
        perform set_config('lock_timeout', '500ms', true);
        perform pg_advisory_xact_lock(1836018804, 1);
        return null;
    exception when lock_not_available or deadlock_detected then
        perform set_config('lock_timeout', '2s', true);
    end;
    perform pg_advisory_xact_lock(1836018804, 2);
    -- A session that holds the first lock in exclusive mode engages a switch too, and admits nothing.
    select array_agg(l.virtualtransaction) into passed
    from pg_locks l
    where l.locktype = 'advisory' and (l.classid, l.objid, l.objsubid) = (1836018804, 1, 2)
        and l.database = (select oid from pg_database where datname = current_database())
        and l.granted and l.mode = 'ShareLock' and l.pid <> pg_backend_pid();
    loop
        select array_agg(l.pid order by l.pid) into sessions
        from pg_locks l
        where l.locktype = 'advisory' and (l.classid, l.objid, l.objsubid) = (1836018804, 1, 2)
            and l.database = (select oid from pg_database where datname = current_database())
            and l.granted and l.virtualtransaction = any (passed);
        exit when sessions is null or clock_timestamp() > until_at;
        perform pg_sleep(0.02);
    end loop;
    return sessions;
end
$$;

-- Appends a sealed event to its stream.
create or replace function moltbot_audit.append_sealed(event moltbot_audit.sealed_event)
returns moltbot_audit.place
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select moltbot_audit.append_one(
        event.id, event.stream_id, event.request_id, event.conversation_id, event.event_type,
        event.actor, event.outcome, event.error_code, event.duration_ms, event.created_at,
        event.trace_id, event.span_id, event.caused_by, event.writer_id, event.input::text,
        event.output::text, event.idempotency_key, event.host_ids::text, event.salt,
        event.input_commitment, event.output_commitment, event.key_commitment,
        event.host_ids_commitment, event.event_hash
    )
$$;

-- Appends the events of one stream that wait beside their switches, oldest first. If another transaction holds one of
-- them, it appends nothing and returns false, so that they keep their order. Runs with the settings of its callers,
-- which hold the stream.
create or replace function moltbot_audit.append_kept(stream_id uuid)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    ids uuid[];
    kept jsonb;
    e moltbot_audit.sealed_event;
begin
    -- All events beside a row are of its scope, and so of one stream.
    select array_agg(f.id), jsonb_agg(f.pending) into ids, kept
    from (
        select s.id, s.pending
        from moltbot_audit.audit_switches s
        where s.pending is not null and s.pending -> 0 ->> 'stream_id' = stream_id::text
        for update skip locked
    ) as f;
    if (
        select count(*)
        from moltbot_audit.audit_switches s
        where s.pending is not null and s.pending -> 0 ->> 'stream_id' = stream_id::text
    ) > coalesce(cardinality(ids), 0) then
        return false;
    end if;
    for e in
        select r.*
        from
            jsonb_path_query(kept, '$[*][*]') as f (event),
            lateral jsonb_populate_record(null::moltbot_audit.sealed_event, f.event) as r
        order by r.recorded_at
    loop
        continue when exists (
            select from moltbot_audit.audit_events a where a.id = e.id and a.created_at = e.created_at
        );
        perform moltbot_audit.append_sealed(e);
    end loop;
    update moltbot_audit.audit_switches s set pending = null where s.id = any (ids);
    return true;
end
$$;

-- Appends the events of flips that wait beside their switches, and returns how many. The library's upkeep calls it,
-- and an operator may. A stream that another transaction holds is left for the next call, unless all are held.
create or replace function moltbot_audit.append_pending_flips()
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    streams uuid[];
    free uuid[];
    stream uuid;
    waiting integer;
    left_waiting integer;
begin
    select array_agg(distinct x.stream_id order by x.stream_id), sum(x.events) into streams, waiting
    from (
        select (s.pending -> 0 ->> 'stream_id')::uuid as stream_id, jsonb_array_length(s.pending) as events
        from moltbot_audit.audit_switches s
        where s.pending is not null
    ) as x;
    if waiting is null then
        return 0;
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    if cardinality(streams) = 1 then
        perform from moltbot_audit.audit_streams t where t.stream_id = streams[1] for update;
        free := streams;
    else
        select array_agg(f.stream_id order by f.stream_id) into free
        from (
            select t.stream_id
            from moltbot_audit.audit_streams t
            where t.stream_id = any (streams)
            order by t.stream_id
            for update skip locked
        ) as f;
        -- A stream without a row begins with the event.
        free := free || array(
            select x.stream_id
            from unnest(streams) as x (stream_id)
            where not exists (select from moltbot_audit.audit_streams t where t.stream_id = x.stream_id)
            order by x.stream_id
        );
    end if;
    foreach stream in array coalesce(free, '{}') loop
        if not moltbot_audit.append_kept(stream) then
            raise exception 'another transaction holds a switch whose event waits'
                using errcode = 'lock_not_available';
        end if;
    end loop;
    select coalesce(sum(jsonb_array_length(s.pending)), 0) into left_waiting
    from moltbot_audit.audit_switches s;
    if left_waiting >= waiting then
        raise exception 'other transactions hold the streams of the events that wait'
            using errcode = 'lock_not_available';
    end if;
    return waiting - left_waiting;
end
$$;

-- Whether it is an identity that a host's program may record: it verified somebody (`host`), or somebody only says who
-- he is (`claimed`). `session` and `jwt` are what the database knows, so only its own functions record them. Same rule
-- as `is_said_by_host` in the library.
create or replace function moltbot_audit.is_identity_of_host(identity jsonb)
returns boolean
language sql
immutable parallel safe
return coalesce(
    jsonb_typeof(identity) = 'object' and jsonb_typeof(identity -> 'who') = 'string'
    and identity ->> 'who' ~ '\S'
    and case identity ->> 'how'
        when 'claimed' then identity - '{how,who}'::text[] = '{}'
        when 'host' then jsonb_typeof(identity -> 'method') = 'string'
            and identity - '{how,method,who}'::text[] = '{}'
    end,
    false
);

-- The scope of a flip, by the request or the conversation that its event belongs to.
create or replace function moltbot_audit.scope_of(request_id uuid, conversation_id uuid)
returns text
language sql
immutable parallel safe
return coalesce('request:' || request_id, 'conversation:' || conversation_id, 'everywhere');

-- Whether a flip's event states that flip. Its scope is the request or the conversation that it belongs to, and the
-- input says the kind. An operator's flip is by an admin; the library itself may stop a request. Same rule as
-- `check_flip` in the library.
create or replace function moltbot_audit.says_flip(
    event_type text, stream_id uuid, request_id uuid, conversation_id uuid, actor text, outcome text,
    input jsonb, switch text, engaged boolean, changed_by jsonb, reason text
)
returns boolean
language sql
stable parallel safe
return moltbot_audit.is_identity_of_host(input -> 'by') and (
    event_type, outcome, stream_id, input ->> 'switch', input -> 'by', input ->> 'reason',
    coalesce(input ->> 'scope', 'everywhere')
) is not distinct from (
    case when engaged then 'switch.engaged' else 'switch.reset' end, 'succeeded',
    moltbot_audit.stream_of(request_id, conversation_id), switch, changed_by, reason,
    split_part(moltbot_audit.scope_of(request_id, conversation_id), ':', 1)
)
and (actor = 'admin' or actor = 'system' and engaged and request_id is not null)
and (
    input ->> 'until' is null
    or engaged and moltbot_audit.scope_of(request_id, conversation_id) <> 'everywhere'
        and moltbot_audit.time_of(input -> 'until') is not null
);

-- Sets a switch, in the scope that its event belongs to, and appends the event.
--
-- Engaging waits for no stream and no row: if the event cannot be appended at once, it is kept beside the switch.
-- A reset needs its event in the stream, and so waits.
create or replace function moltbot_audit.set_switch(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, switch text, engaged boolean, changed_by jsonb,
    reason text
)
returns moltbot_audit.flip
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    event moltbot_audit.sealed_event;
    state moltbot_audit.switch_state;
begin
    if not coalesce(moltbot_audit.is_name(set_switch.switch), false) then
        raise exception 'a switch has a name of lower-case letters, digits and underscores, at most 40 bytes '
            'and four digits' using errcode = 'invalid_parameter_value';
    end if;
    if moltbot_audit.says_flip(
        set_switch.event_type, set_switch.stream_id, set_switch.request_id,
        set_switch.conversation_id, set_switch.actor, set_switch.outcome, set_switch.input::jsonb,
        set_switch.switch, set_switch.engaged, set_switch.changed_by, set_switch.reason
    ) is not true then
        raise exception 'the event of a flip says another flip' using errcode = 'check_violation';
    end if;
    -- Refuses a malformed event before anything is set.
    event.id := set_switch.id;
    event.stream_id := set_switch.stream_id;
    event.request_id := set_switch.request_id;
    event.conversation_id := set_switch.conversation_id;
    event.event_type := set_switch.event_type;
    event.actor := set_switch.actor;
    event.outcome := set_switch.outcome;
    event.error_code := set_switch.error_code;
    event.duration_ms := set_switch.duration_ms;
    event.created_at := set_switch.created_at;
    event.trace_id := set_switch.trace_id;
    event.span_id := set_switch.span_id;
    event.caused_by := set_switch.caused_by;
    event.writer_id := set_switch.writer_id;
    event.input := set_switch.input;
    event.output := set_switch.output;
    event.idempotency_key := set_switch.idempotency_key;
    event.host_ids := set_switch.host_ids;
    event.salt := set_switch.salt;
    event.input_commitment := set_switch.input_commitment;
    event.output_commitment := set_switch.output_commitment;
    event.key_commitment := set_switch.key_commitment;
    event.host_ids_commitment := set_switch.host_ids_commitment;
    event.event_hash := set_switch.event_hash;
    -- Events that wait are ordered by it.
    event.recorded_at := clock_timestamp();
    state.switch := set_switch.switch;
    state.engaged := set_switch.engaged;
    state.changed_by := set_switch.changed_by;
    state.reason := set_switch.reason;
    state.changed_at := event.recorded_at;
    state.scope := moltbot_audit.scope_of(set_switch.request_id, set_switch.conversation_id);
    state.until := moltbot_audit.time_of(event.input -> 'until');
    if set_switch.engaged then
        return moltbot_audit.engage_switch(event, state);
    end if;
    return moltbot_audit.reset_switch(event, state);
end
$$;

-- As `set_switch`, for a host's process, which may engage any switch, because stopping is always safe, and release a
-- conversation, because people who take one over do so in the host. It resets nothing else but switches of self-tests.
create or replace function moltbot_audit.set_switch_of_host(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, switch text, engaged boolean, changed_by jsonb,
    reason text
)
returns moltbot_audit.flip
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    if (
        engaged or switch ^@ 'self_test_' or conversation_id is not null and request_id is null
    ) is not true then
        raise exception 'a host cannot reset a switch: an operator has to'
            using errcode = 'insufficient_privilege';
    end if;
    return moltbot_audit.set_switch(
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
        idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, switch, engaged, changed_by, reason
    );
end
$$;

-- The receipt of a flip's event that is stored already, so that a repeated flip does not undo a later one. Raises
-- an error if another event has the id.
create or replace function moltbot_audit.flipped_before(event moltbot_audit.sealed_event)
returns moltbot_audit.flip
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    answer moltbot_audit.flip;
begin
    select a.seq, a.recorded_at, a.event_hash, a.chain_hash, true
    into answer.seq, answer.recorded_at, answer.stored_hash, answer.chain_hash, answer.was_known
    from moltbot_audit.audit_events a
    where a.id = event.id and a.created_at = event.created_at;
    if found then
        perform moltbot_audit.check_same_event(
            event.id, event.stream_id, event.request_id, event.conversation_id, event.event_type,
            event.actor, event.outcome, event.error_code, event.duration_ms, event.trace_id,
            event.span_id, event.caused_by, event.input::text, event.output::text,
            event.idempotency_key, event.host_ids::text, event.event_hash
        );
    end if;
    return answer;
end
$$;

-- Merges the rows of a switch in a scope that no other transaction holds into one, and returns its id. A reset changes
-- no row that was set after the reset was asked for, at `state.changed_at`. In a conversation or a request it deletes
-- the others, because a switch without a row is not engaged there.
create or replace function moltbot_audit.put_switch(state moltbot_audit.switch_state, event_id uuid)
returns uuid
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    ids uuid[];
    kept jsonb;
    put_id uuid;
begin
    begin
        select
            array_agg(f.id),
            jsonb_path_query_array(
                jsonb_agg(f.pending) filter (where f.pending is not null), '$[*][*]'
            )
        into ids, kept
        from (
            select s.id, s.pending
            from moltbot_audit.audit_switches s
            where s.switch = state.switch and s.scope = state.scope
                and (state.engaged or s.changed_at <= state.changed_at)
            for update skip locked
        ) as f;
        if not state.engaged and state.scope <> 'everywhere' then
            delete from moltbot_audit.audit_switches s where s.id = any (ids);
            return null;
        end if;
        delete from moltbot_audit.audit_switches s where s.id = any (ids[2:]);
    exception when serialization_failure then
        -- With an isolation above read committed, a row may have changed since the snapshot: add a row then.
        ids := null;
        kept := null;
    end;
    if ids is null then
        insert into moltbot_audit.audit_switches (
            switch, scope, engaged, until, event_id, changed_by, reason, changed_at
        )
        values (
            state.switch, state.scope, state.engaged, state.until, put_switch.event_id, state.changed_by,
            state.reason, clock_timestamp()
        )
        returning id into put_id;
        return put_id;
    end if;
    update moltbot_audit.audit_switches s
    set
        engaged = state.engaged,
        until = state.until,
        event_id = put_switch.event_id,
        changed_by = state.changed_by,
        reason = state.reason,
        changed_at = clock_timestamp(),
        pending = kept
    where s.id = ids[1];
    return ids[1];
end
$$;

-- Makes admissions with an isolation above read committed look again. Their snapshot may be older than the row of a
-- conversation or a request, but they lock the switch's row for everywhere, and fail if that has changed since.
create or replace function moltbot_audit.touch_switch(switch text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    update moltbot_audit.audit_switches s
    set engaged = s.engaged
    where s.id in (
        select x.id
        from moltbot_audit.audit_switches x
        where x.switch = touch_switch.switch and x.scope = 'everywhere'
        for update skip locked
    );
exception when serialization_failure then
    -- Somebody else has changed it.
    null;
end
$$;

-- Engages a switch first, and then tries to append the event. Runs with the settings of `set_switch`.
create or replace function moltbot_audit.engage_switch(
    event moltbot_audit.sealed_event, state moltbot_audit.switch_state
)
returns moltbot_audit.flip
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    answer moltbot_audit.flip;
    placed moltbot_audit.place;
    put_id uuid;
    sessions integer[];
begin
    begin
        perform set_config('lock_timeout', '100ms', true);
        answer := moltbot_audit.flipped_before(event);
        if answer.seq is not null then
            return answer;
        end if;
    exception
    when unique_violation then
        raise;
    when others then
        -- The event cannot be looked up now. To engage a switch twice does no harm.
        null;
    end;

    begin
        perform set_config('lock_timeout', '2s', true);
        lock table only moltbot_audit.audit_switches in row exclusive mode;
        if exists (
            select from moltbot_audit.audit_switches s, jsonb_array_elements(s.pending) as e
            where (e ->> 'id')::uuid = event.id
        ) then
            answer.was_known := true;
            return answer;
        end if;
        answer.may_admit := moltbot_audit.close_gate();
    exception when lock_not_available then
        sessions := coalesce(
            moltbot_audit.sessions_holding('^audit_switches$'), moltbot_audit.sessions_at_gate()
        );
        raise exception
            'switch % is NOT SET: the switches are held by %. Until that ends, nothing that has a switch is '
            'admitted; end it, and engage the switch again',
            state.switch, coalesce(moltbot_audit.named(sessions), 'another session')
            using errcode = 'lock_not_available';
    end;
    answer.was_known := exists (
        select from moltbot_audit.audit_switches s where s.switch = state.switch
    );
    if state.until <= clock_timestamp() then
        raise exception 'the time limit % has passed already: give a time that is to come', state.until
            using errcode = 'invalid_parameter_value';
    end if;
    put_id := moltbot_audit.put_switch(state, event.id);
    if state.scope <> 'everywhere' then
        perform moltbot_audit.touch_switch(state.switch);
    end if;
    perform pg_notify('moltbot_audit_switches', state.switch);

    begin
        perform set_config('lock_timeout', '100ms', true);
        lock table only moltbot_audit.audit_events in row exclusive mode;
        perform from moltbot_audit.audit_streams s where s.stream_id = event.stream_id for update;
        if moltbot_audit.append_kept(event.stream_id) then
            placed := moltbot_audit.append_sealed(event);
            answer.seq := placed.seq;
            answer.recorded_at := placed.recorded_at;
            answer.stored_hash := event.event_hash;
            answer.chain_hash := placed.chain_hash;
            return answer;
        end if;
    exception when others then
        -- The switch is engaged, whatever error the trail has.
        answer.why := sqlerrm;
    end;
    update moltbot_audit.audit_switches s
    set pending = coalesce(s.pending, '[]') || to_jsonb(event)
    where s.id = put_id;
    begin
        perform set_config('lock_timeout', '100ms', true);
        answer.held_by := moltbot_audit.sessions_holding_stream(event.stream_id);
    exception when lock_not_available then
        null;
    end;
    return answer;
end
$$;

-- The sessions that have closed the gate and have not committed yet.
create or replace function moltbot_audit.sessions_at_gate()
returns integer[]
language sql
stable
begin atomic
    select array_agg(distinct l.pid order by l.pid)
    from pg_locks l
    where l.locktype = 'advisory' and (l.classid, l.objsubid) = (1836018804, 2)
        and l.database = (select oid from pg_database where datname = current_database())
        and l.granted and l.mode = 'ExclusiveLock' and l.pid <> pg_backend_pid();
end;

-- Resets a switch: appends the events that wait, then its own, and then sets the switch. Runs with the settings of
-- `set_switch`.
create or replace function moltbot_audit.reset_switch(
    event moltbot_audit.sealed_event, state moltbot_audit.switch_state
)
returns moltbot_audit.flip
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    answer moltbot_audit.flip;
    placed moltbot_audit.place;
begin
    begin
        -- In the order of every append: table, stream, switches.
        lock table only moltbot_audit.audit_events in row exclusive mode;
        answer := moltbot_audit.flipped_before(event);
        if answer.seq is not null then
            return answer;
        end if;
        perform from moltbot_audit.audit_streams s where s.stream_id = event.stream_id for update;
        -- Sets all its rows: any other would keep it engaged.
        perform from moltbot_audit.audit_switches s
        where s.switch = state.switch and s.scope = state.scope
        for update;
        answer.was_known := found;
        if not moltbot_audit.append_kept(event.stream_id) then
            raise lock_not_available;
        end if;
    exception when lock_not_available then
        raise exception 'switch % is not reset: another session holds it or the stream of its event; %',
            state.switch, coalesce(
                'end ' || moltbot_audit.named(moltbot_audit.sessions_holding_stream(event.stream_id)),
                'try again'
            )
            using errcode = 'lock_not_available';
    end;
    placed := moltbot_audit.append_sealed(event);
    perform moltbot_audit.put_switch(state, event.id);
    if exists (
        select from moltbot_audit.audit_switches s
        where s.switch = state.switch and s.scope = state.scope and s.engaged
    ) then
        raise exception 'switch % was engaged while it was being reset: look why, and reset it again',
            state.switch using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform pg_notify('moltbot_audit_switches', state.switch);
    answer.seq := placed.seq;
    answer.recorded_at := placed.recorded_at;
    answer.stored_hash := event.event_hash;
    answer.chain_hash := placed.chain_hash;
    return answer;
end
$$;

-- Deletes the rows of an engaged switch: for a name that was mistyped, and for self-tests. The switch stays engaged,
-- as any switch without a row. Returns false if it is not engaged, has an event that waits, or does not exist.
create or replace function moltbot_audit.forget_switch(switch text)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
    -- In a conversation or a request it would be on without its row.
    delete from moltbot_audit.audit_switches s
    where s.switch = forget_switch.switch and s.scope = 'everywhere' and s.engaged and s.pending is null;
    return found;
end
$$;

-- Ends a stop whose time limit has passed, and appends the event that says so. It was over before: admissions look
-- at the limit themselves. Returns no row if the switch is not engaged there, or not over.
create or replace function moltbot_audit.lapse_switch(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea, switch text
)
returns table (seq bigint, recorded_at timestamptz, stored_hash bytea, chain_hash bytea)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
#variable_conflict use_column
<<lapsed>>
declare
    scope constant text := moltbot_audit.scope_of(lapse_switch.request_id, lapse_switch.conversation_id);
    said constant jsonb := lapse_switch.input::jsonb;
    is_over boolean;
begin
    -- Same rule as `check_lapse` in the library.
    if (
        lapse_switch.event_type, lapse_switch.actor, lapse_switch.outcome, lapse_switch.stream_id,
        said ->> 'switch', said ->> 'scope'
    ) is distinct from (
        'switch.lapsed', 'system', 'succeeded',
        moltbot_audit.stream_of(lapse_switch.request_id, lapse_switch.conversation_id),
        lapse_switch.switch, split_part(scope, ':', 1)
    ) or scope = 'everywhere' then
        raise exception 'the event of a lapse says another one' using errcode = 'check_violation';
    end if;
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- The same call again, after its answer was lost.
    return query
        select a.seq, a.recorded_at, a.event_hash::bytea, a.chain_hash::bytea
        from moltbot_audit.audit_events a
        where a.id = lapse_switch.id and a.created_at = moltbot_audit.time_of_id(lapse_switch.id);
    if found then
        return;
    end if;
    perform from moltbot_audit.audit_streams s where s.stream_id = lapse_switch.stream_id for update;
    perform from moltbot_audit.audit_switches s
    where s.switch = lapse_switch.switch and s.scope = lapsed.scope
    for update;
    select bool_and(coalesce(s.until <= clock_timestamp(), false)) into is_over
    from moltbot_audit.audit_switches s
    where s.switch = lapse_switch.switch and s.scope = lapsed.scope and s.engaged;
    if is_over is not true then
        return;
    end if;
    if not moltbot_audit.append_kept(lapse_switch.stream_id) then
        raise exception 'another transaction holds a switch whose event waits'
            using errcode = 'lock_not_available';
    end if;
    delete from moltbot_audit.audit_switches s
    where s.switch = lapse_switch.switch and s.scope = lapsed.scope;
    return query
        select p.seq, p.recorded_at, lapse_switch.event_hash, p.chain_hash
        from moltbot_audit.append_one(
            lapse_switch.id, lapse_switch.stream_id, lapse_switch.request_id,
            lapse_switch.conversation_id, lapse_switch.event_type, lapse_switch.actor,
            lapse_switch.outcome, lapse_switch.error_code, lapse_switch.duration_ms,
            lapse_switch.created_at, lapse_switch.trace_id, lapse_switch.span_id,
            lapse_switch.caused_by, lapse_switch.writer_id, lapse_switch.input, lapse_switch.output,
            lapse_switch.idempotency_key, lapse_switch.host_ids, lapse_switch.salt,
            lapse_switch.input_commitment, lapse_switch.output_commitment,
            lapse_switch.key_commitment, lapse_switch.host_ids_commitment, lapse_switch.event_hash
        ) as p;
    perform pg_notify('moltbot_audit_switches', lapse_switch.switch);
end
$$;

revoke all on all tables in schema moltbot_audit from public;
revoke all on all functions in schema moltbot_audit from public;

insert into moltbot_audit.schema_migrations (version, name)
values ('0004', 'moltbot_audit_admission')
-- If the file was applied again, its text may have changed: the library takes the checksum anew.
on conflict (version) do update set checksum = null;
