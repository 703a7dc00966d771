-- The audit trail in one SQLite file. Applying this file again changes nothing.
--
-- UUIDs are hyphenated lower-case text and JSON is text, so that the sqlite3 shell shows a trail as it
-- is. Times are microseconds since 1970. Hashes are blobs: select hex(chain_hash) to read one.

-- The files that were applied, by the library or with the sqlite3 shell.
create table if not exists schema_migrations (
    -- number at the front of the file's name
    version integer not null primary key,
    -- the file's name without number and ending
    name text not null,
    -- when
    applied_at integer not null
) strict;

-- One row for each event. Rows are inserted and never updated.
create table if not exists audit_events (
    -- UUIDv7 that carries created_at to the microsecond
    id text not null primary key check (length(id) = 36),
    -- the request it belongs to
    request_id text check (length(request_id) = 36),
    -- the conversation it belongs to
    conversation_id text check (length(conversation_id) = 36),
    -- what happened: domain.action
    event_type text not null,
    -- who acted, from a closed set
    actor text not null,
    -- what went in: canonical JSON
    input text,
    -- what came out: canonical JSON
    output text,
    -- the host's dedup token
    idempotency_key text,
    -- how long it took
    duration_ms integer,
    -- the host's time
    created_at integer not null,
    -- the sequence it is chained in: its request's, else its conversation's, else the system's
    stream_id text not null check (length(stream_id) = 36),
    -- place in the stream, from 1, without gap
    seq integer not null check (seq > 0),
    -- how it ended, from a closed set
    outcome text not null,
    -- why it did not succeed, from a closed set
    error_code text,
    -- W3C trace id, hex
    trace_id text,
    -- W3C span id, hex
    span_id text,
    -- the event that led to this one
    caused_by text check (length(caused_by) = 36),
    -- the process that wrote it: the id of its audit.writer_started
    writer_id text check (length(writer_id) = 36),
    -- the version of the format in which it was sealed
    format_version integer not null,
    -- the host's own names for request and conversation, where they were no UUIDs: canonical JSON
    host_ids text,
    -- when it was written, by the clock of the writing machine, taken under the write lock
    recorded_at integer not null,
    -- random bytes from which the salts of all commitments are derived
    salt blob not null check (length(salt) = 16),
    -- salted digest of input
    input_commitment blob not null check (length(input_commitment) = 32),
    -- salted digest of output
    output_commitment blob not null check (length(output_commitment) = 32),
    -- salted digest of idempotency_key
    key_commitment blob not null check (length(key_commitment) = 32),
    -- salted digest of host_ids
    host_ids_commitment blob not null check (length(host_ids_commitment) = 32),
    -- digest of the header columns and the four commitments
    event_hash blob not null check (length(event_hash) = 32),
    -- digest of the row before in the stream, event_hash, seq and recorded_at
    chain_hash blob not null check (length(chain_hash) = 32),
    -- refuses a place that was given out twice
    unique (stream_id, seq)
) strict;

-- The head of each stream's chain.
create table if not exists audit_streams (
    -- the stream
    stream_id text not null primary key check (length(stream_id) = 36),
    -- the last place given out
    seq integer not null check (seq > 0),
    -- chain_hash of that place
    head blob not null check (length(head) = 32),
    -- recorded_at of the first event
    started_at integer not null,
    -- recorded_at of the last event
    last_at integer not null,
    -- when the deployment first heard of it: before started_at if an event of it waited in a spool
    heard_at integer not null
) strict;

-- For: which requests began between two times? The time of a stream's first event never changes.
create index if not exists audit_streams_started_at on audit_streams (started_at, stream_id);

-- For: what happened in a conversation?
create index if not exists audit_events_conversations on audit_events (conversation_id, created_at)
where conversation_id is not null;

insert into schema_migrations (version, name, applied_at)
values (
    3,
    'moltbot_audit_logs',
    -- to the millisecond, in a form that old shells accept
    cast((julianday('now') - 2440587.5) * 86400000000 as integer)
)
on conflict (version) do nothing;
