//! Reads what admission keeps beside the effects: budgets, switches, earlier events.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::connections::Connections;
use super::sql::{Sql, sql};
use crate::event::{Budget, EventType, StreamId, Switch, SwitchScope};
use crate::store::StoreError;
use crate::store::admission::{EarlierEvent, FirstShortlist, Scope, SwitchState};

const REQUEST_USAGE: Sql = sql!(
    "select budget, used from moltbot_audit.audit_budgets where request_id = $1 order by budget"
);
const DAY_USAGE: Sql =
    sql!("select budget, used from moltbot_audit.audit_day_budgets where day = $1 order by budget");
const SWITCHES: Sql = sql!(
    "select distinct on (s.switch, s.scope) s.switch, s.scope, s.engaged,
        s.changed_by::text as changed_by, s.reason,
        case when s.until is not null
            then least(greatest(s.until, '0001-01-01Z'), '9999-12-31Z') end as until,
        least(greatest(s.changed_at, '0001-01-01Z'), '9999-12-31Z') as changed_at,
        (sum(jsonb_array_length(s.pending)) over (partition by s.switch, s.scope))::integer as pending
    from moltbot_audit.audit_switches s
    order by s.switch, s.scope, s.engaged desc, s.until desc nulls first, s.changed_at desc"
);

const FIRST_SHORTLIST: Sql = sql!(
    "select e.id, (extract(epoch from e.created_at - first.created_at) * 1000000)::bigint as after_us
    from moltbot_audit.audit_events e
    left join moltbot_audit.audit_events first on first.stream_id = e.stream_id and first.seq = 1
    where e.stream_id = $1 and e.event_type = 'shortlist.generated' and e.outcome = 'succeeded'
    order by e.seq
    limit 1"
);
const EVENTS_BEFORE: Sql = sql!(
    "select id, event_type, outcome, error_code, input::text as input, output::text as output
    from moltbot_audit.audit_events
    where stream_id = $1 and seq < $2 and event_type = any ($3)
    order by seq desc
    limit $4"
);
/// It reads no more than the last events of the stream, because no index finds a type in it.
const LAST_RECONCILED: Sql = sql!(
    "select e.id, e.event_type, e.outcome, e.error_code, e.input::text as input, e.output::text as output
    from moltbot_audit.audit_streams s
    join moltbot_audit.audit_events e on e.stream_id = s.stream_id and e.seq > s.seq - 5000
    where s.stream_id = $1 and e.event_type = 'audit.reconciled'
    order by e.seq desc
    limit 1"
);

pub(super) async fn usage(
    connections: &Connections,
    scope: Scope,
) -> Result<Vec<(Budget, i64)>, StoreError> {
    let query = |pooling| match scope {
        Scope::Request(request_id) => REQUEST_USAGE.query(pooling).bind(request_id),
        Scope::Day(day) => DAY_USAGE.query(pooling).bind(day),
    };
    // No limit has a malformed name, and a row with one must not hide the others.
    let used = |row: &PgRow| match Budget::new(row.try_get::<String, _>("budget")?) {
        Ok(budget) => Ok(Some((budget, row.try_get("used")?))),
        Err(_) => Ok(None),
    };
    Ok(connections.read("read budgets", query, used).await?.into_iter().flatten().collect())
}

pub(super) async fn switches(connections: &Connections) -> Result<Vec<SwitchState>, StoreError> {
    let states = connections.read("read switches", |pooling| SWITCHES.query(pooling), switch_state);
    // A switch with a malformed name governs nothing, and must not hide the others.
    Ok(states.await?.into_iter().flatten().collect())
}

pub(super) async fn first_shortlist(
    connections: &Connections,
    stream_id: StreamId,
) -> Result<Option<FirstShortlist>, StoreError> {
    let query = |pooling| FIRST_SHORTLIST.query(pooling).bind(stream_id.uuid());
    let first = |row: &PgRow| {
        let after_us = row.try_get::<Option<i64>, _>("after_us")?;
        let after = after_us.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros);
        Ok(FirstShortlist { event_id: row.try_get("id")?, after })
    };
    Ok(connections.read("read the first shortlist", query, first).await?.pop())
}

pub(super) async fn events_before(
    connections: &Connections,
    stream_id: StreamId,
    seq: i64,
    event_types: &[EventType],
) -> Result<Vec<EarlierEvent>, StoreError> {
    let types: Vec<String> = event_types.iter().map(ToString::to_string).collect();
    let query = |pooling| {
        let query = EVENTS_BEFORE.query(pooling).bind(stream_id.uuid()).bind(seq);
        query.bind(types.clone()).bind(i64::from(EarlierEvent::MAX))
    };
    let mut found = connections.read("read earlier events", query, earlier).await?;
    found.reverse();
    Ok(found)
}

pub(super) async fn last_reconciled(
    connections: &Connections,
) -> Result<Option<EarlierEvent>, StoreError> {
    let query = |pooling| LAST_RECONCILED.query(pooling).bind(StreamId::SYSTEM.uuid());
    Ok(connections.read("read the last comparison", query, earlier).await?.pop())
}

fn earlier(row: &PgRow) -> Result<EarlierEvent, sqlx::Error> {
    let json = |name: &str| -> Result<Value, sqlx::Error> {
        let text: Option<String> = row.try_get(name)?;
        // What cannot be read names nothing.
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    };
    Ok(EarlierEvent {
        id: row.try_get("id")?,
        event_type: row.try_get("event_type")?,
        outcome: row.try_get("outcome")?,
        error_code: row.try_get("error_code")?,
        input: json("input")?,
        output: json("output")?,
    })
}

fn switch_state(row: &PgRow) -> Result<Option<SwitchState>, sqlx::Error> {
    let Ok(switch) = Switch::new(row.try_get::<String, _>("switch")?) else { return Ok(None) };
    let Some(scope) = SwitchScope::parse(row.try_get("scope")?) else { return Ok(None) };
    Ok(Some(SwitchState {
        switch,
        scope,
        until: row.try_get::<Option<DateTime<Utc>>, _>("until")?,
        is_engaged: row.try_get("engaged")?,
        by: serde_json::from_str(row.try_get("changed_by")?).ok(),
        reason: row.try_get("reason")?,
        at: row.try_get("changed_at")?,
        pending: row.try_get::<Option<i32>, _>("pending")?.unwrap_or_default().unsigned_abs(),
    }))
}
