//! What stands in a spool's file, by redb transactions.

use std::collections::BTreeSet;

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    WriteTransaction,
};

use super::error::{Fault, fault};
use super::frame::Head;
use super::widened;

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

/// Adds rows, drops those that were `removed` and those that are `put_back` from what is set aside,
/// and notes the first free place, in one durable transaction; how many were set aside no more.
pub(super) fn insert<'a>(
    db: &Database,
    rows: impl IntoIterator<Item = (u64, &'a [u8])>,
    removed: &BTreeSet<u64>,
    put_back: &[u64],
    next_place: u64,
) -> Result<u64, Fault> {
    write(db, |txn| {
        let mut waiting = txn.open_table(WAITING).map_err(fault)?;
        for place in removed {
            waiting.remove(place).map_err(fault)?;
        }
        for (place, frame) in rows {
            waiting.insert(place, frame).map_err(fault)?;
        }
        let (mut aside, mut taken) = (txn.open_table(SET_ASIDE).map_err(fault)?, 0);
        for place in put_back {
            taken += u64::from(aside.remove(place).map_err(fault)?.is_some());
        }
        note_next_place(txn, next_place)?;
        Ok(taken)
    })
}

/// Moves rows from the waiting ones to those set aside, durably; those that were there.
pub(super) fn set_aside<'a>(
    db: &Database,
    rows: impl IntoIterator<Item = &'a (u64, String)>,
) -> Result<Rows, Fault> {
    write(db, |txn| {
        let mut waiting = txn.open_table(WAITING).map_err(fault)?;
        let mut aside = txn.open_table(SET_ASIDE).map_err(fault)?;
        let mut moved = Rows::new();
        for (place, reason) in rows {
            let removed = waiting.remove(place).map_err(fault)?;
            if let Some(bytes) = removed.map(|bytes| bytes.value().to_vec()) {
                aside.insert(place, (reason.as_str(), bytes.as_slice())).map_err(fault)?;
                moved.push((*place, bytes));
            }
        }
        Ok(moved)
    })
}

/// Adds rows that were set aside elsewhere, at places of this file, durably.
pub(super) fn insert_aside(db: &Database, rows: &[AsideRow], next_place: u64) -> Result<(), Fault> {
    write(db, |txn| {
        let mut aside = txn.open_table(SET_ASIDE).map_err(fault)?;
        for (place, reason, bytes) in rows {
            aside.insert(place, (reason.as_str(), bytes.as_slice())).map_err(fault)?;
        }
        note_next_place(txn, next_place)
    })
}

fn note_next_place(txn: &WriteTransaction, next_place: u64) -> Result<(), Fault> {
    txn.open_table(NUMBERS).map_err(fault)?.insert(NEXT_PLACE, next_place).map_err(fault)?;
    Ok(())
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
            heads.push((place, widened(frame.value().len()), Head::read(frame.value())));
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
        each(place.value(), widened(frame.value().len()), Head::read(frame.value()));
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

/// The bytes of the rows that are set aside at `places`, where they are there.
pub(super) fn aside_at(db: &Database, places: &BTreeSet<u64>) -> Result<Rows, Fault> {
    let aside = db.begin_read().map_err(fault)?.open_table(SET_ASIDE).map_err(fault)?;
    let mut rows = Rows::new();
    for place in places {
        if let Some(row) = aside.get(place).map_err(fault)? {
            rows.push((*place, row.value().1.to_vec()));
        }
    }
    Ok(rows)
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
