//! An effect's entry as a row.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use crate::event::Budget;
use crate::proof::Digest;
use crate::store::StoreError;
use crate::store::admission::Scope;
use crate::store::admission::rules::{BudgetChange, EffectEntry, EffectState, Reservation};
use crate::store::log_line::log_line;
use crate::store::sqlite::error::failed;

/// So much of a budget as JSON, in a row and on its way into a statement.
#[derive(Serialize, Deserialize)]
struct Sum {
    budget: Budget,
    amount: i64,
    #[serde(flatten)]
    whose: Whose,
}

/// Whose budget, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Whose {
    Day(NaiveDate),
    Request(Uuid),
}

impl From<Scope> for Whose {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Day(day) => Self::Day(day),
            Scope::Request(id) => Self::Request(id),
        }
    }
}

/// Reads a row that anyone with the file may have changed.
pub(super) fn entry(row: &SqliteRow, doing: &'static str) -> Result<EffectEntry, StoreError> {
    let fields = Fields { row, doing };
    let charges: Vec<Sum> = serde_json::from_str(&fields.text("charges")?)
        .map_err(|_| malformed(doing, "an effect's charges"))?;
    let held = charges.into_iter().map(|Sum { budget, amount, whose }| {
        let scope = match whose {
            Whose::Day(day) => Scope::Day(day),
            Whose::Request(id) => Scope::Request(id),
        };
        Reservation { scope, budget, amount }
    });
    let id = |column| fields.id(column)?.ok_or_else(|| malformed(doing, "an effect's id"));
    Ok(EffectEntry {
        effect_id: id("effect_id")?,
        intent_id: fields.id("intent_id")?,
        effect: fields.text("effect")?,
        key_hash: fields.digest("key_hash")?,
        input_hash: fields.digest("input_hash")?,
        request_id: fields.id("request_id")?,
        conversation_id: fields.id("conversation_id")?,
        charges: held.collect(),
        state: EffectState::parse(&fields.text("state")?)
            .ok_or_else(|| malformed(doing, "an effect's state"))?,
        has_outcome: fields.get("has_outcome")?,
        admitted_at: fields.time("admitted_at")?,
        lease_until: fields.time("lease_until")?,
    })
}

struct Fields<'r> {
    row: &'r SqliteRow,
    doing: &'static str,
}

impl<'r> Fields<'r> {
    fn get<T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| failed(self.doing, error))
    }

    fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    fn id(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        let text: Option<&str> = self.get(column)?;
        text.map(Uuid::parse_str).transpose().map_err(|_| malformed(self.doing, column))
    }

    fn digest(&self, column: &'static str) -> Result<Option<Digest>, StoreError> {
        let bytes: Option<&[u8]> = self.get(column)?;
        bytes.map(Digest::try_from).transpose().map_err(|_| malformed(self.doing, column))
    }

    fn time(&self, column: &'static str) -> Result<DateTime<Utc>, StoreError> {
        let time = DateTime::from_timestamp_micros(self.get(column)?);
        time.ok_or_else(|| malformed(self.doing, column))
    }
}

/// What stands in the tables of admission is not what the store writes.
pub(super) fn malformed(doing: &'static str, what: &'static str) -> StoreError {
    StoreError::database(doing, format!("{what} is malformed: the file was changed by hand"))
}

pub(super) async fn insert(
    transaction: &mut SqliteConnection,
    entry: &EffectEntry,
) -> Result<(), sqlx::Error> {
    let charges: Vec<Sum> = entry.charges.iter().map(Sum::from).collect();
    let insert = sqlx::query(
        "insert into audit_effects (effect_id, intent_id, effect, key_hash, input_hash, \
         request_id, conversation_id, charges, state, has_outcome, admitted_at, lease_until) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    );
    let insert =
        insert.bind(entry.effect_id.to_string()).bind(entry.intent_id.map(|id| id.to_string()));
    let insert = insert.bind(&entry.effect).bind(bytes(entry.key_hash.as_ref()));
    let insert = insert.bind(bytes(entry.input_hash.as_ref()));
    let insert = insert.bind(entry.request_id.map(|id| id.to_string()));
    let insert = insert.bind(entry.conversation_id.map(|id| id.to_string()));
    let insert = insert.bind(json(&charges)).bind(entry.state.as_str()).bind(entry.has_outcome);
    let insert = insert.bind(entry.admitted_at.timestamp_micros());
    insert.bind(entry.lease_until.timestamp_micros()).execute(transaction).await?;
    Ok(())
}

/// Writes what may change of an entry.
pub(super) async fn update(
    transaction: &mut SqliteConnection,
    entry: &EffectEntry,
) -> Result<(), sqlx::Error> {
    let update = sqlx::query(
        "update audit_effects set state = ?2, has_outcome = ?3, key_hash = ?4 where effect_id = ?1",
    );
    let update = update.bind(entry.effect_id.to_string()).bind(entry.state.as_str());
    let update = update.bind(entry.has_outcome).bind(bytes(entry.key_hash.as_ref()));
    update.execute(transaction).await?;
    Ok(())
}

/// Adds to what is used.
pub(super) async fn apply(
    transaction: &mut SqliteConnection,
    changes: &[BudgetChange],
) -> Result<(), sqlx::Error> {
    const REQUEST: &str = "
        insert into audit_budgets (request_id, budget, used)
        select value ->> 'request', value ->> 'budget', value ->> 'amount' from json_each(?1)
        where true
        on conflict (request_id, budget) do update set used = case
            when excluded.used > 0 and used > 9223372036854775807 - excluded.used
            then 9223372036854775807 else used + excluded.used
        end
    ";
    const DAY: &str = "
        insert into audit_day_budgets (day, budget, used)
        select value ->> 'day', value ->> 'budget', value ->> 'amount' from json_each(?1)
        where true
        on conflict (day, budget) do update set used = case
            when excluded.used > 0 and used > 9223372036854775807 - excluded.used
            then 9223372036854775807 else used + excluded.used
        end
    ";
    let is_request = |change: &&BudgetChange| matches!(change.scope, Scope::Request(_));
    let (requests, days): (Vec<_>, Vec<_>) = changes.iter().partition(is_request);
    for (upsert, changes) in [(REQUEST, requests), (DAY, days)] {
        if !changes.is_empty() {
            let amounts: Vec<Sum> = changes.into_iter().map(Sum::from).collect();
            sqlx::query(upsert).bind(json(&amounts)).execute(&mut *transaction).await?;
        }
    }
    Ok(())
}

impl From<&Reservation> for Sum {
    fn from(held: &Reservation) -> Self {
        Self { budget: held.budget.clone(), amount: held.amount, whose: held.scope.into() }
    }
}

impl From<&BudgetChange> for Sum {
    fn from(change: &BudgetChange) -> Self {
        Self { budget: change.budget.clone(), amount: change.by, whose: change.scope.into() }
    }
}

pub(super) fn bytes(digest: Option<&Digest>) -> Option<&[u8]> {
    digest.map(|digest| digest.as_bytes().as_slice())
}

/// Texts and numbers, of which JSON can hold all.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What was read of a row. If it is unreadable, that is logged, and the row is left out.
pub(super) fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            log_line!(warn, error = &error as &dyn std::error::Error, "a row is left out");
            None
        }
    }
}
