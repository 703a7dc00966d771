//! Reads the effects whose end is not recorded.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::connections::Connections;
use super::sql::{Sql, sql};
use crate::store::StoreError;
use crate::store::admission::{OpenEffect, OpenKind, OpenPage};

/// Times are clamped to the driver's calendar: an `infinity` written by hand must not hide other rows. The time
/// of the statement is used because an index can be searched by it.
macro_rules! open_effects {
    ($($and:literal),+) => {
        sql!(
            "select effect_id, effect, request_id, conversation_id,
                least(greatest(admitted_at, '0001-01-01Z'), '9999-12-31Z') as admitted_at,
                least(greatest(lease_until, '0001-01-01Z'), '9999-12-31Z') as lease_until,
                state = 'running' and lease_until <= statement_timestamp() as is_expiring,
                state = 'in_doubt' or lease_until <= statement_timestamp() as is_in_doubt
            from moltbot_audit.audit_effects
            where state in ('running', 'in_doubt') and intent_id is not null and ",
            $($and),+
        )
    };
}

/// The end of a page's statement.
macro_rules! page {
    ($and:literal) => {
        open_effects!(
            $and,
            " and (lease_until, effect_id) > (
                coalesce($1, '-infinity'), coalesce($2, '00000000-0000-0000-0000-000000000000')
            )
            order by lease_until, effect_id
            limit $3"
        )
    };
}

const ALL: Sql = page!("true");
const EXPIRING: Sql = page!("state = 'running' and lease_until <= statement_timestamp()");
const IN_DOUBT: Sql = page!("(state = 'in_doubt' or lease_until <= statement_timestamp())");
const ONE: Sql = open_effects!("effect_id = $1");
const COUNT_IN_DOUBT: Sql = sql!(
    "select count(*) as effects
    from moltbot_audit.audit_effects
    where state in ('running', 'in_doubt') and intent_id is not null
        and (state = 'in_doubt' or lease_until <= statement_timestamp())"
);

const DOING: &str = "list open effects";

pub(super) async fn page(
    connections: &Connections,
    page: OpenPage,
) -> Result<Vec<OpenEffect>, StoreError> {
    let sql = match page.of {
        OpenKind::All => ALL,
        OpenKind::Expiring => EXPIRING,
        OpenKind::InDoubt => IN_DOUBT,
    };
    let after = page.after.unzip();
    let query = |pooling| sql.query(pooling).bind(after.0).bind(after.1).bind(i64::from(page.max));
    connections.read(DOING, query, open_effect).await
}

pub(super) async fn one(
    connections: &Connections,
    effect_id: Uuid,
) -> Result<Option<OpenEffect>, StoreError> {
    let query = |pooling| ONE.query(pooling).bind(effect_id);
    Ok(connections.read(DOING, query, open_effect).await?.pop())
}

pub(super) async fn count_in_doubt(connections: &Connections) -> Result<u64, StoreError> {
    let query = |pooling| COUNT_IN_DOUBT.query(pooling);
    let effects = |row: &PgRow| row.try_get::<i64, _>("effects");
    let counts = connections.read("count the effects in doubt", query, effects).await?;
    Ok(counts.into_iter().map(i64::unsigned_abs).sum())
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
