-- The audit trail: sealed events, chained by stream.
--
-- The library and the Supabase CLI may both apply this file, in either order: every statement is
-- idempotent, and the last one registers the file. Nothing here refers to the host's tables: if the host
-- deletes a conversation, its audit trail stays.
--
-- All names are qualified. A function whose body is a text sets `search_path = pg_catalog, pg_temp`, and not the
-- empty path: if pg_temp is not named, Postgres searches it first for types and tables, and a caller could
-- replace jsonb by a type of their own inside a function that runs with its owner's rights. The functions on
-- the hot path of an append set no path, because that costs each call. No role may call them, and they run
-- under the path of their callers. A body after `return` or `begin atomic` is resolved when the function is
-- created.

-- Apply the file in one transaction. Two sessions that apply it at once would deadlock or fail, so each takes
-- this lock, as the library does; Postgres releases it at the end of the transaction.
select pg_advisory_xact_lock(7885640719656117364);

create schema if not exists moltbot_audit;

-- The migration files that were applied, by the library or by others.
create table if not exists moltbot_audit.schema_migrations (
    -- the file's number
    version text primary key,
    -- the file's name without its number
    name text not null,
    -- when it was first applied
    applied_at timestamptz not null default clock_timestamp(),
    -- SHA-256 of the file, as the library applied it or found it applied; null until then
    checksum bytea
);

-- The checks belong to types and not to tables: Postgres parses a table's checks at every statement, and
-- keeps those of a type.
do $$
begin
    if to_regtype('moltbot_audit.digest') is null then
        -- SHA-256
        create domain moltbot_audit.digest as bytea
            constraint digest_check check (octet_length(value) = 32);
    end if;
    if to_regtype('moltbot_audit.salt') is null then
        create domain moltbot_audit.salt as bytea
            constraint salt_check check (octet_length(value) = 16);
    end if;
    if to_regtype('moltbot_audit.actor') is null then
        -- who acts
        create domain moltbot_audit.actor as text constraint actor_check
            check (value in ('admin', 'client', 'moltbot', 'system', 'vendor'));
    end if;
    if to_regtype('moltbot_audit.outcome') is null then
        -- how what an event reports ended
        create domain moltbot_audit.outcome as text constraint outcome_check
            check (value in ('cancelled', 'failed', 'panicked', 'refused', 'succeeded'));
    end if;
    if to_regtype('moltbot_audit.event_type') is null then
        -- what happened, by the rules of `EventType`. A regular expression costs a twentieth of what its row
        -- costs, so the usual types are compared first, and a type without digits needs only one expression.
        -- The list has eight types: a longer one would be hashed at each statement.
        create domain moltbot_audit.event_type as text constraint event_type_check check (
            value in (
                'effect.admitted', 'moltbot.called', 'ocr.job_done', 'request.state_changed',
                'vendor.outreach_sent', 'vendor.reply_recorded', 'whatsapp.inbound_received',
                'whatsapp.outbound_sent'
            )
            or octet_length(value) <= 64 and (
                value ~ '^[a-z][a-z_]*(\.[a-z][a-z_]*){1,2}$'
                or (
                    value ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$'
                    and value !~ '([0-9].*){5}'
                )
            )
        );
    end if;
    if to_regtype('moltbot_audit.error_code') is null then
        -- why something did not succeed
        create domain moltbot_audit.error_code as text
            constraint error_code_check check (value ~ '^[a-z_]+$' and octet_length(value) <= 40);
    end if;
    if to_regtype('moltbot_audit.trace_id') is null then
        -- hex; a regular expression with a count of 32 takes ten times as long
        create domain moltbot_audit.trace_id as text constraint trace_id_check
            check (octet_length(value) = 32 and octet_length(decode(value, 'hex')) = 16);
    end if;
    if to_regtype('moltbot_audit.span_id') is null then
        create domain moltbot_audit.span_id as text constraint span_id_check
            check (octet_length(value) = 16 and octet_length(decode(value, 'hex')) = 8);
    end if;
    if to_regtype('moltbot_audit.duration_ms') is null then
        create domain moltbot_audit.duration_ms as integer
            constraint duration_ms_check check (value >= 0);
    end if;
    if to_regtype('moltbot_audit.payload') is null then
        -- the library takes 1 MiB of text, which as jsonb has at most some 8 MiB
        create domain moltbot_audit.payload as jsonb
            constraint payload_check check (pg_column_size(value) <= 16777216);
    end if;
    if to_regtype('moltbot_audit.idempotency_key') is null then
        -- the library takes 512 bytes, and puts hashes in the place of phone numbers
        create domain moltbot_audit.idempotency_key as text
            constraint idempotency_key_check check (octet_length(value) <= 4096);
    end if;
    if to_regtype('moltbot_audit.place') is null then
        -- an event's place in its stream; a type, because Postgres looks up OUT parameters at every call
        create type moltbot_audit.place as (seq bigint, recorded_at timestamptz, chain_hash bytea);
    end if;
    if to_regtype('moltbot_audit.locked_stream') is null then
        -- the state of a stream that the caller has locked; of plain types, because a domain is checked at each
        -- assignment
        create type moltbot_audit.locked_stream as (
            seq bigint, head bytea, started_at timestamptz, last_at timestamptz, heard_at timestamptz
        );
    end if;
    if to_regtype('moltbot_audit.places') is null then
        -- the places of a batch's events, in their order; no statuses if all were stored, and no hashes if
        -- the stored hashes are the offered ones
        create type moltbot_audit.places as (
            statuses text[], seqs bigint[], recorded_ats timestamptz[], event_hashes bytea[],
            chain_hashes bytea[]
        );
    end if;
end
$$;

-- One row an event, never changed. Partitioned by month of the host's time.
create table if not exists moltbot_audit.audit_events (
    -- UUIDv7 that carries created_at to the microsecond
    id uuid not null,
    -- the request it belongs to
    request_id uuid,
    -- the conversation it belongs to
    conversation_id uuid,
    -- what happened, as domain.action
    event_type moltbot_audit.event_type not null,
    -- who acted
    actor moltbot_audit.actor not null,
    -- what went in
    input moltbot_audit.payload,
    -- what came out
    output moltbot_audit.payload,
    -- the host's dedup token
    idempotency_key moltbot_audit.idempotency_key,
    -- how long it took, in milliseconds
    duration_ms moltbot_audit.duration_ms,
    -- the host's time
    created_at timestamptz not null,
    -- the sequence it is chained in
    stream_id uuid not null,
    -- place in the stream, from 1, without gap
    seq bigint not null,
    -- how it ended
    outcome moltbot_audit.outcome not null,
    -- why it did not succeed
    error_code moltbot_audit.error_code,
    -- trace id of W3C Trace Context, 32 hex digits
    trace_id moltbot_audit.trace_id,
    -- span id of W3C Trace Context, 16 hex digits
    span_id moltbot_audit.span_id,
    -- the event that led to this one
    caused_by uuid,
    -- the process that wrote it: the id of its audit.writer_started
    writer_id uuid,
    -- the version of the format in which it was sealed
    format_version smallint not null default 1,
    -- the host's own names for request and conversation, where they were no UUIDs
    host_ids moltbot_audit.payload,
    -- the database's time, read under the stream's lock
    recorded_at timestamptz not null,
    -- keeps the commitments from being guessed: the salts of all parts and leaves are derived from it
    salt moltbot_audit.salt not null,
    -- commitment to input
    input_commitment moltbot_audit.digest not null,
    -- commitment to output
    output_commitment moltbot_audit.digest not null,
    -- commitment to idempotency_key
    key_commitment moltbot_audit.digest not null,
    -- commitment to host_ids
    host_ids_commitment moltbot_audit.digest not null,
    -- hash over header and commitments
    event_hash moltbot_audit.digest not null,
    -- the chain up to here
    chain_hash bytea not null,

    -- An id determines its created_at, so this makes ids unique over all partitions.
    constraint audit_events_pkey primary key (id, created_at)
    -- Each partition also has a unique key over (stream_id, seq), see ensure_partitions.
) partition by range (created_at);

-- For: which requests did a conversation lead to? The unique key serves reading a stream in its order.
create index if not exists audit_events_conversation_idx
    on moltbot_audit.audit_events (conversation_id, created_at)
    where conversation_id is not null;

-- For: what happened, or was recorded, between two times? Rows arrive in about that order, so a BRIN index
-- suffices and costs a write almost nothing. One index serves both times, because each statement has to open
-- every index of its table.
create index if not exists audit_events_times_idx
    on moltbot_audit.audit_events using brin (created_at, recorded_at);

-- For times outside the prepared months: a host's clock may be wrong, and its event is not refused for that.
create table if not exists moltbot_audit.audit_events_default
    partition of moltbot_audit.audit_events default;

-- Streams are read in this order. The key also refuses a place that was given out twice.
create unique index if not exists audit_events_default_one_event_per_place
    on moltbot_audit.audit_events_default (stream_id, seq);

-- One row for each stream: the head of its chain. Whoever appends locks the row.
create table if not exists moltbot_audit.audit_streams (
    -- the stream
    stream_id uuid primary key,
    -- the last place given out
    seq bigint not null,
    -- chain_hash of that place
    head bytea not null,
    -- the database's time of the first event
    started_at timestamptz not null,
    -- the database's time of the last event
    last_at timestamptz not null,
    -- the database's time at which the deployment first heard of it: before started_at if an event of
    -- it waited in a spool
    heard_at timestamptz not null
) with (
    -- Every append updates a row. Free space on its page lets the update leave the index alone.
    fillfactor = 50
);

-- For: which requests began between two times? The time of a stream's first event never changes, so no update
-- touches this index.
create index if not exists audit_streams_started_at_idx
    on moltbot_audit.audit_streams (started_at, stream_id);

-- Whether this table is a partition of the events. A month that was detached for archiving is not.
create or replace function moltbot_audit.is_attached(partition_name text)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
return exists (
    select from pg_inherits i
    where i.inhparent = 'moltbot_audit.audit_events'::regclass
        and i.inhrelid = to_regclass(format('moltbot_audit.%I', partition_name))
);

-- Creates the partition of the month that begins at `lower_bound`, or attaches it again if it was detached, and
-- moves the month's rows out of the default partition. Recording waits while this runs.
create or replace function moltbot_audit.attach_month(lower_bound timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    upper_bound timestamptz := lower_bound + interval '1 month';
    partition_name text := 'audit_events_' || to_char(lower_bound, 'YYYY_MM');
begin
    -- Before it takes any lock that appends would wait for.
    if to_regclass('moltbot_audit.' || partition_name) is null then
        execute format(
            'create table moltbot_audit.%I (like moltbot_audit.audit_events including all)',
            partition_name
        );
        execute format(
            'create unique index %I on moltbot_audit.%I (stream_id, seq)',
            partition_name || '_one_event_per_place', partition_name
        );
        execute format('revoke all on table moltbot_audit.%I from public', partition_name);
    end if;
    -- Keeps appends out until the month's rows have moved. It locks the parent first, as appends do,
    -- and leaves out the other months, because autovacuum may hold locks on those.
    begin
        lock table only moltbot_audit.audit_events in share row exclusive mode;
        lock table only moltbot_audit.audit_events_default in access exclusive mode;
    exception when lock_not_available then
        raise exception 'another transaction holds moltbot_audit.audit_events: % cannot be attached now, try again',
            partition_name using errcode = 'lock_not_available';
    end;
    execute format(
        'with moved as ('
        '    delete from moltbot_audit.audit_events_default'
        '    where created_at >= $1 and created_at < $2'
        '    returning *'
        ') insert into moltbot_audit.%I select * from moved',
        partition_name
    ) using lower_bound, upper_bound;
    execute format(
        'alter table moltbot_audit.audit_events attach partition moltbot_audit.%I '
        'for values from (%L) to (%L)',
        partition_name, lower_bound, upper_bound
    );
end
$$;

-- Creates or attaches the partitions of the months from `starting` on, even if the default partition holds many of
-- their rows. Returns how many. Call it at a quiet hour: to move a million rows takes more than a minute, during
-- which events go to spools only.
create or replace function moltbot_audit.make_partitions(starting timestamptz, months integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- If another transaction holds the table for long, appends must not queue up behind this function.
set lock_timeout = '5s'
as $$
declare
    made integer := 0;
    lower_bound timestamptz;
begin
    -- Two callers at once would create the same partition.
    perform pg_advisory_xact_lock(hashtextextended('moltbot_audit.ensure_partitions', 0));
    for ahead in 0 .. months - 1 loop
        lower_bound := date_trunc('month', starting) + make_interval(months => ahead);
        continue when moltbot_audit.is_attached('audit_events_' || to_char(lower_bound, 'YYYY_MM'));
        perform moltbot_audit.attach_month(lower_bound);
        made := made + 1;
    end loop;
    return made;
end
$$;

-- Whether a month's partition can be created without making recording wait: the default partition, which is locked
-- and searched meanwhile, must be small and hold few rows of that month.
create or replace function moltbot_audit.is_quick_to_attach(lower_bound timestamptz)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    -- Includes what is stored out of line, because that moves too.
    return pg_table_size('moltbot_audit.audit_events_default') <= 16 * 1024 * 1024
        and (
            select count(*) <= 500
            from (
                select from moltbot_audit.audit_events_default d
                where d.created_at >= lower_bound and d.created_at < lower_bound + interval '1 month'
                limit 501
            ) as to_move
        );
end
$$;

-- Creates the partitions of the months from `starting` on, and returns how many. The number of months is bounded,
-- because every export locks each partition. Safe at any time: no append waits for it longer than a moment. It does
-- not attach a month that was detached, and it leaves a month in the default partition if moving its rows would
-- take long. For both, use `make_partitions`.
create or replace function moltbot_audit.ensure_partitions(
    starting timestamptz default now(),
    months integer default 4
)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '5s'
as $$
declare
    made integer := 0;
    lower_bound timestamptz;
begin
    -- Refuses null, too.
    if (
        months between 1 and 25
        and starting >= date_trunc('month', now()) - interval '1 month'
        and starting + make_interval(months => months - 1) <= now() + interval '24 months'
    ) is not true then
        raise exception 'partitions are made from the month before this one to 24 months ahead, not % from %',
            months, starting using errcode = 'invalid_parameter_value';
    end if;
    -- Two callers at once would create the same partition.
    perform pg_advisory_xact_lock(hashtextextended('moltbot_audit.ensure_partitions', 0));
    -- Short, because appends queue up while this function waits for the lock.
    perform set_config('lock_timeout', '50ms', true);
    for ahead in 0 .. months - 1 loop
        lower_bound := date_trunc('month', starting) + make_interval(months => ahead);
        continue when to_regclass('moltbot_audit.audit_events_' || to_char(lower_bound, 'YYYY_MM')) is not null
            or not moltbot_audit.is_quick_to_attach(lower_bound);
        perform moltbot_audit.attach_month(lower_bound);
        made := made + 1;
    end loop;
    return made;
end
$$;

-- The stream of an event with these ids: a UUIDv8 from the first 122 bits of a hash of the kind and the id. With
-- the kind in the hash, streams of two kinds never have the same id.
create or replace function moltbot_audit.stream_of(request_id uuid, conversation_id uuid default null)
returns uuid
language sql
immutable parallel safe
return (
    select encode(
        set_byte(set_byte(bytes, 6, get_byte(bytes, 6) & 15 | 128), 8, get_byte(bytes, 8) & 63 | 128), 'hex'
    )::uuid
    from substr(
        sha256(
            case
                when request_id is not null
                then 'moltbot-audit/v1/request-stream\000'::bytea || uuid_send(request_id)
                when conversation_id is not null
                then 'moltbot-audit/v1/conversation-stream\000'::bytea || uuid_send(conversation_id)
                else 'moltbot-audit/v1/system-stream\000'::bytea
            end
        ),
        1, 16
    ) as bytes
);

-- chain(0): what the first event of a stream is chained to.
create or replace function moltbot_audit.stream_start(stream_id uuid)
returns bytea
language sql
immutable parallel safe
return sha256('moltbot-audit/v1/stream\000'::bytea || uuid_send(stream_id));

-- A time as the chain hashes it: microseconds since 1970, eight bytes, big-endian.
create or replace function moltbot_audit.chain_time(recorded_at timestamptz)
returns bytea
language sql
-- Stable, as `extract` is: Postgres does not inline a function that is marked stricter than its body, or a
-- strict one.
stable parallel safe
return int8send((extract(epoch from recorded_at) * 1000000)::bigint);

-- chain(n): the hash of the chain so far, the event's hash, its place and its time.
create or replace function moltbot_audit.chain_hash(
    previous bytea, event_hash bytea, seq bigint, chain_time bytea
)
returns bytea
language sql
immutable parallel safe
return sha256(
    'moltbot-audit/v1/chain\000'::bytea || previous || event_hash || int8send(seq) || chain_time
);

-- Appends a batch whose ids are all new, and fails with a unique violation if one is not. Runs with the settings
-- of `append_batch`, its only caller.
create or replace function moltbot_audit.append_new(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[]
)
returns moltbot_audit.places
language plpgsql
as $$
#variable_conflict use_column
declare
    -- As long as the batch. The loop below sets each element, in another order.
    seqs bigint[] := array_fill(0::bigint, array[cardinality(ids)]);
    recorded_ats timestamptz[] := created_ats;
    chain_hashes bytea[] := event_hashes;
    locked record;
    at integer;
    place bigint;
    recorded_at timestamptz;
    chain bytea;
    chain_time bytea;
    locked_ids uuid[];
    heads bytea[];
    last_ats timestamptz[];
    unsure_ids uuid[];
    unsure_seqs bigint[];
begin
    if event_types && array[
        'call.consent_requested', 'call.consent_granted', 'call.consent_denied', 'call.consent_expired'
    ] then
        perform moltbot_audit.check_consents(event_types, inputs);
    end if;
    -- Locks the streams in the order of their ids, so that two batches cannot deadlock, and gives out
    -- the places in the same statement. The last statement sets head and time; the row becomes
    -- visible only at the commit.
    for locked in
        with counted as materialized (
            select
                stream_id,
                count(*) as events,
                array_agg(position::integer order by position) as positions
            from unnest(stream_ids) with ordinality as b (stream_id, position)
            group by stream_id
        ), locked as (
            insert into moltbot_audit.audit_streams as s (
                stream_id, seq, head, started_at, last_at, heard_at
            )
            select
                c.stream_id, c.events, moltbot_audit.stream_start(c.stream_id), t.now, t.now, t.now
            from counted c, lateral (select clock_timestamp() as now offset 0) t
            order by c.stream_id
            on conflict (stream_id) do update
                set seq = s.seq + excluded.seq
            returning s.stream_id, s.seq, s.head, s.last_at
        )
        select l.stream_id, l.seq - c.events as seq, l.head, l.last_at, c.positions
        from locked l join counted c on c.stream_id = l.stream_id
    loop
        place := locked.seq;
        if place = 0 or moltbot_audit.is_of_past_month(locked.last_at) then
            unsure_ids := unsure_ids || locked.stream_id;
            unsure_seqs := unsure_seqs || place;
        end if;
        -- As in `append_at`.
        recorded_at := case place
            when 0 then locked.last_at else greatest(clock_timestamp(), locked.last_at)
        end;
        chain := locked.head;
        chain_time := moltbot_audit.chain_time(recorded_at);
        -- A window function would take twice as long.
        foreach at in array locked.positions loop
            place := place + 1;
            chain := moltbot_audit.chain_hash(chain, event_hashes[at], place, chain_time);
            seqs[at] := place;
            recorded_ats[at] := recorded_at;
            chain_hashes[at] := chain;
        end loop;
        locked_ids := locked_ids || locked.stream_id;
        heads := heads || chain;
        last_ats := last_ats || recorded_at;
    end loop;
    if unsure_ids is not null then
        perform moltbot_audit.check_heads(unsure_ids, unsure_seqs);
    end if;

    -- `unnest` stands in the select list, where Postgres streams the rows; in the from clause it would
    -- first copy each array into a table. An array that ends before the others yields nulls.
    insert into moltbot_audit.audit_events (
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
        idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    )
    select
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input::jsonb, output::jsonb,
        idempotency_key, host_ids::jsonb, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    from (
        select
            unnest(ids) as id,
            unnest(stream_ids) as stream_id,
            unnest(request_ids) as request_id,
            unnest(conversation_ids) as conversation_id,
            unnest(event_types) as event_type,
            unnest(actors) as actor,
            unnest(outcomes) as outcome,
            unnest(error_codes) as error_code,
            unnest(durations_ms) as duration_ms,
            unnest(created_ats) as created_at,
            unnest(trace_ids) as trace_id,
            unnest(span_ids) as span_id,
            unnest(causes) as caused_by,
            unnest(writer_ids) as writer_id,
            unnest(inputs) as input,
            unnest(outputs) as output,
            unnest(idempotency_keys) as idempotency_key,
            unnest(host_ids) as host_ids,
            unnest(salts) as salt,
            unnest(input_commitments) as input_commitment,
            unnest(output_commitments) as output_commitment,
            unnest(key_commitments) as key_commitment,
            unnest(host_ids_commitments) as host_ids_commitment,
            unnest(event_hashes) as event_hash,
            unnest(seqs) as seq,
            unnest(recorded_ats) as recorded_at,
            unnest(chain_hashes) as chain_hash
    ) b;

    -- An upsert whose row always exists. Unlike an update with a join, it uses the primary key whatever
    -- the age of the cached plan. It takes only the head and its time from the row that it offers.
    insert into moltbot_audit.audit_streams as s (
        stream_id, seq, head, started_at, last_at, heard_at
    )
    select b.stream_id, 0, b.head, now(), b.last_at, now()
    from unnest(locked_ids, heads, last_ats) as b (stream_id, head, last_at)
    on conflict (stream_id) do update set head = excluded.head, last_at = excluded.last_at;
    return (null, seqs, recorded_ats, null, chain_hashes)::moltbot_audit.places;
end
$$;

-- Raises the error for a stream that has events beyond its row.
create or replace function moltbot_audit.object_to_row(stream_id uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'stream % has events beyond its row in audit_streams, which was deleted or set back',
        stream_id using errcode = 'integrity_constraint_violation';
end
$$;

-- Raises an error if a stream has events beyond its row: the row was deleted or set back, and a place would be given
-- out twice. Within a month, the partition's unique key finds that; this function looks in the others. The
-- library dates no event more than a day ahead, so the months that are prepared ahead are left out: to open them
-- would cost a new stream as much as everything else about its first event.
create or replace function moltbot_audit.check_heads(stream_ids uuid[], seqs bigint[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
-- A plan that was made while the table was small must not scan it when it is large.
set enable_seqscan = off
as $$
declare
    broken uuid;
begin
    select s.stream_id into broken
    from unnest(stream_ids, seqs) as s (stream_id, seq), lateral (
        select from moltbot_audit.audit_events e
        where e.stream_id = s.stream_id and e.seq > s.seq and e.created_at < now() + interval '1 day'
        -- Keeps this a look-up by stream. As a join, or with `stream_id = any (stream_ids)`, a plan that was made
        -- while a month was empty would read the month's whole primary key, because of `created_at`.
        limit 1
    ) as beyond
    limit 1;
    if found then
        perform moltbot_audit.object_to_row(broken);
    end if;
end
$$;

-- Whether `check_heads` has to look at a stream whose last event is of this time.
create or replace function moltbot_audit.is_of_past_month(last_at timestamptz)
returns boolean
language sql
-- Volatile, as the clock is: Postgres does not inline a function that is marked stricter than its body.
volatile parallel safe
return last_at < date_trunc('month', clock_timestamp(), 'UTC');

-- Locks a stream's row, and returns it. `append_at` updates it afterwards: one upsert that reads the clock itself,
-- once for the time and once for its hash, would cost more than these two functions. A function that is called for
-- each event returns a type, because Postgres looks up OUT parameters in the catalog at every call. A stream
-- without events gets a row with `seq` 0; a caller that appends nothing removes it with `unlock_stream`.
create or replace function moltbot_audit.lock_stream(stream_id uuid)
returns moltbot_audit.locked_stream
language plpgsql
as $$
#variable_conflict use_column
declare
    stream moltbot_audit.locked_stream;
begin
    select s.seq, s.head, s.started_at, s.last_at, s.heard_at into stream
    from moltbot_audit.audit_streams s
    where s.stream_id = lock_stream.stream_id
    for update;
    if not found then
        return moltbot_audit.begin_stream(lock_stream.stream_id);
    end if;
    if moltbot_audit.is_of_past_month(stream.last_at) then
        perform moltbot_audit.check_heads(array[lock_stream.stream_id], array[stream.seq]);
    end if;
    return stream;
end
$$;

-- As `lock_stream`, for a stream that had no row a moment ago.
create or replace function moltbot_audit.begin_stream(stream_id uuid)
returns moltbot_audit.locked_stream
language plpgsql
set search_path = pg_catalog, pg_temp
-- As in `check_heads`.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    stream moltbot_audit.locked_stream;
    now timestamptz;
begin
    loop
        now := clock_timestamp();
        -- Waits for the transaction that begins the same stream, and then reads its row.
        insert into moltbot_audit.audit_streams (
            stream_id, seq, head, started_at, last_at, heard_at
        )
        values (
            begin_stream.stream_id, 0, moltbot_audit.stream_start(begin_stream.stream_id), now, now, now
        )
        on conflict do nothing
        returning seq, head, started_at, last_at, heard_at into stream;
        if found then
            if exists (
                select from moltbot_audit.audit_events e
                where e.stream_id = begin_stream.stream_id and e.created_at < now() + interval '1 day'
            ) then
                perform moltbot_audit.object_to_row(begin_stream.stream_id);
            end if;
            return stream;
        end if;
        select s.seq, s.head, s.started_at, s.last_at, s.heard_at into stream
        from moltbot_audit.audit_streams s
        where s.stream_id = begin_stream.stream_id
        for update;
        if found then
            return stream;
        end if;
    end loop;
end
$$;

-- Removes the rows of streams without events.
create or replace function moltbot_audit.unlock_streams(stream_ids uuid[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    delete from moltbot_audit.audit_streams s
    where s.stream_id = any (unlock_streams.stream_ids) and s.seq = 0
$$;

-- Writes an event at the next place of a stream that the caller has locked. Fails with a unique violation if the
-- event's id is not new. Runs with the settings of its callers.
create or replace function moltbot_audit.append_at(
    stream moltbot_audit.locked_stream, id uuid, stream_id uuid, request_id uuid, conversation_id uuid,
    event_type text, actor text, outcome text, error_code text, duration_ms integer,
    created_at timestamptz, trace_id text, span_id text, caused_by uuid, writer_id uuid, input jsonb,
    output jsonb, idempotency_key text, host_ids jsonb, salt bytea, input_commitment bytea,
    output_commitment bytea, key_commitment bytea, host_ids_commitment bytea, event_hash bytea
)
returns moltbot_audit.place
language plpgsql
as $$
#variable_conflict use_column
declare
    place moltbot_audit.place;
begin
    if append_at.event_type ^@ 'call.consent_' then
        perform moltbot_audit.check_consents(array[append_at.event_type], array[append_at.input::text]);
    end if;
    place.seq := stream.seq + 1;
    -- The first event takes the time at which the stream was begun. Time never goes back within a stream, not even
    -- after a failover to a server whose clock is behind.
    place.recorded_at := case stream.seq
        when 0 then stream.last_at else greatest(clock_timestamp(), stream.last_at)
    end;
    place.chain_hash := moltbot_audit.chain_hash(
        stream.head, append_at.event_hash, place.seq, moltbot_audit.chain_time(place.recorded_at)
    );
    update moltbot_audit.audit_streams s
    set seq = place.seq, head = place.chain_hash, last_at = place.recorded_at
    where s.stream_id = append_at.stream_id;
    insert into moltbot_audit.audit_events (
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
        idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    )
    values (
        append_at.id, append_at.stream_id, append_at.request_id, append_at.conversation_id,
        append_at.event_type, append_at.actor, append_at.outcome, append_at.error_code,
        append_at.duration_ms, append_at.created_at, append_at.trace_id, append_at.span_id,
        append_at.caused_by, append_at.writer_id, append_at.input, append_at.output,
        append_at.idempotency_key, append_at.host_ids, append_at.salt, append_at.input_commitment,
        append_at.output_commitment, append_at.key_commitment, append_at.host_ids_commitment,
        append_at.event_hash, place.seq, place.recorded_at, place.chain_hash
    );
    return place;
end
$$;

-- Locks an event's stream, and appends the event.
create or replace function moltbot_audit.append_one(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, created_at timestamptz, trace_id text,
    span_id text, caused_by uuid, writer_id uuid, input text, output text, idempotency_key text,
    host_ids text, salt bytea, input_commitment bytea, output_commitment bytea, key_commitment bytea,
    host_ids_commitment bytea, event_hash bytea
)
returns moltbot_audit.place
language plpgsql
as $$
#variable_conflict use_variable
begin
    return moltbot_audit.append_at(
        moltbot_audit.lock_stream(stream_id),
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input::jsonb, output::jsonb,
        idempotency_key, host_ids::jsonb, salt, input_commitment, output_commitment, key_commitment,
        host_ids_commitment, event_hash
    );
end
$$;

-- The time that an event's id carries, as `EventId::created_at`. A look-up by id names this time too: the unique key
-- covers both, so a role that may append could store another event under the same id with another time.
create or replace function moltbot_audit.time_of_id(id uuid)
returns timestamptz
language sql
immutable parallel safe
return (
    -- Days are added separately, because Postgres multiplies an interval as a double and rounds.
    select (
        timestamp '1970-01-01' + make_interval(days => (t.ms / 86400000)::integer)
        + interval '1 microsecond' * (
            t.ms % 86400000 * 1000 + ceil(('x' || substr(id::text, 16, 3))::bit(12)::integer * 1000 / 4096.0)
        )::double precision
    ) at time zone 'UTC'
    from (select ('x0000' || left(translate(id::text, '-', ''), 12))::bit(64)::bigint as ms) as t
);

-- Whether an id is that of an event at this time, as `EventId::from_uuid` has it: a UUIDv7 with the time to the
-- microsecond. Two fractions can round to one microsecond, so the bits themselves are compared.
create or replace function moltbot_audit.is_event_id(id uuid, created_at timestamptz)
returns boolean
language sql
immutable parallel safe
return
    moltbot_audit.time_of_id(id) = created_at
    and id::text ~ '^.{14}7.{4}[89ab]'
    and ('x' || substr(id::text, 16, 3))::bit(12)::integer
        = extract(microseconds from created_at at time zone 'UTC')::integer % 1000 * 4096 / 1000;

-- Whether a stored event is the one that is offered under its id. Hashes cannot tell: an event that is sealed again
-- has a new salt, and so another hash over the same content. Its writer may be another process by now.
create or replace function moltbot_audit.is_same_event(
    stored moltbot_audit.audit_events, stream_id uuid, request_id uuid, conversation_id uuid,
    event_type text, actor text, outcome text, error_code text, duration_ms integer, trace_id text,
    span_id text, caused_by uuid, input text, output text, idempotency_key text, host_ids text,
    event_hash bytea
)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
begin
    return stored.event_hash = event_hash or (
        stored.stream_id, stored.request_id, stored.conversation_id, stored.event_type, stored.actor,
        stored.outcome, stored.error_code, stored.duration_ms, stored.trace_id, stored.span_id,
        stored.caused_by, stored.idempotency_key, stored.input, stored.output, stored.host_ids
    ) is not distinct from (
        stream_id, request_id, conversation_id, event_type, actor, outcome, error_code, duration_ms,
        trace_id, span_id, caused_by, idempotency_key, input::jsonb, output::jsonb, host_ids::jsonb
    );
end
$$;

-- Raises an error if a stored event is not the one that is offered under its id.
create or replace function moltbot_audit.check_same_event(
    id uuid, stream_id uuid, request_id uuid, conversation_id uuid, event_type text, actor text,
    outcome text, error_code text, duration_ms integer, trace_id text, span_id text, caused_by uuid,
    input text, output text, idempotency_key text, host_ids text, event_hash bytea
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    stored moltbot_audit.audit_events;
begin
    select e.* into stored
    from moltbot_audit.audit_events e
    where e.id = check_same_event.id and e.created_at = moltbot_audit.time_of_id(check_same_event.id);
    if moltbot_audit.is_same_event(
        stored, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
        duration_ms, trace_id, span_id, caused_by, input, output, idempotency_key, host_ids, event_hash
    ) is not true then
        raise exception 'event % is already recorded with other content', id
            using errcode = 'unique_violation';
    end if;
end
$$;

-- The time in a JSON text, or null if it is no RFC 3339 time. The library accepts the same texts.
create or replace function moltbot_audit.time_of(value jsonb)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(value) = 'string' and value #>> '{}' ~ (
        '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?'
        '([Zz]|[+-](0[0-9]|1[0-5]):[0-5][0-9])$'
    ) then
        return (value #>> '{}')::timestamptz;
    end if;
    return null;
exception when data_exception then
    -- A day that does not exist.
    return null;
end
$$;

-- Refuses an event about a consent that admission would not understand.
create or replace function moltbot_audit.check_consents(event_types text[], inputs text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    word record;
begin
    for word in
        select b.input::jsonb as input
        from unnest(event_types, inputs) as b (event_type, input)
        where b.event_type in (
            'call.consent_requested', 'call.consent_granted', 'call.consent_denied',
            'call.consent_expired'
        )
    loop
        if jsonb_typeof(word.input -> 'consent_id') not in ('string', 'null') then
            raise exception 'input.consent_id is not a text' using errcode = 'invalid_parameter_value';
        end if;
        if jsonb_typeof(word.input -> 'expires_at') <> 'null'
            and moltbot_audit.time_of(word.input -> 'expires_at') is null
        then
            raise exception 'input.expires_at is not a time with its zone, such as 2036-03-02T07:15:00Z'
                using errcode = 'invalid_parameter_value';
        end if;
    end loop;
end
$$;

-- Appends events one by one, and looks for each whether its id is stored: for a batch that holds a known id. It
-- goes stream by stream, in the order in which all others take these locks. If an id occurs twice in a batch, the
-- first event of its stream counts.
create or replace function moltbot_audit.append_checked(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[]
)
returns moltbot_audit.places
language plpgsql
set search_path = pg_catalog, pg_temp
-- A plan that was made while the table was small must not scan it when it is large.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    statuses text[];
    seqs bigint[];
    recorded_ats timestamptz[];
    stored_hashes bytea[];
    chain_hashes bytea[];
    b record;
    stored moltbot_audit.audit_events;
    placed moltbot_audit.place;
    same boolean;
    refused boolean;
begin
    for b in
        select *
        from unnest(
            ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
            durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
            idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
            host_ids_commitments, event_hashes
        ) with ordinality as b (
            id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code,
            duration_ms, created_at, trace_id, span_id, caused_by, writer_id, input, output,
            idempotency_key, host_ids, salt, input_commitment, output_commitment, key_commitment,
            host_ids_commitment, event_hash, position
        )
        order by stream_id, position
    loop
        refused := false;
        loop
            select e.* into stored
            from moltbot_audit.audit_events e
            where e.id = b.id and e.created_at = b.created_at;
            if found then
                same := moltbot_audit.is_same_event(
                    stored, b.stream_id, b.request_id, b.conversation_id, b.event_type, b.actor,
                    b.outcome, b.error_code, b.duration_ms, b.trace_id, b.span_id, b.caused_by,
                    b.input, b.output, b.idempotency_key, b.host_ids, b.event_hash
                );
                -- A record that is sent again, because its answer was lost, has its salt still.
                statuses[b.position] := case
                    when not same then 'conflict' when stored.salt = b.salt then 'again' else 'duplicate'
                end;
                seqs[b.position] := stored.seq;
                recorded_ats[b.position] := stored.recorded_at;
                stored_hashes[b.position] := stored.event_hash;
                chain_hashes[b.position] := stored.chain_hash;
                exit;
            end if;
            begin
                placed := moltbot_audit.append_one(
                    b.id, b.stream_id, b.request_id, b.conversation_id, b.event_type, b.actor,
                    b.outcome, b.error_code, b.duration_ms, b.created_at, b.trace_id, b.span_id,
                    b.caused_by, b.writer_id, b.input, b.output, b.idempotency_key, b.host_ids, b.salt,
                    b.input_commitment, b.output_commitment, b.key_commitment, b.host_ids_commitment,
                    b.event_hash
                );
                statuses[b.position] := 'stored';
                seqs[b.position] := placed.seq;
                recorded_ats[b.position] := placed.recorded_at;
                stored_hashes[b.position] := b.event_hash;
                chain_hashes[b.position] := placed.chain_hash;
                exit;
            exception when unique_violation then
                -- Another writer stored the id since the look-up: look again. If it was not the id, then
                -- the place is taken.
                if refused then
                    raise exception 'stream % has events beyond its row in audit_streams, which was set back',
                        b.stream_id using errcode = 'integrity_constraint_violation';
                end if;
                refused := true;
            end;
        end loop;
    end loop;
    return (statuses, seqs, recorded_ats, stored_hashes, chain_hashes)::moltbot_audit.places;
end
$$;

-- Appends a batch of any event types. Runs with the settings of its callers: see `append_batch`.
create or replace function moltbot_audit.append_all(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[]
)
returns moltbot_audit.places
language plpgsql
as $$
#variable_conflict use_column
declare
    place moltbot_audit.place;
begin
    -- Locks the table before any stream. If it locked a stream first, it could then queue for the table
    -- behind `ensure_partitions`, which waits for an append that holds the table and waits for the stream:
    -- a deadlock.
    lock table only moltbot_audit.audit_events in row exclusive mode;
    -- Does not look for duplicates first: if there is one, the unique key fails, and this block is rolled
    -- back.
    begin
        if cardinality(ids) = 1 then
            place := moltbot_audit.append_one(
                ids[1], stream_ids[1], request_ids[1], conversation_ids[1], event_types[1], actors[1],
                outcomes[1], error_codes[1], durations_ms[1], created_ats[1], trace_ids[1],
                span_ids[1], causes[1], writer_ids[1], inputs[1], outputs[1], idempotency_keys[1],
                host_ids[1], salts[1], input_commitments[1], output_commitments[1], key_commitments[1],
                host_ids_commitments[1], event_hashes[1]
            );
            return (
                null, array[place.seq], array[place.recorded_at], null, array[place.chain_hash]
            )::moltbot_audit.places;
        end if;
        return moltbot_audit.append_new(
            ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
            durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
            idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
            host_ids_commitments, event_hashes
        );
    exception when unique_violation then
        return moltbot_audit.append_checked(
            ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
            durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
            idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
            host_ids_commitments, event_hashes
        );
    end;
end
$$;

-- The event types that have a function of their own, which appends the event together with the change that it
-- reports. An `effect.admitted` of an effect that began while the database was away comes by `append_effects`.
create or replace function moltbot_audit.types_with_a_function()
returns text[]
language sql
immutable parallel safe
return array[
    'audit.effects_pruned', 'audit.key_rotated', 'audit.limit_set', 'effect.admitted',
    'effect.expired', 'effect.resolved', 'switch.engaged', 'switch.lapsed', 'switch.reset'
];

-- Appends a batch: arrays in, arrays out, in the same order. An array that ends before the others stands for
-- nulls. A status is `stored`; `duplicate` if the event was stored before with the same content, with its first
-- receipt; `again` if that was the same sealed event, sent before; or `conflict` if its id is stored with other content,
-- with the receipt of the stored event.
create or replace function moltbot_audit.append_batch(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[]
)
returns moltbot_audit.places
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- To plan these arrays against every partition at each call would cost more than the writing.
set plan_cache_mode = force_generic_plan
-- A transaction that holds one stream must not hold up the rest of a batch: the caller tries again, each
-- stream by itself.
set lock_timeout = '200ms'
as $$
#variable_conflict use_column
begin
    if event_types && moltbot_audit.types_with_a_function() then
        raise exception 'admissions, conclusions, flips and ceilings are appended by the functions that make '
            'them, admit, conclude, set_switch and set_limit alone' using errcode = 'check_violation';
    end if;
    return moltbot_audit.append_all(
        ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
        durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
        idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
        host_ids_commitments, event_hashes
    );
end
$$;

-- Whether only the library writes events of this type. Same rule as `EventType::is_reserved`.
create or replace function moltbot_audit.is_reserved(event_type text)
returns boolean
language sql
immutable parallel safe
return split_part(event_type, '.', 1) in ('audit', 'budget', 'effect', 'pack', 'switch');

-- Appends a host's events, as `append_batch` does, and returns one row for each event, in their order. It refuses
-- an event type that only the library writes, a time more than a day ahead, an event id without its time, a stream
-- that does not follow from the event's ids, and a placeholder id.
create or replace function moltbot_audit.append(
    ids uuid[], stream_ids uuid[], request_ids uuid[], conversation_ids uuid[], event_types text[],
    actors text[], outcomes text[], error_codes text[], durations_ms integer[],
    created_ats timestamptz[], trace_ids text[], span_ids text[], causes uuid[], writer_ids uuid[],
    inputs text[], outputs text[], idempotency_keys text[], host_ids text[], salts bytea[],
    input_commitments bytea[], output_commitments bytea[], key_commitments bytea[],
    host_ids_commitments bytea[], event_hashes bytea[]
)
returns table (
    status text, seq bigint, recorded_at timestamptz, event_hash bytea, chain_hash bytea
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- As in `append_batch`.
set plan_cache_mode = force_generic_plan
-- Longer than in `append_batch`: a host has no queue that tries again.
set lock_timeout = '2s'
as $$
#variable_conflict use_column
begin
    if exists (
        select from unnest(event_types) as t (event_type)
        where moltbot_audit.is_reserved(t.event_type)
    ) then
        raise exception 'events of the domains audit, budget, effect, pack and switch are written by the '
            'library itself: give the event a type of the host''s own' using errcode = 'check_violation';
    end if;
    -- Only here. The library checks events when it accepts them, and what it keeps in a spool must not be
    -- refused later.
    if (select max(t.created_at) from unnest(created_ats) as t (created_at))
        > clock_timestamp() + interval '24 hours'
    then
        raise exception 'an event is dated more than 24 hours after the database''s time %: give the time at '
            'which it happened', clock_timestamp() using errcode = 'invalid_parameter_value';
    end if;
    if exists (
        select from unnest(ids, created_ats) as t (id, created_at)
        where moltbot_audit.is_event_id(t.id, t.created_at) is not true
    ) then
        raise exception 'the id of an event does not carry its time: give it a UUIDv7 that holds created_at to '
            'the microsecond' using errcode = 'check_violation';
    end if;
    if exists (
        select from unnest(stream_ids, request_ids, conversation_ids) as t (stream, request, conversation)
        where t.stream is distinct from moltbot_audit.stream_of(t.request, t.conversation)
    ) then
        raise exception 'an event is in a stream that is not that of its request or conversation: '
            'take moltbot_audit.stream_of(request_id, conversation_id)' using errcode = 'check_violation';
    end if;
    if (request_ids || conversation_ids) && array[
        '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    ]::uuid[] then
        raise exception 'the nil and the max UUID name no request and no conversation: give each an id of its '
            'own' using errcode = 'check_violation';
    end if;
    return query
        select
            case e.status when 'again' then 'duplicate' else coalesce(e.status, 'stored') end, e.seq, e.recorded_at, coalesce(e.stored, e.offered),
            e.chain_hash
        from moltbot_audit.append_all(
            ids, stream_ids, request_ids, conversation_ids, event_types, actors, outcomes, error_codes,
            durations_ms, created_ats, trace_ids, span_ids, causes, writer_ids, inputs, outputs,
            idempotency_keys, host_ids, salts, input_commitments, output_commitments, key_commitments,
            host_ids_commitments, event_hashes
        ) as p, unnest(
            p.statuses, p.seqs, p.recorded_ats, p.event_hashes, p.chain_hashes, append.event_hashes
        ) as e (status, seq, recorded_at, stored, chain_hash, offered);
end
$$;

-- Nobody may do anything that is not granted to them. The functions that write run with their owner's rights.
revoke all on schema moltbot_audit from public;
revoke all on all tables in schema moltbot_audit from public;
revoke all on all functions in schema moltbot_audit from public;

select moltbot_audit.ensure_partitions();

insert into moltbot_audit.schema_migrations (version, name)
values ('0003', 'moltbot_audit_logs')
-- If the file was applied again, its text may have changed: the library takes the checksum anew.
on conflict (version) do update set checksum = null;
