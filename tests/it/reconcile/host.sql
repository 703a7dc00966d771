-- The host's tables as its migrations make them: names, types, keys and CHECKs. Its policies are left to the tests that
-- are about rights.
create type public.moltbot_request_state as enum (
    'collecting_requirements', 'ocr_processing', 'vendor_outreach', 'awaiting_vendor_replies',
    'shortlist_ready', 'handed_off', 'closed', 'error');
create type public.moltbot_vendor_outreach_state as enum (
    'queued', 'sent', 'replied', 'no_response', 'failed', 'excluded');
create type public.moltbot_call_consent_state as enum (
    'not_requested', 'requested', 'granted', 'denied', 'expired');

create table public.vendors (
    id uuid primary key default gen_random_uuid(),
    business_name text not null,
    phone text unique not null
);

create table public.moltbot_conversations (
    id uuid primary key default gen_random_uuid(),
    channel text not null default 'whatsapp',
    client_phone text not null,
    language text not null default 'en',
    status text not null default 'active' check (status in ('active', 'closed', 'archived')),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_message_at timestamptz
);

create table public.moltbot_conversation_messages (
    id uuid primary key default gen_random_uuid(),
    conversation_id uuid not null references public.moltbot_conversations on delete cascade,
    provider_message_id text not null unique,
    direction text not null check (direction in ('inbound', 'outbound')),
    message_type text not null default 'text' check (message_type in (
        'text', 'image', 'document', 'audio', 'video', 'location', 'interactive', 'template')),
    body text,
    media_url text,
    media_mime_type text,
    metadata jsonb default '{}',
    timestamp timestamptz not null,
    created_at timestamptz not null default now()
);

create table public.moltbot_marketplace_requests (
    id uuid primary key default gen_random_uuid(),
    conversation_id uuid not null references public.moltbot_conversations on delete cascade,
    state public.moltbot_request_state not null default 'collecting_requirements',
    requirements jsonb default '{}',
    shortlist jsonb default '[]',
    error_reason text,
    fallback_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table public.moltbot_ocr_jobs (
    id uuid primary key default gen_random_uuid(),
    request_id uuid not null references public.moltbot_marketplace_requests on delete cascade,
    message_id uuid references public.moltbot_conversation_messages on delete set null,
    status text not null default 'pending'
        check (status in ('pending', 'processing', 'completed', 'failed')),
    provider text default 'gemini',
    media_url text not null,
    media_type text,
    extracted jsonb,
    confidence double precision,
    raw_response jsonb,
    error_message text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    completed_at timestamptz
);

create table public.moltbot_vendor_outreach (
    id uuid primary key default gen_random_uuid(),
    request_id uuid not null references public.moltbot_marketplace_requests on delete cascade,
    vendor_id uuid not null references public.vendors on delete cascade,
    state public.moltbot_vendor_outreach_state not null default 'queued',
    outreach_message text,
    outreach_sent_at timestamptz,
    response_message text,
    response_received_at timestamptz,
    response_data jsonb,
    attempts int not null default 0,
    last_error text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (request_id, vendor_id)
);

create table public.moltbot_call_consents (
    id uuid primary key default gen_random_uuid(),
    conversation_id uuid not null references public.moltbot_conversations on delete cascade,
    state public.moltbot_call_consent_state not null default 'not_requested',
    scope text default 'concierge',
    requested_at timestamptz,
    granted_at timestamptz,
    denied_at timestamptz,
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table public.moltbot_call_attempts (
    id uuid primary key default gen_random_uuid(),
    consent_id uuid not null references public.moltbot_call_consents on delete cascade,
    provider_call_id text,
    status text not null default 'initiated' check (status in (
        'initiated', 'ringing', 'answered', 'completed', 'failed', 'no_answer', 'busy')),
    duration_seconds int,
    recording_url text,
    error_message text,
    initiated_at timestamptz not null default now(),
    answered_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz not null default now()
);
