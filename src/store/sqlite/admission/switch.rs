//! The kill switches.

use chrono::DateTime;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row as _, SqliteConnection};

use super::append::{Placed, append_one, now};
use super::entry::malformed;
use super::settle::is_stored;
use super::{DOING_SWITCH, failed};
use crate::event::Switch;
use crate::store::StoreError;
use crate::store::admission::SwitchState;
use crate::store::sqlite::row::Row;

const DOING_READ: &str = "read the switches";

pub(super) async fn set(
    writer: &SqlitePool,
    state: &SwitchState,
    row: &Row,
) -> Result<Placed, StoreError> {
    let fault = |error| failed(DOING_SWITCH, error);
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let now = now();
    // Where this very flip is stored, somebody may have set the switch again since.
    if !is_stored(&mut transaction, row).await.map_err(fault)? {
        let state = SwitchState { at: now, ..state.clone() };
        upsert(&mut transaction, &state).await.map_err(fault)?;
    }
    let placed = append_one(&mut transaction, row, now).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(placed)
}

async fn upsert(
    transaction: &mut SqliteConnection,
    state: &SwitchState,
) -> Result<(), sqlx::Error> {
    let upsert = sqlx::query(
        "insert into audit_switches (switch, engaged, by, reason, at) values (?1, ?2, ?3, ?4, ?5) \
         on conflict (switch) do update set engaged = excluded.engaged, by = excluded.by, \
         reason = excluded.reason, at = excluded.at",
    );
    let upsert = upsert.bind(state.switch.as_str()).bind(state.is_engaged).bind(&state.by);
    upsert.bind(&state.reason).bind(state.at.timestamp_micros()).execute(transaction).await?;
    Ok(())
}

pub(super) async fn read(readers: &SqlitePool) -> Result<Vec<SwitchState>, StoreError> {
    let select = sqlx::query("select * from audit_switches order by switch");
    let rows = select.fetch_all(readers).await.map_err(|error| failed(DOING_READ, error))?;
    rows.iter().map(state).collect()
}

fn state(row: &SqliteRow) -> Result<SwitchState, StoreError> {
    let fault = |error| failed(DOING_READ, error);
    let switch: String = row.try_get("switch").map_err(fault)?;
    let at = DateTime::from_timestamp_micros(row.try_get("at").map_err(fault)?);
    Ok(SwitchState {
        switch: Switch::new(switch).map_err(|_| malformed(DOING_READ, "a switch's name"))?,
        is_engaged: row.try_get("engaged").map_err(fault)?,
        by: row.try_get("by").map_err(fault)?,
        reason: row.try_get("reason").map_err(fault)?,
        at: at.ok_or_else(|| malformed(DOING_READ, "a switch's time"))?,
    })
}
