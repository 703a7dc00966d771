//! Lists streams, most recent first.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::Connections;
use super::read::Columns;
use crate::store::criteria::StreamFacts;
use crate::store::{
    FoundRequest, ListedStream, RequestCursor, StoreError, StreamOwner, StreamScope,
};

/// Lookups by `(stream_id, seq)` in each month, for each stream. The last one reads the stream's events, and only if the
/// search asks for what they name: Postgres sees a condition of constants, and does not start it.
///
/// Keys are cast to `text`: the driver would look up the type of a list of keys, and lose the unnamed statement by that.
/// Members are collected by a function that returns one value: of one that returns rows Postgres expects a thousand, and
/// would compile the statement for seconds.
const HEAD: &str = "
    select s.stream_id, s.seq, s.started_at, s.last_at,
        first.request_id, first.conversation_id, state.to_state,
        facts.has_key, facts.is_ai_refused, facts.keys, people.people
    from (
        select stream_id, seq, started_at, last_at
        from moltbot_audit.audit_streams
        where started_at >= $1 and started_at < $2 and (started_at, stream_id) < ($3, $4)";
const TAIL: &str = r#"
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
    left join lateral (
        select
            bool_or(e.idempotency_key = any ($8)) as has_key,
            bool_or(
                e.event_type = 'effect.refused'
                and (e.input ->> 'effect' ^@ 'moltbot.' or e.input -> 'switches' ? 'ai')
            ) as is_ai_refused,
            array_agg(distinct e.idempotency_key::text)
                filter (where $7 and e.idempotency_key like '%phone-%') as keys
        from moltbot_audit.audit_events e
        where ($7 or $9 or $8 is not null) and e.stream_id = s.stream_id
    ) facts on true
    left join lateral (
        select jsonb_agg(named.members) filter (where named.members <> '[]') #>> '{}' as people
        from moltbot_audit.audit_events e,
            lateral (
                select jsonb_path_query_array(
                    jsonb_build_array(e.input, e.output),
                    '$.** ? (@.type() == "object").keyvalue()
                        ? (@.key like_regex "phone|^wa_id$|^vendor_ids?$" flag "i")'
                ) as members
                offset 0
            ) named
        where $7 and e.stream_id = s.stream_id
    ) people on true
    order by s.started_at desc, s.stream_id desc"#;

const OF_REQUEST: &str = " and stream_id = $6";
/// Only the last events, so that a conversation of years costs no more.
const OF_CONVERSATION: &str = " and stream_id in (
    select e.stream_id from (
        select e.stream_id
        from moltbot_audit.audit_events e
        where e.conversation_id = $6
        order by e.created_at desc
        limit 10000
    ) e
)";
/// By the indexes of open effects and of keys.
const OF_EFFECTS: &str = " and stream_id in (
    select moltbot_audit.stream_of(f.request_id)
    from moltbot_audit.audit_effects f
    where f.request_id is not null";
const IS_IN_DOUBT: &str = " and f.state in ('running', 'in_doubt') and f.intent_id is not null
    and (f.state = 'in_doubt' or f.lease_until <= statement_timestamp())";
const HAS_KEY: &str = " and f.key_hash = any ($10)";

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
    connections: &Connections,
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
    let sql = statement(scope);
    let asked = &scope.asked;
    let keys = (!asked.keys.is_empty()).then_some(&asked.keys);
    let hashes: Vec<&[u8]> = scope.effects.keys.iter().map(|hash| &hash.as_bytes()[..]).collect();
    // Planned for these values: a generic plan would not know how much of the index is read.
    let query = |_| {
        let query = sqlx::query(AssertSqlSafe(sql.clone())).persistent(false);
        let query = query.bind(scope.from).bind(scope.before).bind(began).bind(stream);
        let query = query.bind(i64::from(max)).bind(of);
        query.bind(asked.people).bind(keys).bind(asked.refusals).bind(hashes.clone())
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
    Ok(ListedStream {
        cursor: RequestCursor { began_at, stream_id },
        request,
        facts: facts(&columns)?,
    })
}

fn facts(columns: &Columns<'_>) -> Result<StreamFacts, StoreError> {
    let flag = |column| columns.optional(column).map(Option::unwrap_or_default);
    let mut facts = StreamFacts {
        phones: columns.optional("keys")?.unwrap_or_default(),
        vendors: Vec::new(),
        has_key: flag("has_key")?,
        is_ai_refused: flag("is_ai_refused")?,
    };
    let people = columns.optional::<String>("people")?;
    let people = people.and_then(|json| serde_json::from_str::<Vec<Vec<Member>>>(&json).ok());
    for member in people.into_iter().flatten().flatten() {
        let is_vendor = ["vendor_id", "vendor_ids"].contains(&member.key.as_str());
        let to = if is_vendor { &mut facts.vendors } else { &mut facts.phones };
        let texts =
            member.value.as_array().map_or(std::slice::from_ref(&member.value), Vec::as_slice);
        to.extend(texts.iter().filter_map(|text| match text {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }));
    }
    Ok(facts)
}

/// A member of an object, as Postgres lists them.
#[derive(Deserialize)]
struct Member {
    key: String,
    value: Value,
}
