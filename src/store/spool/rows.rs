//! What stands in a spool's file, by redb transactions.

use std::collections::BTreeSet;

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    WriteTransaction,
};

use super::error::{Fault, fault};
use super::frame::Head;

/// Frames by their place: what waits for the database.
const WAITING: TableDefinition<u64, &[u8]> = TableDefinition::new("waiting");
/// Reason and bytes by place: what does not wait any more, kept for people.
const SET_ASIDE: TableDefinition<u64, (&str, &[u8])> = TableDefinition::new("set_aside");
/// Numbers by name.
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("numbers");
/// The first place that no frame of the file has had.
const NEXT_PLACE: &str = "next_place";

/// Rows with their places.
pub(super) type Rows = Vec<(u64, Vec<u8>)>;

/// What was set aside: place, reason, bytes.
pub(super) type AsideRow = (u64, String, Vec<u8>);

/// Makes the tables where they are missing; the first free place.
pub(super) fn prepare(db: &Database) -> Result<u64, Fault> {
    write(db, |txn| {
        txn.open_table(WAITING).map_err(fault)?;
        txn.open_table(SET_ASIDE).map_err(fault)?;
        let numbers = txn.open_table(NUMBERS).map_err(fault)?;
        let next = numbers.get(NEXT_PLACE).map_err(fault)?;
        Ok(next.map_or(0, |number| number.value()))
    })
}

/// Adds rows, drops those that were `removed`, and notes the first free place, in one durable
/// transaction.
pub(super) fn insert<'a>(
    db: &Database,
    rows: impl IntoIterator<Item = (u64, &'a [u8])>,
    removed: &BTreeSet<u64>,
    next_place: u64,
) -> Result<(), Fault> {
    write(db, |txn| {
        let mut waiting = txn.open_table(WAITING).map_err(fault)?;
        for place in removed {
            waiting.remove(place).map_err(fault)?;
        }
        for (place, frame) in rows {
            waiting.insert(place, frame).map_err(fault)?;
        }
        txn.open_table(NUMBERS).map_err(fault)?.insert(NEXT_PLACE, next_place).map_err(fault)?;
        Ok(())
    })
}

/// Moves rows from the waiting ones to those set aside, durably; those that were there.
pub(super) fn set_aside(db: &Database, rows: &[(u64, &str)]) -> Result<Rows, Fault> {
    write(db, |txn| {
        let mut waiting = txn.open_table(WAITING).map_err(fault)?;
        let mut aside = txn.open_table(SET_ASIDE).map_err(fault)?;
        let mut moved = Rows::new();
        for (place, reason) in rows {
            let removed = waiting.remove(place).map_err(fault)?;
            if let Some(bytes) = removed.map(|bytes| bytes.value().to_vec()) {
                aside.insert(place, (*reason, bytes.as_slice())).map_err(fault)?;
                moved.push((*place, bytes));
            }
        }
        Ok(moved)
    })
}

/// Adds rows that were set aside elsewhere.
pub(super) fn insert_aside(db: &Database, first: u64, rows: &[AsideRow]) -> Result<(), Fault> {
    write(db, |txn| {
        let mut aside = txn.open_table(SET_ASIDE).map_err(fault)?;
        let mut next = first;
        for (place, (_, reason, bytes)) in (first..).zip(rows) {
            aside.insert(place, (reason.as_str(), bytes.as_slice())).map_err(fault)?;
            next = place + 1;
        }
        txn.open_table(NUMBERS).map_err(fault)?.insert(NEXT_PLACE, next).map_err(fault)?;
        Ok(())
    })
}

/// The rows from place `from` on, without those that were `removed`: at most `max_rows`, and no
/// further one once `max_bytes` are exceeded; but one, if there is any.
pub(super) fn front(
    db: &Database,
    from: u64,
    removed: &BTreeSet<u64>,
    max_rows: usize,
    max_bytes: usize,
) -> Result<Rows, Fault> {
    let waiting = db.begin_read().map_err(fault)?.open_table(WAITING).map_err(fault)?;
    let (mut rows, mut bytes) = (Rows::new(), 0_usize);
    for row in waiting.range(from..).map_err(fault)? {
        let (place, frame) = row.map_err(fault)?;
        if removed.contains(&place.value()) {
            continue;
        }
        bytes = bytes.saturating_add(frame.value().len());
        if !rows.is_empty() && (rows.len() >= max_rows || bytes > max_bytes) {
            break;
        }
        rows.push((place.value(), frame.value().to_vec()));
    }
    Ok(rows)
}

/// Of the rows at `places` that are there: the length in bytes, and the head where it can be read.
pub(super) fn heads(
    db: &Database,
    places: impl Iterator<Item = u64>,
) -> Result<Vec<(u64, u64, Option<Head>)>, Fault> {
    let waiting = db.begin_read().map_err(fault)?.open_table(WAITING).map_err(fault)?;
    let mut heads = Vec::new();
    for place in places {
        if let Some(frame) = waiting.get(place).map_err(fault)? {
            heads.push((place, length(frame.value()), Head::read(frame.value())));
        }
    }
    Ok(heads)
}

/// Hands every waiting row to `each`: place, length in bytes, and the head where it can be read.
pub(super) fn each(
    db: &Database,
    mut each: impl FnMut(u64, u64, Option<Head>),
) -> Result<(), Fault> {
    let waiting = db.begin_read().map_err(fault)?.open_table(WAITING).map_err(fault)?;
    for row in waiting.iter().map_err(fault)? {
        let (place, frame) = row.map_err(fault)?;
        each(place.value(), length(frame.value()), Head::read(frame.value()));
    }
    Ok(())
}

/// How many rows wait.
pub(super) fn waiting_count(db: &Database) -> Result<u64, Fault> {
    db.begin_read().map_err(fault)?.open_table(WAITING).map_err(fault)?.len().map_err(fault)
}

/// How many rows are set aside.
pub(super) fn aside_count(db: &Database) -> Result<u64, Fault> {
    db.begin_read().map_err(fault)?.open_table(SET_ASIDE).map_err(fault)?.len().map_err(fault)
}

/// Rows that were set aside, from place `from` on.
pub(super) fn aside(db: &Database, from: u64, max_rows: usize) -> Result<Vec<AsideRow>, Fault> {
    let aside = db.begin_read().map_err(fault)?.open_table(SET_ASIDE).map_err(fault)?;
    let rows = aside.range(from..).map_err(fault)?.take(max_rows).map(|row| {
        let (place, row) = row.map_err(fault)?;
        let (reason, bytes) = row.value();
        Ok((place.value(), reason.to_owned(), bytes.to_vec()))
    });
    rows.collect()
}

/// One transaction, durable when this returns `Ok`.
fn write<T>(
    db: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Durability is `Immediate` where nothing else is said.
    let txn = db.begin_write().map_err(fault)?;
    let done = work(&txn)?;
    txn.commit().map_err(fault)?;
    Ok(done)
}

fn length(frame: &[u8]) -> u64 {
    u64::try_from(frame.len()).unwrap_or(u64::MAX)
}
