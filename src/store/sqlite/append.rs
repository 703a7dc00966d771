//! The write side: one transaction a batch.
//!
//! A file that is locked counts as an outage here, and not as `Locked`: the file has one lock, so that trying
//! stream by stream would wait for the same lock again. The other calls of this store answer `Locked`.

use sqlx::sqlite::SqlitePool;

use super::admission;
use super::chain::{DOING, Lookup, Placed, chain, now, tampered};
use super::error::failed;
use super::row::Row;
use crate::store::StoreError;

/// Appends a batch, all or nothing.
pub(super) async fn append(writer: &SqlitePool, rows: &[Row]) -> Result<Vec<Placed>, StoreError> {
    // Retries are rare: let the unique key object instead of asking each time.
    if let Some(placed) = attempt(writer, rows, Lookup::Skip).await? {
        return Ok(placed);
    }
    let placed = attempt(writer, rows, Lookup::First).await?;
    placed.ok_or_else(|| tampered("before its last event"))
}

/// `None`, with nothing written, if a unique key objects.
async fn attempt(
    writer: &SqlitePool,
    rows: &[Row],
    lookup: Lookup,
) -> Result<Option<Vec<Placed>>, StoreError> {
    // The lock of every stream in the file: from here on no other process writes, so what is read below
    // still holds at the write. A crash before the commit leaves nothing behind.
    let mut transaction =
        writer.begin_with("begin immediate").await.map_err(|error| failed(DOING, error))?;
    let Some(landed) = chain(&mut transaction, rows, lookup, now()).await? else {
        transaction.rollback().await.map_err(|error| failed(DOING, error))?;
        return Ok(None);
    };
    // What was stored before has had its effect on admission then.
    for (row, _) in rows.iter().zip(&landed).filter(|(_, (_, is_new))| *is_new) {
        admission::follow(&mut transaction, row, now()).await?;
    }
    // An error here may come before or after the commit reached the disk. The caller appends the same
    // records again, and those that landed are met by their ids.
    transaction.commit().await.map_err(|error| failed(DOING, error))?;
    Ok(Some(landed.into_iter().map(|(placed, _)| placed).collect()))
}
