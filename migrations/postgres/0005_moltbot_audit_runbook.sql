-- Functions for an operator's SQL shell: kill switches, ceilings and pruning, each with the same sealed event that the
-- library would write.
--
-- Events are sealed here by the library's format, for the one shape that an operator's events have: an object of texts,
-- numbers, and objects of such. ARCHITECTURE.md and `src/proof` describe the format.

-- Apply the file in one transaction. Two sessions that apply it at once would deadlock or fail, so each takes
-- this lock, as the library does; Postgres releases it at the end of the transaction.
select pg_advisory_xact_lock(7885640719656117364);

-- HMAC-SHA-256 (RFC 2104) with a key of at most 64 bytes. Written out because pgcrypto may be missing.
create or replace function moltbot_audit.hmac_sha256(key bytea, message bytea)
returns bytea
language plpgsql
immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
    padded bytea := key || decode(repeat('00', 64 - octet_length(key)), 'hex');
    inner_key bytea := padded;
    outer_key bytea := padded;
begin
    for at in 0 .. 63 loop
        inner_key := set_byte(inner_key, at, get_byte(padded, at) # 54);
        outer_key := set_byte(outer_key, at, get_byte(padded, at) # 92);
    end loop;
    return sha256(outer_key || sha256(inner_key || message));
end
$$;

-- The salt at a JSON pointer: of a part under the event's salt, of a leaf under its part's.
create or replace function moltbot_audit.salt_at(salt bytea, pointer text)
returns bytea
language sql
immutable parallel safe
return substr(moltbot_audit.hmac_sha256(salt, convert_to(pointer, 'UTF8')), 1, 16);

-- The digest of a member of an object. Its kind is `s` for a scalar, `o` for an object.
create or replace function moltbot_audit.member_digest(kind bytea, name text, digest bytea)
returns bytea
language sql
immutable parallel safe
return sha256(
    'moltbot-audit/v1/member\000'::bytea || kind
    || int8send(octet_length(name)) || convert_to(name, 'UTF8') || digest
);

-- The digest of a value at a JSON pointer: a text, a number, or an object of such values, with a member at least.
create or replace function moltbot_audit.digest_of(value jsonb, pointer text, part_salt bytea)
returns bytea
language plpgsql
immutable parallel safe
set search_path = pg_catalog, pg_temp
-- Because the literals below contain backslashes.
set standard_conforming_strings = on
as $$
begin
    if jsonb_typeof(value) <> 'object' then
        return sha256(
            'moltbot-audit/v1/leaf\000'::bytea || moltbot_audit.salt_at(part_salt, pointer)
            || convert_to(value::text, 'UTF8')
        );
    end if;
    return (
        select sha256(
            'moltbot-audit/v1/object\000'::bytea || int8send(count(*))
            || string_agg(m.digest, ''::bytea order by m.digest)
        )
        from (
            select moltbot_audit.member_digest(
                case jsonb_typeof(e.value) when 'object' then 'o'::bytea else 's'::bytea end, e.key,
                moltbot_audit.digest_of(e.value, pointer || '/' || e.key, part_salt)
            ) as digest
            from jsonb_each(value) as e
        ) as m
    );
end
$$;

-- The commitment to an input.
create or replace function moltbot_audit.commit_input(input jsonb, salt bytea)
returns bytea
language sql
stable parallel safe
return moltbot_audit.member_digest(
    'o', 'input',
    moltbot_audit.digest_of(input, '/input', moltbot_audit.salt_at(salt, '/input'))
);

-- 16 random bytes, hashed from the 244 random bits of two UUIDs.
create or replace function moltbot_audit.random_salt()
returns bytea
language sql
volatile
return substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16);

-- An event's id: a UUIDv7 that carries a time to the microsecond. Its random bits are those of a hash: of the
-- commitment to what the event says, so that what names the event proves that too. Same rule as `EventId::of_hash`.
create or replace function moltbot_audit.event_id(created_at timestamptz, hash bytea)
returns uuid
language sql
immutable parallel safe
return (
    select encode(
        substr(int8send((us / 1000 << 16) | (7 << 12) | (us % 1000 * 4096 / 1000)), 1, 8)
        || set_byte(substr(hash, 1, 8), 0, get_byte(hash, 0) & 63 | 128),
        'hex'
    )::uuid
    from (select (extract(epoch from created_at) * 1000000)::bigint as us) as t
);

-- A sealed event of an operator, in the stream of a request, of a conversation, or else of the system. Its input is an
-- object of texts, numbers, and objects of such.
create or replace function moltbot_audit.sealed_of_operator(
    event_type text, input jsonb, request_id uuid default null, conversation_id uuid default null
)
returns moltbot_audit.sealed_event
language plpgsql
set search_path = pg_catalog, pg_temp
-- Because the literals below contain backslashes.
set standard_conforming_strings = on
as $$
#variable_conflict use_variable
declare
    event moltbot_audit.sealed_event;
    nothing constant bytea := sha256('moltbot-audit/v1/nothing\000'::bytea);
    header bytea;
begin
    event.created_at := clock_timestamp();
    event.request_id := request_id;
    event.conversation_id := conversation_id;
    event.stream_id := moltbot_audit.stream_of(request_id, conversation_id);
    event.event_type := event_type;
    event.actor := 'admin';
    event.outcome := 'succeeded';
    event.input := input;
    event.salt := moltbot_audit.random_salt();
    event.input_commitment := moltbot_audit.commit_input(input, event.salt);
    event.id := moltbot_audit.event_id(event.created_at, event.input_commitment);
    event.output_commitment := nothing;
    event.key_commitment := nothing;
    event.host_ids_commitment := nothing;
    header := convert_to(
        format(
            '{"actor":"admin","caused_by":null,"conversation_id":%s,"created_at_us":%s,'
            '"duration_ms":null,"error_code":null,"event_type":"%s","id":"%s","outcome":"succeeded",'
            '"request_id":%s,"span_id":null,"stream_id":"%s","trace_id":null,"version":1,'
            '"writer_id":null}',
            coalesce('"' || conversation_id || '"', 'null'),
            (extract(epoch from event.created_at) * 1000000)::bigint, event_type, event.id,
            coalesce('"' || request_id || '"', 'null'), event.stream_id
        ),
        'UTF8'
    );
    event.event_hash := sha256(
        'moltbot-audit/v1/event\000'::bytea || int8send(octet_length(header)) || header
        || event.input_commitment || event.output_commitment || event.key_commitment
        || event.host_ids_commitment
    );
    return event;
end
$$;

-- Appends an operator's event in the transaction of the change that it reports.
create or replace function moltbot_audit.append_of_operator(event_type text, input jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform moltbot_audit.append_sealed(moltbot_audit.sealed_of_operator(event_type, input));
end
$$;

-- An e-mail address as the library masks it: `a***@***.rw`.
create or replace function moltbot_audit.masked_email(email text)
returns text
language sql
immutable parallel safe
return coalesce(substring(email from '^[[:alpha:]]'), '') || '***@***.'
    || coalesce(substring(email from '\.([[:alpha:]]{1,10})$'), '***');

-- Who calls, as far as the database knows: the login of the session (`session`) or, behind an API gateway, the subject
-- of the token that the gateway verified (`jwt`). What the caller typed stands beside it, as `claimed`.
--
-- Any session can set `request.jwt.claims`. So the claims count only if the session logged in as the gateway, and has
-- taken the role that they name. PostgREST, and so Supabase, logs in as `authenticator`. Whoever has the password of
-- that login can say anything here, and so can a superuser.
create or replace function moltbot_audit.identity_of_caller(claimed text)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    claims jsonb;
    identity jsonb := jsonb_build_object('how', 'session', 'who', session_user);
    subject text;
begin
    if session_user = 'authenticator' then
        begin
            claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
        exception when others then
            -- No JSON, so no claims. Whoever stops the AI is not kept from it.
            null;
        end;
    end if;
    if claims ->> 'role' = nullif(current_setting('role'), 'none') then
        identity := identity || jsonb_build_object('role', claims -> 'role');
        subject := claims ->> 'sub';
        if subject ~ '\S' and length(subject) <= 255 then
            identity := identity || jsonb_build_object(
                'how', 'jwt', 'session_user', session_user,
                'who', case when subject ~ '@' then moltbot_audit.masked_email(subject) else subject end
            );
        end if;
        if claims ->> 'email' ~ '@' then
            identity := identity
                || jsonb_build_object('email', moltbot_audit.masked_email(claims ->> 'email'));
        end if;
    end if;
    return identity || jsonb_build_object('claimed', claimed);
end
$$;

-- Raises an error if an operator does not say who acts, and why.
create or replace function moltbot_audit.check_who_and_why(changed_by text, reason text)
returns void
language plpgsql
immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
    if coalesce(changed_by, '') !~ '\S' or coalesce(reason, '') !~ '\S' then
        raise exception 'say who, and why: neither may be empty'
            using errcode = 'invalid_parameter_value';
    end if;
    if length(changed_by) > 1000 or length(reason) > 10000 then
        raise exception '"who" may have at most 1000 characters, and "why" 10000'
            using errcode = 'invalid_parameter_value';
    end if;
end
$$;

-- Sets a switch as `set_switch` does, with an event that is sealed here and says what the database knows of the caller.
create or replace function moltbot_audit.flip(
    switch text, engaged boolean, changed_by text, reason text, request_id uuid default null,
    conversation_id uuid default null, until timestamptz default null
)
returns moltbot_audit.flip
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    event moltbot_audit.sealed_event;
    state moltbot_audit.switch_state;
begin
    if not coalesce(moltbot_audit.is_name(switch), false) then
        raise exception 'the switch is %, expected ai, ocr, calling, or a name of the host''s',
            coalesce(switch, 'null') using errcode = 'invalid_parameter_value';
    end if;
    perform moltbot_audit.check_who_and_why(changed_by, reason);
    if until is not null and (until > clock_timestamp() and until < timestamptz '9999-12-31') is not true then
        raise exception 'the time limit is %, expected a time that is to come', until
            using errcode = 'invalid_parameter_value';
    end if;
    state := (
        switch, engaged, moltbot_audit.identity_of_caller(changed_by), reason, clock_timestamp(),
        moltbot_audit.scope_of(request_id, conversation_id), until
    );
    event := moltbot_audit.sealed_of_operator(
        case when engaged then 'switch.engaged' else 'switch.reset' end,
        jsonb_strip_nulls(jsonb_build_object(
            'by', state.changed_by, 'reason', reason, 'switch', switch,
            'scope', nullif(split_part(state.scope, ':', 1), 'everywhere'),
            'until', to_char(until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        )),
        request_id, conversation_id
    );
    -- Events that wait are ordered by it.
    event.recorded_at := state.changed_at;
    if engaged then
        return moltbot_audit.engage_switch(event, state);
    end if;
    return moltbot_audit.reset_switch(event, state);
end
$$;

-- Whether the call of one of the functions below is all that its transaction does, so that it is committed when it has
-- returned. False if that is unknown.
create or replace function moltbot_audit.commits_with_its_call()
returns boolean
language sql
volatile
-- The call must be the whole statement: inside a function or `do`, or beside another statement, a later failure rolls
-- it back. A text with a backslash does not match, because it may end earlier than the pattern assumes.
return current_query() ~* (
        '^\s*select\s+moltbot_audit\.(engage|release|reset|takeover)\s*\('
        '(\s*([a-z_]+\s*=>\s*)?'
        '(''([^''\\]|'''')*''|\$[0-9]|null|now\(\)\s*\+\s*interval\s*''[^''\\]*'')(::[a-z]+)?'
        '\s*(,|\)\s*;?\s*$)){3,5}$'
    )
    -- Nothing came before it: the transaction began with this message or, in the extended protocol, with the
    -- portal that runs it.
    and (
        transaction_timestamp() = statement_timestamp()
        or exists (
            select from pg_cursors c
            where c.name = '' and c.statement = current_query()
                and c.creation_time = transaction_timestamp()
        )
    );

-- The text about a flip for the operator. It does not claim anything that may still be rolled back.
create or replace function moltbot_audit.told_of(
    switch text, place text, state text, hint text, flip moltbot_audit.flip, is_committed boolean
)
returns text
language sql
immutable parallel safe
begin atomic
    select case
        when is_committed then format('%s%s is %s', switch, place, state)
        else format(
            '%s%s takes effect at commit: it will be %s when this transaction commits, and stays as it was if '
            'that is rolled back', switch, place, state
        )
    end || case
        when (flip).was_known or switch in ('ai', 'calling', 'ocr') then ''
        -- The name may be mistyped.
        else ', BUT WAS NEVER SET BEFORE: the switches of the library are ai, ocr and calling'
    end || hint || case
        when (flip).may_admit is null then ''
        else format(
            '; BUT admissions that began before hang, and each may still let one effect run: end %s',
            moltbot_audit.named((flip).may_admit)
        )
    end || case
        when (flip).seq is not null then ''
        else format(
            '; its event is pending, because %s. It is appended soon after that is over, or by '
            'select moltbot_audit.append_pending_flips()',
            coalesce(
                moltbot_audit.named((flip).held_by) || ' holds the stream', (flip).why,
                'another session holds the stream'
            )
        )
    end;
end;

-- Flips a switch for an operator who calls one of the functions below, and tells of it. The nil UUID stands for no request and no conversation; null is
-- an id that was not found, and must not mean everywhere.
create or replace function moltbot_audit.flip_and_tell(
    switch text, engaged boolean, changed_by text, reason text, request_id uuid, conversation_id uuid,
    until timestamptz
)
returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    nil constant uuid := '00000000-0000-0000-0000-000000000000';
    is_committed constant boolean := moltbot_audit.commits_with_its_call();
    flipped moltbot_audit.flip;
    hint text := '';
begin
    if request_id is null or conversation_id is null then
        raise exception 'the id of the request or the conversation is null: say which'
            using errcode = 'invalid_parameter_value';
    end if;
    if request_id <> nil and conversation_id <> nil then
        raise exception 'say a request or a conversation, not both: one flip has one scope'
            using errcode = 'invalid_parameter_value';
    end if;
    flipped := moltbot_audit.flip(
        switch, engaged, changed_by, reason, nullif(request_id, nil), nullif(conversation_id, nil), until
    );
    if not engaged and not flipped.was_known and (request_id <> nil or conversation_id <> nil) then
        hint := ', BUT WAS NOT STOPPED THERE: compare the id with select * from moltbot_audit.audit_switches';
    end if;
    return moltbot_audit.told_of(
        switch,
        case
            when request_id <> nil then format(' in request %s', request_id)
            when conversation_id <> nil then format(' in conversation %s', conversation_id)
            else ''
        end,
        case when engaged then 'off' else 'on' end || coalesce(' until ' || until, ''),
        hint, flipped, is_committed
    );
end
$$;

-- Stops all effects that a switch governs, at once and everywhere:
-- `select moltbot_audit.engage('ai', 'who', 'why')`. With `request_id => '…'` or `conversation_id => '…'`, it stops
-- those of one request or one conversation.
create or replace function moltbot_audit.engage(
    switch text, changed_by text, reason text,
    request_id uuid default '00000000-0000-0000-0000-000000000000',
    conversation_id uuid default '00000000-0000-0000-0000-000000000000'
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return moltbot_audit.flip_and_tell(
        switch, true, changed_by, reason, request_id, conversation_id, null
    );
end
$$;

-- Lets them run again: `select moltbot_audit.reset('ai', 'who', 'why')`, with the same choice of a request or a
-- conversation.
create or replace function moltbot_audit.reset(
    switch text, changed_by text, reason text,
    request_id uuid default '00000000-0000-0000-0000-000000000000',
    conversation_id uuid default '00000000-0000-0000-0000-000000000000'
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return moltbot_audit.flip_and_tell(
        switch, false, changed_by, reason, request_id, conversation_id, null
    );
end
$$;

-- Takes a conversation over: a human answers there, and no effect of the AI runs.
-- `select moltbot_audit.takeover('…', 'who answers', 'why', now() + interval '1 hour')`; without the time, until it
-- is given back.
create or replace function moltbot_audit.takeover(
    conversation_id uuid, changed_by text, reason text, until timestamptz default null
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return moltbot_audit.flip_and_tell(
        'ai', true, changed_by, reason, '00000000-0000-0000-0000-000000000000',
        nullif(conversation_id, '00000000-0000-0000-0000-000000000000'), until
    );
end
$$;

-- Gives it back to the AI: `select moltbot_audit.release('…', 'who', 'why')`.
create or replace function moltbot_audit.release(conversation_id uuid, changed_by text, reason text)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return moltbot_audit.flip_and_tell(
        'ai', false, changed_by, reason, '00000000-0000-0000-0000-000000000000',
        nullif(conversation_id, '00000000-0000-0000-0000-000000000000'), null
    );
end
$$;

-- Sets a ceiling on the limits that hosts pass, or removes it if it is null, and records that:
-- `select moltbot_audit.set_limit('moltbot_calls', 'request', 8, 'who', 'why')`. For times, the budget is
-- `elapsed_ms` of a request, or `lifetime_ms` of a consent.
create or replace function moltbot_audit.set_limit(
    budget text, period text, most bigint, changed_by text, reason text
)
returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
#variable_conflict use_variable
declare
    before bigint;
    identity jsonb := moltbot_audit.identity_of_caller(changed_by);
begin
    if moltbot_audit.is_name(budget) is not true
        or (period in ('day', 'request') or period = 'consent' and budget = 'lifetime_ms') is not true
        or most not between 0 and 9007199254740991
    then
        raise exception 'a ceiling is of a budget for a day or a request, of elapsed_ms for a request, or of '
            'lifetime_ms for a consent, and not negative' using errcode = 'invalid_parameter_value';
    end if;
    perform moltbot_audit.check_who_and_why(changed_by, reason);
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- The stream first, as everywhere, so that events and ceilings have the same order.
    perform moltbot_audit.lock_stream(moltbot_audit.stream_of(null));
    delete from moltbot_audit.audit_limits l
    where l.budget = set_limit.budget and l.period = set_limit.period
    returning l.most into before;
    if most is not null then
        insert into moltbot_audit.audit_limits (budget, period, most, changed_by, reason, changed_at)
        values (budget, period, most, identity, reason, clock_timestamp());
    end if;
    perform moltbot_audit.append_of_operator('audit.limit_set', jsonb_build_object(
        'budget', budget, 'by', identity, 'most', most, 'most_before', before, 'period', period,
        'reason', reason
    ));
    return format('the limit of %s a %s is at most %s', budget, period, coalesce(most::text, 'what a host passes'));
end
$$;

-- Removes the entries of effects that have ended and were admitted longer than `keep` ago, together with what their
-- requests used of budgets, and records that. Each call removes at most 500 effects and returns how many: repeat it
-- until it returns 0. `select moltbot_audit.prune_effects('90 days', 'who', 'why')`.
--
-- Without its entry an effect's idempotency key is free again, so `keep` has to exceed the time within which a retry
-- may come. A request with an event within `keep` loses nothing: its budgets hold, and its keys are answered. Effects
-- that are running or in doubt stay until they are resolved. No event is touched.
create or replace function moltbot_audit.prune_effects(keep interval, pruned_by text, reason text)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
#variable_conflict use_variable
declare
    kept_from timestamptz := clock_timestamp() - keep;
    -- An effect's id begins with its time, so ids are in the order of time.
    ids_below uuid := (
        lpad(to_hex((extract(epoch from kept_from) * 1000)::bigint), 12, '0') || repeat('0', 20)
    )::uuid;
    picked uuid[];
    streams uuid[];
    requests uuid[];
    effects integer;
    budgets integer;
begin
    if (keep >= interval '7 days' and kept_from > timestamptz '2000-01-01') is not true then
        raise exception 'effects are kept for at least 7 days: providers redeliver webhooks for that long'
            using errcode = 'invalid_parameter_value';
    end if;
    perform moltbot_audit.check_who_and_why(pruned_by, reason);
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- Streams before effects, as everywhere.
    perform moltbot_audit.lock_stream(moltbot_audit.stream_of(null));
    select array_agg(o.effect_id), array_agg(o.stream_id) into picked, streams
    from (
        select x.effect_id, moltbot_audit.stream_of(x.request_id, x.conversation_id) as stream_id
        from moltbot_audit.audit_effects x
        where x.effect_id < ids_below and x.admitted_at < kept_from
            -- An outcome without an intent is not in doubt.
            and (x.state in ('done', 'failed', 'voided') or x.intent_id is null)
            and (
                x.request_id is null
                or (
                    select s.last_at from moltbot_audit.audit_streams s
                    where s.stream_id = moltbot_audit.stream_of(x.request_id)
                ) < kept_from
            )
        order by x.effect_id
        limit 500
    ) as o;
    -- A transaction that admits or settles an effect holds its stream. Streams that are held now are left for the
    -- next call.
    select array_agg(s.stream_id) into streams
    from (
        select s.stream_id
        from moltbot_audit.audit_streams s
        where s.stream_id = any (streams)
        order by s.stream_id
        for update skip locked
    ) as s;
    with gone as (
        delete from moltbot_audit.audit_effects x
        where x.effect_id = any (picked)
            and (x.state in ('done', 'failed', 'voided') or x.intent_id is null)
            and exists (
                select from moltbot_audit.audit_streams s
                where s.stream_id = moltbot_audit.stream_of(x.request_id, x.conversation_id)
                    and s.stream_id = any (streams)
                    and (x.request_id is null or s.last_at < kept_from)
            )
        returning x.request_id
    )
    select count(*), array_agg(distinct g.request_id) into effects, requests from gone g;
    -- The amounts that an effect in doubt holds are needed until it is resolved.
    delete from moltbot_audit.audit_budgets b
    where b.request_id = any (requests) and not exists (
        select from moltbot_audit.audit_effects x
        where x.request_id = b.request_id and x.state in ('running', 'in_doubt') and x.intent_id is not null
    );
    get diagnostics budgets = row_count;
    if effects > 0 then
        perform moltbot_audit.append_of_operator('audit.effects_pruned', jsonb_build_object(
            'admitted_before', to_char(kept_from at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'budgets', budgets, 'by', moltbot_audit.identity_of_caller(pruned_by), 'effects', effects,
            'reason', reason
        ));
    else
        perform moltbot_audit.unlock_streams(array[moltbot_audit.stream_of(null)]);
    end if;
    return effects;
end
$$;

revoke all on all functions in schema moltbot_audit from public;

insert into moltbot_audit.schema_migrations (version, name)
values ('0005', 'moltbot_audit_runbook')
-- If the file was applied again, its text may have changed: the library takes the checksum anew.
on conflict (version) do update set checksum = null;
