//! Lists streams, most recent first.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::Connections;
use super::read::Columns;
use crate::store::{
    FoundRequest, ListedStream, RequestCursor, StoreError, StreamOwner, StreamScope,
};

/// Two lookups by `(stream_id, seq)` in each month, for each stream.
macro_rules! list {
    ($of:literal) => {
        concat!(
            "select s.stream_id, s.seq, s.started_at, s.last_at,
                first.request_id, first.conversation_id, state.to_state
            from (
                select stream_id, seq, started_at, last_at
                from moltbot_audit.audit_streams
                where started_at >= $1 and started_at < $2 and (started_at, stream_id) < ($3, $4) ",
            $of,
            "
                order by started_at desc, stream_id desc
                limit $5
            ) s
            left join lateral (
                select e.request_id, e.conversation_id
                from moltbot_audit.audit_events e
                where e.stream_id = s.stream_id and e.seq = 1
                limit 1
            ) first on true
            left join lateral (
                select e.input ->> 'to_state' as to_state
                from moltbot_audit.audit_events e
                where e.stream_id = s.stream_id and e.event_type = 'request.state_changed'
                    and e.outcome = 'succeeded'
                order by e.seq desc
                limit 1
            ) state on true
            order by s.started_at desc, s.stream_id desc"
        )
    };
}

const ALL: &str = list!("");
const OF_REQUEST: &str = list!("and stream_id = $6");
/// Only the last events, so that a conversation of years costs no more.
const OF_CONVERSATION: &str = list!(
    "and stream_id in (
        select e.stream_id from (
            select e.stream_id
            from moltbot_audit.audit_events e
            where e.conversation_id = $6
            order by e.created_at desc
            limit 10000
        ) e
    )"
);

pub(super) async fn list_streams(
    connections: &Connections,
    scope: &StreamScope,
    after: Option<RequestCursor>,
    max: u32,
) -> Result<Vec<ListedStream>, StoreError> {
    let (began, stream) =
        after.map_or((scope.before, Uuid::max()), |at| (at.began_at, at.stream_id.uuid()));
    let (list, of) = match scope.of {
        StreamOwner::All => (ALL, None),
        StreamOwner::Conversation(id) => (OF_CONVERSATION, Some(id)),
        StreamOwner::Request(stream_id) => (OF_REQUEST, Some(stream_id.uuid())),
    };
    // Planned for these values: a generic plan would not know how much of the index is read.
    let query = |_| {
        let query = sqlx::query(list).persistent(false);
        let query = query.bind(scope.from).bind(scope.before).bind(began).bind(stream);
        let query = query.bind(i64::from(max));
        if of.is_some() { query.bind(of) } else { query }
    };
    let rows = connections.fetch_all("list streams", query).await?;
    rows.iter().map(listed).collect()
}

fn listed(row: &PgRow) -> Result<ListedStream, StoreError> {
    let unnamed = Columns { row, stream_id: Uuid::nil().into(), seq: 0 };
    let stream_id = unnamed.required::<Uuid>("stream_id")?.into();
    let columns = Columns { stream_id, ..unnamed };
    let began_at: DateTime<Utc> = columns.time("started_at")?;
    let request = match columns.optional::<Uuid>("request_id")? {
        Some(request_id) => Some(FoundRequest {
            request_id,
            conversation_id: columns.optional("conversation_id")?,
            state: columns.optional("to_state")?,
            events: columns.required("seq")?,
            began_at,
            last_at: columns.time("last_at")?,
        }),
        None => None,
    };
    Ok(ListedStream { cursor: RequestCursor { began_at, stream_id }, request })
}
