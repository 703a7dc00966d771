//! Ends an effect: by its outcome, or by a conclusion without one.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;
use uuid::Uuid;

use super::chain::{self, Placed, append_one, now};
use super::entry::{apply, bytes, entry, insert, update};
use super::failed;
use crate::json::parse;
use crate::store::StoreError;
use crate::store::admission::Conclusion;
use crate::store::admission::rules::{EffectEntry, foreign_outcome};
use crate::store::sqlite::row::{Part, Row};

pub(super) const DOING_CONCLUDE: &str = "conclude an effect";

/// Does what an appended row is to do to its effect's entry.
pub(in crate::store::sqlite) async fn follow(
    transaction: &mut SqliteConnection,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match &row.part {
        None => Ok(()),
        Some(Part::Intent(intent)) => {
            let Some(entry) = EffectEntry::drained(intent, now) else { return Ok(()) };
            drain(transaction, entry).await
        }
        Some(Part::Outcome) => settle(transaction, row, now).await,
    }
}

async fn drain(
    transaction: &mut SqliteConnection,
    mut entry: EffectEntry,
) -> Result<(), StoreError> {
    let fault = |error| failed(chain::DOING, error);
    let select = "select 1 from audit_effects where effect_id <> ?1 and key_hash = ?2";
    let select = sqlx::query(select).bind(entry.effect_id.to_string());
    let select = select.bind(bytes(entry.key_hash.as_ref()));
    if select.fetch_optional(&mut *transaction).await.map_err(fault)?.is_some() {
        entry.key_hash = None;
    }
    if let Some(mut known) = find(transaction, entry.effect_id, chain::DOING).await? {
        if !known.learn(entry) {
            return Ok(());
        }
        let delete = sqlx::query("delete from audit_effects where effect_id = ?1");
        let delete = delete.bind(known.effect_id.to_string());
        delete.execute(&mut *transaction).await.map_err(fault)?;
        entry = known;
    }
    insert(transaction, &entry).await.map_err(fault)
}

async fn settle(
    transaction: &mut SqliteConnection,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let found = find(transaction, row.id, chain::DOING).await?;
    let mut entry = if let Some(entry) = found {
        entry
    } else {
        let entry = EffectEntry::early(row.id, now);
        let inserted = insert(transaction, &entry).await;
        inserted.map_err(|error| failed(chain::DOING, error))?;
        entry
    };
    let content = &row.content;
    let id = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    if !entry.may_end_by(id(&content.request_id), id(&content.conversation_id)) {
        return Err(foreign_outcome());
    }
    // Our own text, of our own value.
    let output: Option<Value> = content.output.as_deref().and_then(|text| parse(text).ok());
    let error_code = content.error_code.as_deref();
    let Some(changes) = entry.settle(&content.outcome, error_code, output.as_ref()) else {
        return Ok(());
    };
    update(transaction, &entry).await.map_err(|error| failed(chain::DOING, error))?;
    apply(transaction, &changes).await.map_err(|error| failed(chain::DOING, error))
}

/// `None`, with nothing written, where the effect is not open in the way that the conclusion needs.
pub(super) async fn conclude(
    writer: &SqlitePool,
    effect_id: Uuid,
    conclusion: Conclusion,
    row: &Row,
) -> Result<Option<Placed>, StoreError> {
    let fault = |error| failed(DOING_CONCLUDE, error);
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let now = now();
    // Looked for first: the same conclusion again finds the effect concluded.
    if is_stored(&mut transaction, row).await.map_err(fault)? {
        let (placed, _) = append_one(&mut transaction, row, now).await?;
        transaction.rollback().await.map_err(fault)?;
        return Ok(Some(placed));
    }
    let found = find(&mut transaction, effect_id, DOING_CONCLUDE).await?;
    let concluded = found.and_then(|mut entry| Some((entry.conclude(conclusion, now)?, entry)));
    let Some((changes, entry)) = concluded else {
        transaction.rollback().await.map_err(fault)?;
        return Ok(None);
    };
    update(&mut transaction, &entry).await.map_err(fault)?;
    apply(&mut transaction, &changes).await.map_err(fault)?;
    let (placed, _) = append_one(&mut transaction, row, now).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(Some(placed))
}

/// True if the event is there, with any content.
pub(super) async fn is_stored(
    transaction: &mut SqliteConnection,
    row: &Row,
) -> Result<bool, sqlx::Error> {
    let select = sqlx::query("select 1 from audit_events where id = ?1");
    let found = select.bind(&row.content.id).fetch_optional(transaction).await?;
    Ok(found.is_some())
}

async fn find(
    transaction: &mut SqliteConnection,
    effect_id: Uuid,
    doing: &'static str,
) -> Result<Option<EffectEntry>, StoreError> {
    let select = sqlx::query("select * from audit_effects where effect_id = ?1");
    let found = select.bind(effect_id.to_string()).fetch_optional(transaction).await;
    let row = found.map_err(|error| failed(doing, error))?;
    row.map(|row| entry(&row, doing)).transpose()
}
