//! Admission: decided in one transaction, under the lock of the file.

mod admit;
mod entry;
mod key;
mod open;
mod settle;
mod switch;

use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use tokio::time::timeout;
use uuid::Uuid;

use self::entry::{malformed, readable};
pub(super) use self::key::key_in_use;
pub(super) use self::settle::follow;
use super::chain::Placed;
use super::error::{failed, is_busy};
use super::row::Row;
use super::{SqliteStore, chain};
use crate::event::{Budget, EventType, StreamId, Switch};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::admission::rules::{check_conclusion, check_flip, check_lapse, check_rotation};
use crate::store::admission::{
    Admission, AdmissionStore, Claim, Conclusion, DOING, Decision, EarlierEvent, FirstShortlist,
    Flip, Lease, OpenEffect, OpenPage, Scope, SwitchState, check_claim,
};
use crate::store::{BoxFuture, StoreError};

/// How long a read may take that only looks whether the file is there.
const READ_LIMIT: Duration = Duration::from_millis(50);
const DOING_EARLIER: &str = "read earlier events";
const DOING_USAGE: &str = "read what is used";
const DOING_SHORTLIST: &str = "read the first shortlist";

impl AdmissionStore for SqliteStore {
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        let use_key = async move |writer: SqlitePool| key::use_key(&writer, given).await;
        Box::pin(self.write(key::DOING_USE, use_key))
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_rotation(from.fingerprint(), to, record)?;
            let row = Row::from(record);
            let rotate = async move |writer: SqlitePool| key::rotate(&writer, from, to, &row).await;
            let placed = self.write(key::DOING_ROTATE, rotate).await?;
            placed.map(|placed| receipt(key::DOING_ROTATE, record, placed)).transpose()
        })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move {
            check_claim(claim)?;
            let (row, asked) = (Row::from(&claim.intent), claim.clone());
            let admit = async move |writer: SqlitePool| admit::admit(&writer, &asked, &row).await;
            Ok(match self.write(DOING, admit).await? {
                admit::Answer::Decided(decision) => decision,
                admit::Answer::Admitted { placed, used, elapsed } => {
                    let receipt = receipt(DOING, &claim.intent, placed)?;
                    Decision::Proceed(Admission { receipt, used, elapsed })
                }
            })
        })
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_conclusion(effect_id, conclusion, record)?;
            let row = Row::from(record);
            let conclude = async move |writer: SqlitePool| {
                settle::conclude(&writer, effect_id, conclusion, &row).await
            };
            let placed = self.write(settle::DOING_CONCLUDE, conclude).await?;
            placed.map(|placed| receipt(settle::DOING_CONCLUDE, record, placed)).transpose()
        })
    }

    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let leases = leases.to_vec();
            let renew = async move |writer: SqlitePool| open::renew_leases(&writer, &leases).await;
            self.write(open::DOING_RENEW, renew).await
        })
    }

    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        Box::pin(open::page(&self.readers, page))
    }

    fn open_effect(
        &self,
        effect_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>> {
        Box::pin(open::one(&self.readers, effect_id))
    }

    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(open::count_in_doubt(&self.readers))
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        let (select, of) = match scope {
            Scope::Day(day) => {
                ("select budget, used from audit_day_budgets where day = ?1", day.to_string())
            }
            Scope::Request(id) => {
                ("select budget, used from audit_budgets where request_id = ?1", id.to_string())
            }
        };
        Box::pin(async move {
            let found = sqlx::query(select).bind(of).fetch_all(&self.readers).await;
            let rows = found.map_err(|error| failed(DOING_USAGE, error))?;
            let used = |row: &SqliteRow| {
                let fault = |error| failed(DOING_USAGE, error);
                let budget: String = row.try_get("budget").map_err(fault)?;
                let budget = Budget::new(budget);
                let budget = budget.map_err(|_| malformed(DOING_USAGE, "a budget's name"))?;
                Ok((budget, row.try_get("used").map_err(fault)?))
            };
            Ok(rows.iter().filter_map(|row| readable(used(row))).collect())
        })
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(switch::read(&self.readers))
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        const SELECT: &str = "select id, created_at - (
                select created_at from audit_events where stream_id = ?1 and seq = 1
            ) as after_us
            from audit_events
            where stream_id = ?1 and event_type = 'shortlist.generated'
                and outcome = 'succeeded'
            order by seq
            limit 1";
        Box::pin(async move {
            let query = sqlx::query(SELECT).bind(stream_id.uuid().to_string());
            let found = query.fetch_optional(&self.readers).await;
            let fault = |error| failed(DOING_SHORTLIST, error);
            let Some(row) = found.map_err(fault)? else { return Ok(None) };
            let after_us: Option<i64> = row.try_get("after_us").map_err(fault)?;
            let id: String = row.try_get("id").map_err(fault)?;
            let event_id = id.parse().map_err(|_| malformed(DOING_SHORTLIST, "an event's id"))?;
            let after = after_us.and_then(|us| u64::try_from(us).ok()).map(Duration::from_micros);
            Ok(Some(FirstShortlist { event_id, after }))
        })
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        const SELECT: &str = "select id, event_type, outcome, error_code, input, output
            from audit_events
            where stream_id = ?1 and seq < ?2
                and event_type in (select value from json_each(?3))
            order by seq desc
            limit ?4";
        Box::pin(async move {
            let types: Vec<_> = event_types.iter().map(EventType::as_str).collect();
            let query = sqlx::query(SELECT).bind(stream_id.uuid().to_string()).bind(seq);
            let query = query.bind(serde_json::json!(types).to_string()).bind(EarlierEvent::MAX);
            let found = query.fetch_all(&self.readers).await;
            let fault = |error| failed(DOING_EARLIER, error);
            let event = |row: &SqliteRow| {
                let json = |name: &str| {
                    let text: Option<String> = row.try_get(name).map_err(fault)?;
                    // What cannot be read names nothing.
                    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
                };
                let id: String = row.try_get("id").map_err(fault)?;
                Ok(EarlierEvent {
                    id: id.parse().map_err(|_| malformed(DOING_EARLIER, "an event's id"))?,
                    error_code: row.try_get("error_code").map_err(fault)?,
                    event_type: row.try_get("event_type").map_err(fault)?,
                    outcome: row.try_get("outcome").map_err(fault)?,
                    input: json("input")?,
                    output: json("output")?,
                })
            };
            found.map_err(fault)?.iter().rev().map(event).collect()
        })
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let read = sqlx::query("select 1 from sqlite_schema limit 1");
            let read = timeout(READ_LIMIT, read.fetch_optional(&self.readers)).await;
            // A file does not go away in silence: what holds a read up is a lock, too.
            read.is_err() || read.is_ok_and(|read| read.err().is_none_or(|error| is_busy(&error)))
        })
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move {
            check_flip(state, record)?;
            let (row, state) = (Row::from(record), state.clone());
            let set = async move |writer: SqlitePool| switch::set(&writer, &state, &row).await;
            let placed = self.write(switch::DOING_SET, set).await?;
            receipt(switch::DOING_SET, record, placed).map(Flip::from)
        })
    }

    fn lapse_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            check_lapse(state, record)?;
            let (row, state) = (Row::from(record), state.clone());
            let lapse = async move |writer: SqlitePool| switch::lapse(&writer, &state, &row).await;
            let placed = self.write(switch::DOING_LAPSE, lapse).await?;
            placed.map(|placed| receipt(switch::DOING_LAPSE, record, placed)).transpose()
        })
    }

    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let switch = switch.clone();
            let forget = async move |writer: SqlitePool| switch::forget(&writer, &switch).await;
            self.write(switch::DOING_FORGET, forget).await
        })
    }
}

/// The receipt of a record whose conflict leaves nothing to answer.
fn receipt(doing: &'static str, record: &Record, placed: Placed) -> Result<Receipt, StoreError> {
    match placed {
        Ok(place) => Ok(place.receipt(record)),
        Err(conflict) => Err(StoreError::refused(doing, conflict)),
    }
}
