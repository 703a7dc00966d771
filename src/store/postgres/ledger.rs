//! Reading what admission keeps: effects without an end, budgets, switches.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::unanswered;
use super::statement::{Connections, Sql, sql};
use crate::event::{Budget, EventError, Switch};
use crate::store::StoreError;
use crate::store::admission::{OpenEffect, Scope, SwitchState};

const OPEN_EFFECTS: Sql = sql!(
    "select effect_id, effect, request_id, conversation_id, admitted_at, lease_until,
        state = 'running' and lease_until <= clock_timestamp() as is_expiring,
        state = 'in_doubt' or lease_until <= clock_timestamp() as is_in_doubt
    from moltbot_audit.audit_effects
    where state in ('running', 'in_doubt')
    order by admitted_at
    limit $1"
);
const REQUEST_USAGE: Sql = sql!(
    "select budget, used from moltbot_audit.audit_budgets where request_id = $1 order by budget"
);
const DAY_USAGE: Sql =
    sql!("select budget, used from moltbot_audit.audit_day_budgets where day = $1 order by budget");
const SWITCHES: Sql = sql!(
    "select switch, engaged, changed_by, reason, changed_at
    from moltbot_audit.audit_switches
    order by switch"
);

pub(super) async fn open_effects(
    connections: &Connections,
    max: u32,
) -> Result<Vec<OpenEffect>, StoreError> {
    let query = |pooling| OPEN_EFFECTS.query(pooling).bind(i64::from(max));
    read(connections, "list open effects", query, open_effect).await
}

pub(super) async fn usage(
    connections: &Connections,
    scope: Scope,
) -> Result<Vec<(Budget, i64)>, StoreError> {
    let query = |pooling| match scope {
        Scope::Request(request_id) => REQUEST_USAGE.query(pooling).bind(request_id),
        Scope::Day(day) => DAY_USAGE.query(pooling).bind(day),
    };
    let used = |row: &PgRow| {
        let budget = Budget::new(row.try_get::<String, _>("budget")?).map_err(malformed)?;
        Ok((budget, row.try_get("used")?))
    };
    read(connections, "read budgets", query, used).await
}

pub(super) async fn switches(connections: &Connections) -> Result<Vec<SwitchState>, StoreError> {
    let states =
        read(connections, "read switches", |pooling| SWITCHES.query(pooling), switch_state);
    // A name that is none governs nothing, and must not hide the others.
    Ok(states.await?.into_iter().flatten().collect())
}

fn open_effect(row: &PgRow) -> Result<OpenEffect, sqlx::Error> {
    let (admitted_at, lease_until): (DateTime<Utc>, DateTime<Utc>) =
        (row.try_get("admitted_at")?, row.try_get("lease_until")?);
    Ok(OpenEffect {
        effect_id: row.try_get("effect_id")?,
        effect: row.try_get("effect")?,
        request_id: row.try_get("request_id")?,
        conversation_id: row.try_get("conversation_id")?,
        admitted_at,
        lease_until,
        is_in_doubt: row.try_get("is_in_doubt")?,
        is_expiring: row.try_get("is_expiring")?,
    })
}

fn switch_state(row: &PgRow) -> Result<Option<SwitchState>, sqlx::Error> {
    let Ok(switch) = Switch::new(row.try_get::<String, _>("switch")?) else { return Ok(None) };
    Ok(Some(SwitchState {
        switch,
        is_engaged: row.try_get("engaged")?,
        by: row.try_get("changed_by")?,
        reason: row.try_get("reason")?,
        at: row.try_get("changed_at")?,
    }))
}

async fn read<'q, T>(
    connections: &Connections,
    doing: &'static str,
    query: impl Fn(
        super::Pooling,
    ) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>
    + Sync,
    row: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    let rows = connections.fetch_all(doing, query).await?;
    let read: Result<Vec<T>, _> = rows.iter().map(row).collect();
    read.map_err(|error| unanswered(doing, error.to_string()))
}

#[cold]
fn malformed(error: EventError) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
