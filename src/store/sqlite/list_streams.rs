//! Lists streams, most recent first.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use uuid::Uuid;

use super::cells::Cells;
use super::chain::now;
use super::error::failed;
use crate::event::StreamId;
use crate::store::criteria::StreamFacts;
use crate::store::{
    FoundRequest, ListedStream, RequestCursor, StoreError, StreamOwner, StreamScope,
};

const DOING: &str = "list streams";

/// Lookups by `(stream_id, seq)` for each stream. Its other events are read only if the search asks for what they name.
const HEAD: &str = "
    select
        s.stream_id, s.seq, s.started_at, s.last_at, first.request_id, first.conversation_id,
        (
            select case when json_valid(e.input) then e.input ->> '$.to_state' end
            from audit_events as e
            where e.stream_id = s.stream_id and e.event_type = 'request.state_changed'
                and e.outcome = 'succeeded'
            order by e.seq desc
            limit 1
        ) as to_state,
        ?8 is not null and exists (
            select 1 from audit_events as e
            where e.stream_id = s.stream_id and e.idempotency_key in (select value from json_each(?8))
        ) as has_key,
        ?9 and exists (
            select 1 from audit_events as e
            where e.stream_id = s.stream_id and e.event_type = 'effect.refused' and case
                when json_valid(e.input) then e.input ->> '$.effect' like 'moltbot.%'
                    or exists (select 1 from json_each(e.input, '$.switches') where value = 'ai')
            end
        ) as is_ai_refused,
        (
            select json_group_array(distinct e.idempotency_key)
            from audit_events as e
            where ?7 and e.stream_id = s.stream_id and e.idempotency_key like '%phone-%'
        ) as keys,
        (
            select json_group_array(distinct
                iif(member.key = 'vendor_id' or member.path like '%vendor_ids%', 'vendor', 'phone')
                || ' ' || cast(member.value as text)
            )
            from audit_events as e
            join json_each(json_array(e.input, e.output)) as part
            join json_tree(case when json_valid(part.value) then part.value end) as member
            where ?7 and e.stream_id = s.stream_id and member.type in ('integer', 'text') and (
                member.key like '%phone%' or member.path like '%phone%' or lower(member.key) = 'wa_id'
                or member.key = 'vendor_id' or member.path like '%vendor_ids%'
            )
        ) as people
    from (
        select stream_id, seq, started_at, last_at
        from audit_streams
        where started_at >= ?1 and started_at < ?2 and (started_at, stream_id) < (?3, ?4)";
const TAIL: &str = "
        order by started_at desc, stream_id desc
        limit ?5
    ) as s
    left join audit_events as first on first.stream_id = s.stream_id and first.seq = 1
    order by s.started_at desc, s.stream_id desc";

const OF_REQUEST: &str = " and stream_id = ?6";
/// Its last events alone, so that a conversation of years costs no more.
const OF_CONVERSATION: &str = " and stream_id in (
    select stream_id from (
        select stream_id
        from audit_events
        where conversation_id = ?6
        order by created_at desc
        limit 10000
    )
)";
/// By the indexes of open effects and of keys, and then by the id of the effect's event.
const OF_EFFECTS: &str = " and stream_id in (
    select e.stream_id
    from audit_effects as f
    join audit_events as e on e.id = coalesce(f.intent_id, f.effect_id)
    where true";
const IS_IN_DOUBT: &str = " and f.state in ('in_doubt', 'running') and f.intent_id is not null
    and (f.state = 'in_doubt' or f.lease_until <= ?11)";
const HAS_KEY: &str = " and f.key_hash in (select unhex(value) from json_each(?10))";

fn statement(scope: &StreamScope) -> String {
    let mut sql = HEAD.to_owned();
    sql.push_str(match scope.of {
        StreamOwner::All => "",
        StreamOwner::Conversation(_) => OF_CONVERSATION,
        StreamOwner::Request(_) => OF_REQUEST,
    });
    if !scope.effects.is_empty() {
        sql.push_str(OF_EFFECTS);
        sql.push_str(if scope.effects.is_in_doubt { IS_IN_DOUBT } else { "" });
        sql.push_str(if scope.effects.keys.is_empty() { "" } else { HAS_KEY });
        sql.push(')');
    }
    sql + TAIL
}

pub(super) async fn list_streams(
    readers: &SqlitePool,
    scope: &StreamScope,
    after: Option<RequestCursor>,
    max: u32,
) -> Result<Vec<ListedStream>, StoreError> {
    let (began, stream) =
        after.map_or((scope.before, Uuid::max()), |at| (at.began_at, at.stream_id.uuid()));
    let of = match scope.of {
        StreamOwner::All => None,
        StreamOwner::Conversation(id) => Some(id),
        StreamOwner::Request(stream_id) => Some(stream_id.uuid()),
    };
    let asked = &scope.asked;
    let keys = (!asked.keys.is_empty()).then(|| json(&asked.keys));
    let hashes: Vec<String> = scope.effects.keys.iter().map(ToString::to_string).collect();
    let micros = [scope.from, scope.before, began].map(|time| time.timestamp_micros());
    let query = sqlx::query(AssertSqlSafe(statement(scope))).persistent(false);
    let query = query.bind(micros[0]).bind(micros[1]).bind(micros[2]);
    let query = query.bind(stream.to_string()).bind(max).bind(of.map(|of| of.to_string()));
    let query = query.bind(asked.people).bind(keys).bind(asked.refusals);
    let query = query.bind(json(&hashes)).bind(now().timestamp_micros());
    let rows = query.fetch_all(readers).await.map_err(|error| failed(DOING, error))?;
    rows.iter().map(listed).collect()
}

fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
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
    Ok(ListedStream {
        cursor: RequestCursor { began_at, stream_id },
        request,
        facts: facts(cells).unwrap_or_default(),
    })
}

/// `None` if SQLite answered with another type than the statement asks for.
fn facts(cells: Cells<'_>) -> Option<StreamFacts> {
    let flag = |column| Some(cells.get::<i64>(column).ok()? != 0);
    let list = |column| cells.get::<&str>(column).ok();
    let people: Vec<String> = serde_json::from_str(list("people")?).ok()?;
    let keys: Vec<String> = serde_json::from_str(list("keys")?).ok()?;
    let mut facts = StreamFacts {
        phones: keys,
        vendors: Vec::new(),
        has_key: flag("has_key")?,
        is_ai_refused: flag("is_ai_refused")?,
    };
    for person in people {
        let (kind, name) = person.split_once(' ')?;
        if kind == "vendor" { &mut facts.vendors } else { &mut facts.phones }.push(name.to_owned());
    }
    Some(facts)
}
