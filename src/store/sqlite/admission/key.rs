//! The redaction key that the file belongs to.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::chain::{Placed, append_one, now};
use super::entry::malformed;
use super::failed;
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::StoreError;
use crate::store::sqlite::row::Row;

pub(super) const DOING_USE: &str = "look up the redaction key";
pub(super) const DOING_ROTATE: &str = "replace the redaction key";

pub(super) async fn use_key(
    writer: &SqlitePool,
    given: KeyFingerprint,
) -> Result<KeyFingerprint, StoreError> {
    let fault = |error| failed(DOING_USE, error);
    // The write lock first: of two processes at once one finds what the other wrote.
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let in_use = in_use_or(&mut transaction, given, now()).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(in_use)
}

/// The key in use, which is `given` if there was none.
pub(super) async fn in_use_or(
    transaction: &mut SqliteConnection,
    given: KeyFingerprint,
    now: DateTime<Utc>,
) -> Result<KeyFingerprint, StoreError> {
    if let Some(in_use) = in_use(transaction).await? {
        return Ok(in_use);
    }
    insert(transaction, given, now).await.map_err(|error| failed(DOING_USE, error))?;
    Ok(given)
}

/// `None`, with nothing written, where `from` proves another key than the one in use, or `to` was in use
/// before.
pub(super) async fn rotate(
    writer: &SqlitePool,
    from: KeyProof,
    to: KeyFingerprint,
    row: &Row,
) -> Result<Option<Placed>, StoreError> {
    let fault = |error| failed(DOING_ROTATE, error);
    let from = from.fingerprint();
    let mut transaction = writer.begin_with("begin immediate").await.map_err(fault)?;
    let known = sqlx::query("select 1 from audit_keys where fingerprint = ?1");
    let known = known.bind(to.as_bytes().as_slice()).fetch_optional(&mut *transaction).await;
    if known.map_err(fault)?.is_some() || in_use(&mut transaction).await? != Some(from) {
        transaction.rollback().await.map_err(fault)?;
        return Ok(None);
    }
    let now = now();
    let retire = sqlx::query("update audit_keys set retired_at = ?2 where fingerprint = ?1");
    let retire = retire.bind(from.as_bytes().as_slice()).bind(now.timestamp_micros());
    retire.execute(&mut *transaction).await.map_err(fault)?;
    insert(&mut transaction, to, now).await.map_err(fault)?;
    let (placed, _) = append_one(&mut transaction, row, now).await?;
    match placed {
        Ok(_) => transaction.commit().await.map_err(fault)?,
        Err(_) => transaction.rollback().await.map_err(fault)?,
    }
    Ok(Some(placed))
}

/// The key in use. Unlike `use_key`, this writes nothing.
pub(in crate::store::sqlite) async fn key_in_use(
    readers: &SqlitePool,
) -> Result<Option<KeyFingerprint>, StoreError> {
    let mut connection = readers.acquire().await.map_err(|error| failed(DOING_USE, error))?;
    in_use(&mut connection).await
}

async fn in_use(transaction: &mut SqliteConnection) -> Result<Option<KeyFingerprint>, StoreError> {
    let select = "select fingerprint from audit_keys where retired_at is null";
    let found = sqlx::query_scalar::<_, Vec<u8>>(select).fetch_optional(transaction).await;
    let found = found.map_err(|error| failed(DOING_USE, error))?;
    let fingerprint = found.map(|bytes| <[u8; 16]>::try_from(bytes.as_slice())).transpose();
    let fingerprint = fingerprint.map_err(|_| malformed(DOING_USE, "a key's fingerprint"))?;
    Ok(fingerprint.map(KeyFingerprint::from_bytes))
}

async fn insert(
    transaction: &mut SqliteConnection,
    fingerprint: KeyFingerprint,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let insert = sqlx::query("insert into audit_keys (fingerprint, since) values (?1, ?2)");
    let insert = insert.bind(fingerprint.as_bytes().as_slice()).bind(now.timestamp_micros());
    insert.execute(transaction).await?;
    Ok(())
}
