-- What may run: effects, what is used of each budget, kill switches. Applying this file again changes
-- nothing.
--
-- A host engages a switch with `KillSwitch::engage`, which records an event. If no host runs, this statement stops
-- all later effects; it records no event, because SQLite cannot hash. With the column `scope` as well ('conversation:'
-- and its id, or 'request:' and its id), it stops those of one conversation or request.
--   insert into audit_switches (switch, engaged, by, reason, at)
--   values ('ai', 1, 'your name', 'why', cast((julianday('now') - 2440587.5) * 86400000000 as integer))
--   on conflict (switch, scope) do update
--   set engaged = 1, until = null, event_id = null, by = excluded.by, reason = excluded.reason, at = excluded.at;

-- One row for each effect that was admitted, or whose outcome came before its intent and keeps it from running.
create table if not exists audit_effects (
    -- the id of its outcome event
    effect_id text not null primary key check (length(effect_id) = 36),
    -- its effect.admitted event; null while only its outcome is known
    intent_id text check (length(intent_id) = 36),
    -- the event type under which its success is recorded
    effect text not null,
    -- keyed hash of its idempotency key; null once the key is free
    key_hash blob unique check (length(key_hash) = 32),
    -- keyed hash of its input
    input_hash blob check (length(input_hash) = 32),
    -- the request it belongs to
    request_id text check (length(request_id) = 36),
    -- the conversation it belongs to
    conversation_id text check (length(conversation_id) = 36),
    -- what it reserved: a JSON list of amount and budget, with request or day
    charges text not null check (json_valid(charges)),
    -- its state
    state text not null check (state in ('done', 'failed', 'in_doubt', 'running', 'voided')),
    -- whether its outcome event is stored
    has_outcome integer not null check (has_outcome in (0, 1)),
    -- when it was admitted, by the clock of the admitting machine, taken under the write lock
    admitted_at integer not null,
    -- from when it is in doubt if it has no outcome; renewed while it runs
    lease_until integer not null
) strict;

-- The open effects: few, however many effects there are.
create index if not exists audit_effects_open on audit_effects (lease_until, effect_id)
where state in ('in_doubt', 'running') and intent_id is not null;

-- How much of each budget of a request is used or held.
create table if not exists audit_budgets (
    -- the request; the stream if an effect has no request
    request_id text not null check (length(request_id) = 36),
    -- the budget
    budget text not null,
    -- how much
    used integer not null,
    primary key (request_id, budget)
) strict, without rowid;

-- The same, of a day in UTC.
create table if not exists audit_day_budgets (
    -- the day, as 2026-09-21
    day text not null check (length(day) >= 10),
    -- the budget
    budget text not null,
    -- how much
    used integer not null,
    primary key (day, budget)
) strict, without rowid;

-- The kill switches. Without a row, a switch is engaged everywhere, but in no conversation and no request.
create table if not exists audit_switches (
    -- its name, by the library's rules
    switch text not null check (
        switch glob '[a-z]*' and not switch glob '*[^a-z0-9_]*' and length(switch) <= 40
    ),
    -- where: `everywhere`, or `conversation:` or `request:` and its id
    scope text not null default 'everywhere' check (
        scope = 'everywhere' or scope glob 'conversation:?*' or scope glob 'request:?*'
    ),
    -- whether effects that it governs are refused
    engaged integer not null check (engaged in (0, 1)),
    -- until when, in a conversation or a request; null without a limit
    until integer,
    -- the event that says so
    event_id text,
    -- who set it
    by text not null,
    -- why
    reason text not null,
    -- when
    at integer not null,
    primary key (switch, scope)
) strict;

-- The deployment's redaction keys, by their fingerprints: the one in use, and those it replaced.
create table if not exists audit_keys (
    -- the first 16 bytes of the hash of a keyed hash over a constant; the key itself is never stored
    fingerprint blob not null primary key check (length(fingerprint) = 16),
    -- when it came into use
    since integer not null,
    -- when another replaced it; null while it is in use
    retired_at integer
) strict;

-- At most one is in use.
create unique index if not exists audit_keys_in_use on audit_keys (retired_at is null)
where retired_at is null;

-- For: does the request have its shortlist? Asked whenever an effect with charges is admitted.
create index if not exists audit_events_shortlists on audit_events (stream_id)
where event_type = 'shortlist.generated';

-- For: did the client consent? Asked whenever an effect needs a consent.
create index if not exists audit_events_consents on audit_events (stream_id)
where event_type in ('call.consent_granted', 'call.consent_denied', 'call.consent_expired');

insert into schema_migrations (version, name, applied_at)
values (
    4,
    'moltbot_audit_admission',
    cast((julianday('now') - 2440587.5) * 86400000000 as integer)
)
on conflict (version) do nothing;
