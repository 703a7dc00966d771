//! Lists streams, most recent first.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use uuid::Uuid;

use super::cells::Cells;
use super::error::failed;
use crate::event::StreamId;
use crate::store::{
    FoundRequest, ListedStream, RequestCursor, StoreError, StreamOwner, StreamScope,
};

const DOING: &str = "list streams";

/// Two lookups by `(stream_id, seq)` for each stream.
macro_rules! list {
    ($of:literal) => {
        concat!(
            "select
                s.stream_id, s.seq, s.started_at, s.last_at, first.request_id, first.conversation_id,
                (
                    select case when json_valid(e.input) then e.input ->> '$.to_state' end
                    from audit_events as e
                    where e.stream_id = s.stream_id and e.event_type = 'request.state_changed'
                        and e.outcome = 'succeeded'
                    order by e.seq desc
                    limit 1
                ) as to_state
            from (
                select stream_id, seq, started_at, last_at
                from audit_streams
                where started_at >= ?1 and started_at < ?2 and (started_at, stream_id) < (?3, ?4) ",
            $of,
            "
                order by started_at desc, stream_id desc
                limit ?5
            ) as s
            left join audit_events as first on first.stream_id = s.stream_id and first.seq = 1
            order by s.started_at desc, s.stream_id desc"
        )
    };
}

const ALL: &str = list!("");
const OF_REQUEST: &str = list!("and stream_id = ?6");
/// Its last events alone, so that a conversation of years costs no more.
const OF_CONVERSATION: &str = list!(
    "and stream_id in (
        select stream_id from (
            select stream_id
            from audit_events
            where conversation_id = ?6
            order by created_at desc
            limit 10000
        )
    )"
);

pub(super) async fn list_streams(
    readers: &SqlitePool,
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
    let micros = [scope.from, scope.before, began].map(|time| time.timestamp_micros());
    let query = sqlx::query(list).bind(micros[0]).bind(micros[1]).bind(micros[2]);
    let query = query.bind(stream.to_string()).bind(max).bind(of.map(|of| of.to_string()));
    let rows = query.fetch_all(readers).await.map_err(|error| failed(DOING, error))?;
    rows.iter().map(listed).collect()
}

fn listed(row: &SqliteRow) -> Result<ListedStream, StoreError> {
    let nil = StreamId::from(Uuid::nil());
    let malformed = |stream_id| StoreError::Malformed {
        stream_id,
        seq: 0,
        column: "stream_id",
        reason: "is missing",
    };
    let cells = Cells::of(row, nil, "seq")?.ok_or_else(|| malformed(nil))?;
    let stream_id = cells.uuid("stream_id")?.ok_or_else(|| malformed(nil))?.into();
    let cells = Cells::of(row, stream_id, "seq")?.ok_or_else(|| malformed(stream_id))?;
    let began_at = cells.time("started_at")?;
    let request = match cells.uuid("request_id")? {
        Some(request_id) => Some(FoundRequest {
            request_id,
            conversation_id: cells.uuid("conversation_id")?,
            // A number may have been put there.
            state: cells.get("to_state").unwrap_or_default(),
            events: cells.seq(),
            began_at,
            last_at: cells.time("last_at")?,
        }),
        None => None,
    };
    Ok(ListedStream { cursor: RequestCursor { began_at, stream_id }, request })
}
