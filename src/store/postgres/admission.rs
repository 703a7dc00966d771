//! Admission: each call one statement, decided by the functions of migration 0004.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::cells::{digest, read_jsonb};
use super::connections::Connections;
use super::error::unanswered;
use super::record_columns::{bind_record, record_sql};
use super::sql::{Sql, sql};
use crate::event::{Period, Switch, SwitchScope};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::StoreError;
use crate::store::admission::{
    Admission, Claim, Conclusion, DOING, Decision, Flip, Lease, Obstacle, SwitchState, check_claim,
};

const ADMIT: Sql = record_sql!(
    "select verdict, other_effect_id, other_output, other_lease_until, switch, used, day_used, \
     heard_at, seq, recorded_at, stored_hash, chain_hash, key_in_use, switch_scope, switch_event_id",
    "admit",
    "$25, $26, $27"
);
const USE_KEY: Sql = sql!("select moltbot_audit.use_key($1) as in_use");
const KEY_IN_USE: Sql =
    sql!("select fingerprint as in_use from moltbot_audit.audit_keys where retired_at is null");
const ROTATE_KEY: Sql =
    record_sql!("select seq, recorded_at, stored_hash, chain_hash", "rotate_key", "$25, $26");
const CONCLUDE: Sql =
    record_sql!("select seq, recorded_at, stored_hash, chain_hash", "conclude", "$25, $26");
const SET_SWITCH: Sql = record_sql!(
    "select seq, recorded_at, stored_hash, chain_hash, may_admit",
    "set_switch",
    "$25, $26, $27::jsonb, $28"
);
/// The part of it that a host's login may do, see `docs/roles.sql`.
const SET_SWITCH_OF_HOST: Sql = record_sql!(
    "select seq, recorded_at, stored_hash, chain_hash, may_admit",
    "set_switch_of_host",
    "$25, $26, $27::jsonb, $28"
);
const LAPSE_SWITCH: Sql =
    record_sql!("select seq, recorded_at, stored_hash, chain_hash", "lapse_switch", "$25");
const RENEW: Sql = sql!("select moltbot_audit.renew_leases($1, $2)");
const APPEND_PENDING: Sql = sql!("select moltbot_audit.append_pending_flips() as appended");
const FORGET: Sql = sql!("select moltbot_audit.forget_switch($1) as was_kept");

pub(super) async fn admit(
    connections: &Connections,
    claim: &Claim,
) -> Result<Decision, StoreError> {
    claim.check()?;
    // The database reads the claim from its event.
    check_claim(claim)?;
    let old_keys: Vec<_> =
        claim.previous.iter().map(|old| old.key_hash.map(|hash| *hash.as_bytes())).collect();
    let old_inputs: Vec<_> = claim.previous.iter().map(|old| *old.input_hash.as_bytes()).collect();
    let query = |pooling| {
        bind_record(ADMIT, pooling, &claim.intent)
            .bind(*claim.key.as_bytes())
            .bind(old_keys.as_slice())
            .bind(old_inputs.as_slice())
    };
    let rows = connections.fetch_all(DOING, query).await?;
    let row = rows.first().ok_or_else(|| unanswered(DOING, "no row".to_owned()))?;
    if let Ok("key") = row.try_get("verdict") {
        let in_use = fingerprint(row, "key_in_use");
        let in_use = in_use.map_err(|error| unanswered(DOING, error.to_string()))?;
        return Err(StoreError::KeyMismatch { in_use, given: claim.key });
    }
    decision(claim, row).map_err(|error| unanswered(DOING, error.to_string()))
}

pub(super) async fn use_key(
    connections: &Connections,
    given: KeyFingerprint,
) -> Result<KeyFingerprint, StoreError> {
    const DOING: &str = "look up the redaction key";
    let query = |pooling| USE_KEY.query(pooling).bind(*given.as_bytes());
    let rows = connections.fetch_all(DOING, query).await?;
    let row = rows.first().ok_or_else(|| unanswered(DOING, "no row".to_owned()))?;
    fingerprint(row, "in_use").map_err(|error| unanswered(DOING, error.to_string()))
}

/// The key in use. Unlike `use_key`, this writes nothing.
pub(super) async fn key_in_use(
    connections: &Connections,
) -> Result<Option<KeyFingerprint>, StoreError> {
    let query = |pooling| KEY_IN_USE.query(pooling);
    let row = |row: &PgRow| fingerprint(row, "in_use");
    Ok(connections.read("look up the redaction key", query, row).await?.pop())
}

pub(super) async fn rotate_key(
    connections: &Connections,
    from: KeyProof,
    to: KeyFingerprint,
    record: &Record,
) -> Result<Option<Receipt>, StoreError> {
    const DOING: &str = "replace the redaction key";
    let query = |pooling| {
        bind_record(ROTATE_KEY, pooling, record).bind(*from.as_bytes()).bind(*to.as_bytes())
    };
    let rows = connections.fetch_all(DOING, query).await?;
    let receipt = rows.first().map(|row| receipt(record, row)).transpose();
    receipt.map_err(|error| unanswered(DOING, error.to_string()))
}

fn fingerprint(row: &PgRow, column: &str) -> Result<KeyFingerprint, sqlx::Error> {
    row.try_get::<[u8; 16], _>(column).map(KeyFingerprint::from_bytes)
}

pub(super) async fn conclude(
    connections: &Connections,
    effect_id: Uuid,
    conclusion: Conclusion,
    record: &Record,
) -> Result<Option<Receipt>, StoreError> {
    const DOING: &str = "conclude an effect";
    let conclusion = match conclusion {
        Conclusion::Expired => "expired",
        Conclusion::Performed => "performed",
        Conclusion::NotPerformed => "not_performed",
    };
    let query = |pooling| bind_record(CONCLUDE, pooling, record).bind(effect_id).bind(conclusion);
    let rows = connections.fetch_all(DOING, query).await?;
    let receipt = rows.first().map(|row| receipt(record, row)).transpose();
    receipt.map_err(|error| unanswered(DOING, error.to_string()))
}

pub(super) async fn renew_leases(
    connections: &Connections,
    leases: &[Lease],
) -> Result<(), StoreError> {
    const DOING: &str = "renew leases";
    let ids: Vec<Uuid> = leases.iter().map(|lease| lease.effect_id).collect();
    let lengths: Vec<i64> = leases.iter().map(|lease| micros(lease.length)).collect();
    let query = |pooling| RENEW.query(pooling).bind(ids.as_slice()).bind(lengths.as_slice());
    connections.fetch_all(DOING, query).await.map(drop)
}

pub(super) async fn set_switch(
    connections: &Connections,
    state: &SwitchState,
    record: &Record,
) -> Result<Flip, StoreError> {
    const DOING: &str = "set a switch";
    // The database takes the scope and the limit from the event.
    if !state.is_placed_by(record) {
        return Err(StoreError::refused(DOING, "the event of a flip says another flip"));
    }
    // A host may engage any switch, release a conversation, and reset the switches of its self-test.
    let is_of_host = state.is_engaged
        || matches!(state.scope, SwitchScope::Conversation(_))
        || state.switch.as_str().starts_with(Switch::SELF_TEST_PREFIX);
    let sql = if is_of_host { SET_SWITCH_OF_HOST } else { SET_SWITCH };
    let by = state.by.as_ref().and_then(|by| serde_json::to_string(by).ok());
    let query = |pooling| {
        bind_record(sql, pooling, record)
            .bind(state.switch.as_str())
            .bind(state.is_engaged)
            .bind(by.as_deref())
            .bind(state.reason.as_str())
    };
    let rows = connections.fetch_all(DOING, query).await?;
    let row = rows.first().ok_or_else(|| unanswered(DOING, "no row".to_owned()))?;
    flip(record, row).map_err(|error| unanswered(DOING, error.to_string()))
}

pub(super) async fn lapse_switch(
    connections: &Connections,
    state: &SwitchState,
    record: &Record,
) -> Result<Option<Receipt>, StoreError> {
    const DOING: &str = "end a switch's time limit";
    let query = |pooling| bind_record(LAPSE_SWITCH, pooling, record).bind(state.switch.as_str());
    let rows = connections.fetch_all(DOING, query).await?;
    let receipt = rows.first().map(|row| receipt(record, row)).transpose();
    receipt.map_err(|error| unanswered(DOING, error.to_string()))
}

pub(super) async fn append_pending_flips(connections: &Connections) -> Result<u32, StoreError> {
    const DOING: &str = "append the events of switches";
    let rows = connections.fetch_all(DOING, |pooling| APPEND_PENDING.query(pooling)).await?;
    let row = rows.first().ok_or_else(|| unanswered(DOING, "no row".to_owned()))?;
    let appended: i32 =
        row.try_get("appended").map_err(|error| unanswered(DOING, error.to_string()))?;
    Ok(appended.unsigned_abs())
}

pub(super) async fn forget_switch(
    connections: &Connections,
    switch: &Switch,
) -> Result<bool, StoreError> {
    const DOING: &str = "forget a switch";
    let query = |pooling| FORGET.query(pooling).bind(switch.as_str());
    let rows = connections.fetch_all(DOING, query).await?;
    let row = rows.first().ok_or_else(|| unanswered(DOING, "no row".to_owned()))?;
    row.try_get("was_kept").map_err(|error| unanswered(DOING, error.to_string()))
}

fn decision(claim: &Claim, row: &PgRow) -> Result<Decision, sqlx::Error> {
    let other = || row.try_get::<Uuid, _>("other_effect_id");
    Ok(match row.try_get("verdict")? {
        "proceed" => Decision::Proceed(Admission {
            receipt: receipt(&claim.intent, row)?,
            used: used(claim, row)?,
            elapsed: elapsed(row)?,
        }),
        "replay" => {
            let output: Option<&str> = row.try_get("other_output")?;
            let output = output.map(read_jsonb).transpose();
            let output = output.map_err(|error| sqlx::Error::Decode(error.into()))?.flatten();
            Decision::Replay { effect_id: other()?, output }
        }
        "conflict" => Decision::Conflict { effect_id: other()? },
        "in_progress" => {
            let lease_until: DateTime<Utc> = row.try_get("other_lease_until")?;
            Decision::InProgress { effect_id: other()?, lease_until }
        }
        "in_doubt" => Decision::InDoubt { effect_id: other()? },
        "switch" => {
            let nth: i32 = row.try_get("switch")?;
            let switch = usize::try_from(nth - 1).unwrap_or_default();
            let scope = SwitchScope::parse(row.try_get("switch_scope")?);
            let scope =
                scope.ok_or_else(|| sqlx::Error::Decode("no scope that is known".into()))?;
            let event_id = row.try_get("switch_event_id")?;
            Decision::Refused(Obstacle::Switch { switch, scope, event_id })
        }
        "no_consent" => Decision::Refused(Obstacle::NoConsent),
        "consent_denied" => Decision::Refused(Obstacle::ConsentDenied),
        "consent_expired" => Decision::Refused(Obstacle::ConsentExpired),
        "budget" => Decision::Refused(over(claim, &used(claim, row)?)?),
        "time" => {
            let elapsed = elapsed(row)?.unwrap_or_default();
            Decision::Refused(Obstacle::Time { elapsed })
        }
        _ => return Err(sqlx::Error::Decode("no verdict that is known".into())),
    })
}

/// The usage of each budget, this claim included, in the order of its charges.
fn used(claim: &Claim, row: &PgRow) -> Result<Vec<i64>, sqlx::Error> {
    let mut of_request =
        row.try_get::<Option<Vec<i64>>, _>("used")?.unwrap_or_default().into_iter();
    let mut of_day =
        row.try_get::<Option<Vec<i64>>, _>("day_used")?.unwrap_or_default().into_iter();
    let used = claim.charges.iter().map_while(|charge| match charge.period {
        Period::Day => of_day.next(),
        Period::Request => of_request.next(),
    });
    Ok(used.collect())
}

/// The first charge that would exceed its limit.
fn over(claim: &Claim, used: &[i64]) -> Result<Obstacle, sqlx::Error> {
    let mut charges = claim.charges.iter().zip(used).enumerate();
    let over = charges.find(|(_, (charge, used))| **used > bounded(charge.limit));
    let (nth, (charge, used)) =
        over.ok_or_else(|| sqlx::Error::Decode("no budget is over its limit".into()))?;
    Ok(Obstacle::Budget { charge: nth, used: used - bounded(charge.amount) })
}

/// How long the request has taken, if its time is limited.
fn elapsed(row: &PgRow) -> Result<Option<Duration>, sqlx::Error> {
    let heard_at: Option<DateTime<Utc>> = row.try_get("heard_at")?;
    let Some(heard_at) = heard_at else { return Ok(None) };
    let until: DateTime<Utc> = row.try_get("recorded_at")?;
    // Zero if the server's clock went back.
    Ok(Some((until - heard_at).to_std().unwrap_or_default()))
}

fn flip(record: &Record, row: &PgRow) -> Result<Flip, sqlx::Error> {
    let seq: Option<i64> = row.try_get("seq")?;
    let receipt = seq.map(|_| receipt(record, row)).transpose()?;
    let may_admit: Option<Vec<i32>> = row.try_get("may_admit")?;
    Ok(Flip { receipt, may_admit: may_admit.unwrap_or_default() })
}

fn receipt(record: &Record, row: &PgRow) -> Result<Receipt, sqlx::Error> {
    let recorded_at: DateTime<Utc> = row.try_get("recorded_at")?;
    let (stored, chain_hash) = (digest(row, "stored_hash")?, digest(row, "chain_hash")?);
    // These events have parts, and so a hash of their own for each salt.
    let is_duplicate = stored != record.event_hash();
    Ok(Receipt::new(record, row.try_get("seq")?, recorded_at, stored, chain_hash, is_duplicate))
}

/// Bounds an amount, so that usage and charge together fit into an `i64`.
fn bounded(amount: i64) -> i64 {
    amount.min((1 << 62) - 1)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
