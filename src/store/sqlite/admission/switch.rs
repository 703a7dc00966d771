//! The kill switches.

use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row as _, SqliteConnection};

use super::chain::{Placed, append_one, now};
use super::entry::{json, malformed, readable};
use super::failed;
use super::settle::is_stored;
use crate::event::{Identity, Switch, SwitchScope};
use crate::store::StoreError;
use crate::store::admission::{SwitchState, rules};
use crate::store::sqlite::row::Row;

pub(super) const DOING_SET: &str = "set a switch";
pub(super) const DOING_FORGET: &str = "forget a switch";
pub(super) const DOING_LAPSE: &str = "end a switch's time limit";
const DOING_READ: &str = "read the switches";

pub(super) async fn set(
    writer: &SqlitePool,
    state: &SwitchState,
    row: &Row,
) -> Result<Placed, StoreError> {
    let fault = |error| failed(DOING_SET, error);
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let now = now();
    // If this very flip is stored already, the switch may have been set again since.
    if !is_stored(&mut transaction, row).await.map_err(fault)? {
        let state = SwitchState { at: now, ..state.clone() };
        if rules::is_kept(&state, now)? {
            upsert(&mut transaction, &state, row).await.map_err(fault)?;
        } else {
            delete(&mut transaction, &state).await.map_err(fault)?;
        }
    }
    let (placed, _) = append_one(&mut transaction, row, now).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(placed)
}

async fn upsert(
    transaction: &mut SqliteConnection,
    state: &SwitchState,
    row: &Row,
) -> Result<(), sqlx::Error> {
    let upsert = sqlx::query(
        "insert into audit_switches (switch, scope, engaged, until, event_id, by, reason, at) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         on conflict (switch, scope) do update set engaged = excluded.engaged, \
         until = excluded.until, event_id = excluded.event_id, by = excluded.by, \
         reason = excluded.reason, at = excluded.at",
    );
    let upsert = upsert.bind(state.switch.as_str()).bind(state.scope.to_string());
    let upsert = upsert.bind(state.is_engaged).bind(state.until.map(|at| at.timestamp_micros()));
    let upsert = upsert.bind(&row.content.id).bind(json(&state.by)).bind(&state.reason);
    upsert.bind(state.at.timestamp_micros()).execute(transaction).await?;
    Ok(())
}

async fn delete(
    transaction: &mut SqliteConnection,
    state: &SwitchState,
) -> Result<(), sqlx::Error> {
    let delete = sqlx::query("delete from audit_switches where switch = ?1 and scope = ?2");
    let delete = delete.bind(state.switch.as_str()).bind(state.scope.to_string());
    delete.execute(transaction).await.map(drop)
}

/// Ends a stop whose time limit is over; `None` if there is no such stop.
pub(super) async fn lapse(
    writer: &SqlitePool,
    state: &SwitchState,
    row: &Row,
) -> Result<Option<Placed>, StoreError> {
    let fault = |error| failed(DOING_LAPSE, error);
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let now = now();
    let over = sqlx::query(
        "delete from audit_switches where switch = ?1 and scope = ?2 and engaged = 1 and until <= ?3",
    );
    let over = over.bind(state.switch.as_str()).bind(state.scope.to_string());
    let over = over.bind(now.timestamp_micros()).execute(&mut *transaction).await;
    let is_over = over.map_err(fault)?.rows_affected() > 0;
    // The same call again, after its answer was lost.
    if !is_over && !is_stored(&mut transaction, row).await.map_err(fault)? {
        return Ok(None);
    }
    let (placed, _) = append_one(&mut transaction, row, now).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(Some(placed))
}

/// What an operator put there by hand is a claim, and only a database with logins knows more than a program says.
fn read_by(text: String) -> Identity {
    serde_json::from_str(&text).map_or_else(|_| Identity::claimed(text), Identity::said_by_host)
}

pub(super) async fn forget(writer: &SqlitePool, switch: &Switch) -> Result<bool, StoreError> {
    let delete = sqlx::query(
        "delete from audit_switches where switch = ?1 and scope = 'everywhere' and engaged = 1",
    );
    let deleted = delete.bind(switch.as_str()).execute(writer).await;
    Ok(deleted.map_err(|error| failed(DOING_FORGET, error))?.rows_affected() > 0)
}

pub(super) async fn read(readers: &SqlitePool) -> Result<Vec<SwitchState>, StoreError> {
    // Texts as bytes: what an operator put there by hand may be no text.
    let select = sqlx::query(
        "select cast(switch as blob) as switch, cast(scope as blob) as scope, engaged, until, \
         cast(by as blob) as by, cast(reason as blob) as reason, at \
         from audit_switches order by switch, scope",
    );
    let rows = select.fetch_all(readers).await.map_err(|error| failed(DOING_READ, error))?;
    // What is no name governs nothing, and must not hide the others.
    Ok(rows.iter().filter_map(|row| readable(state(row))).collect())
}

fn state(row: &SqliteRow) -> Result<SwitchState, StoreError> {
    let fault = |error| failed(DOING_READ, error);
    let text = |column| {
        let bytes: &[u8] = row.try_get(column).map_err(fault)?;
        Ok::<_, StoreError>(String::from_utf8_lossy(bytes).into_owned())
    };
    let switch = Switch::new(text("switch")?);
    let scope = SwitchScope::parse(&text("scope")?);
    let until: Option<i64> = row.try_get("until").map_err(fault)?;
    let at = DateTime::from_timestamp_micros(row.try_get("at").map_err(fault)?);
    Ok(SwitchState {
        switch: switch.map_err(|_| malformed(DOING_READ, "a switch's name"))?,
        scope: scope.ok_or_else(|| malformed(DOING_READ, "a switch's scope"))?,
        until: until
            .map(|us| DateTime::from_timestamp_micros(us).unwrap_or(DateTime::<Utc>::MAX_UTC)),
        is_engaged: row.try_get("engaged").map_err(fault)?,
        by: Some(read_by(text("by")?)),
        reason: text("reason")?,
        // Beyond the calendar; what the switch says holds all the same.
        at: at.unwrap_or(DateTime::<Utc>::UNIX_EPOCH),
        pending: 0,
    })
}
