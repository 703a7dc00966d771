//! The effects whose end is not recorded, and the leases of those that run.

use chrono::TimeDelta;
use sqlx::sqlite::SqlitePool;
use uuid::Uuid;

use super::entry::{entry, json, readable};
use super::{chain::now, failed};
use crate::store::StoreError;
use crate::store::admission::rules::lease_end;
use crate::store::admission::{Lease, OpenEffect, OpenKind, OpenPage};

macro_rules! page {
    ($and:literal) => {
        concat!(
            "select * from audit_effects
            where state in ('in_doubt', 'running') and intent_id is not null and ",
            $and,
            " and (lease_until, effect_id) > (?2, ?3)
            order by lease_until, effect_id limit ?4"
        )
    };
}

const ALL: &str = page!("?1 is not null");
const EXPIRING: &str = page!("state = 'running' and lease_until <= ?1");
const IN_DOUBT: &str = page!("(state = 'in_doubt' or lease_until <= ?1)");

const DOING_LIST: &str = "list open effects";
pub(super) const DOING_RENEW: &str = "renew leases";

/// Renews leases: see [`AdmissionStore::renew_leases`](crate::store::admission::AdmissionStore::renew_leases).
pub(super) async fn renew_leases(writer: &SqlitePool, leases: &[Lease]) -> Result<(), StoreError> {
    const UPDATE: &str = "
        update audit_effects set lease_until = renewed.value ->> 1
        from json_each(?1) as renewed
        where effect_id = renewed.value ->> 0 and state = 'running' and has_outcome = 0
            and intent_id is not null and lease_until > ?2";
    let fault = |error| failed(DOING_RENEW, error);
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let now = now();
    let end = |lease: &Lease| lease_end(now, TimeDelta::from_std(lease.length).ok());
    let ends: Vec<(Uuid, i64)> =
        leases.iter().map(|lease| (lease.effect_id, end(lease).timestamp_micros())).collect();
    let update = sqlx::query(UPDATE).bind(json(&ends)).bind(now.timestamp_micros());
    update.execute(&mut *transaction).await.map_err(fault)?;
    transaction.commit().await.map_err(fault)
}

pub(super) async fn page(
    readers: &SqlitePool,
    page: OpenPage,
) -> Result<Vec<OpenEffect>, StoreError> {
    let select = match page.of {
        OpenKind::All => ALL,
        OpenKind::Expiring => EXPIRING,
        OpenKind::InDoubt => IN_DOUBT,
    };
    let now = now();
    let after = page.after.map(|(time, id)| (time.timestamp_micros(), id.to_string()));
    let (time, id) = after.unwrap_or((i64::MIN, String::new()));
    let query = sqlx::query(select).bind(now.timestamp_micros()).bind(time).bind(id);
    let rows = query.bind(page.max).fetch_all(readers).await.map_err(listing)?;
    // A malformed row must not hide the others.
    let entries = rows.iter().filter_map(|row| readable(entry(row, DOING_LIST)));
    Ok(entries.filter_map(|entry| entry.open(now)).collect())
}

pub(super) async fn one(
    readers: &SqlitePool,
    effect_id: Uuid,
) -> Result<Option<OpenEffect>, StoreError> {
    let query = sqlx::query("select * from audit_effects where effect_id = ?1");
    let row = query.bind(effect_id.to_string()).fetch_optional(readers).await.map_err(listing)?;
    let entry = row.map(|row| entry(&row, DOING_LIST)).transpose()?;
    Ok(entry.and_then(|entry| entry.open(now())))
}

pub(super) async fn count_in_doubt(readers: &SqlitePool) -> Result<u64, StoreError> {
    const COUNT: &str = "
        select count(*) from audit_effects
        where state in ('in_doubt', 'running') and intent_id is not null
            and (state = 'in_doubt' or lease_until <= ?1)";
    let count = sqlx::query_scalar(COUNT).bind(now().timestamp_micros());
    let effects: i64 = count.fetch_one(readers).await.map_err(listing)?;
    Ok(effects.unsigned_abs())
}

fn listing(error: sqlx::Error) -> StoreError {
    failed(DOING_LIST, error)
}
