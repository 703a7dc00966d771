//! Gets what is whole out of a damaged file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::{Fault, guarded};
use super::file;
use super::frame::Head;
use super::held_file::HeldFile;
use super::scan::Found;
use super::slot::{Slot, private_file, remove_if_there};
use super::{rows, scan};

/// Bytes of frames that go into one transaction.
const BATCH_BYTES: usize = 4 << 20;

/// Places of torn frames that are held in memory.
const TORN_MAX: usize = 100_000;

/// Bytes of frames behind the last commit that are held in memory: far more than one push.
const BEHIND_BYTES_MAX: usize = 64 << 20;

/// What a spool found and did when its files were not as they were left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Records that were brought back, and wait. Some may be in the database already, which knows them
    /// by their ids; some may never have been acknowledged; and some may have been set aside before,
    /// and lost the reason: what is refused once more is set aside once more.
    pub recovered: u64,
    /// Damaged files, which lie in the folder as `spool-<n>.redb.damaged-<n>`. They hold personal
    /// data: delete them once they are looked at.
    pub damaged_files: u64,
    /// Records that began in a file, and of which no whole copy was found: those that are lost, as far
    /// as the file tells. Some may have left the spool before, or never have been acknowledged.
    pub torn: u64,
    /// Records that could not be read back, and were [set aside](super::Spool::set_aside_records).
    pub unreadable: u64,
}

impl Recovery {
    pub(super) fn add(&mut self, other: Self) {
        self.recovered += other.recovered;
        self.damaged_files += other.damaged_files;
        self.torn += other.torn;
        self.unreadable += other.unreadable;
    }
}

/// Writes what is whole in the slot's damaged file into a new one, which takes its place, in the order
/// of the places. The damaged file is kept beside.
///
/// A crash before the first rename leaves the damaged file where it was, and it is salvaged again; a
/// crash between the two is made good by [`finish`].
pub(super) fn salvage(slot: &Slot) -> Result<Recovery, Fault> {
    let salvaged = slot.salvaged();
    remove_if_there(&salvaged)?;
    let copied = guarded(|| copy_whole(&slot.file(), &salvaged));
    if copied.is_err() {
        remove_if_there(&salvaged)?;
    }
    let mut recovery = copied?;
    fs::rename(slot.file(), slot.damaged()?)?;
    fs::rename(salvaged, slot.file())?;
    slot.sync_folder()?;
    recovery.damaged_files = 1;
    Ok(recovery)
}

/// Ends a salvage that a crash interrupted between its renames.
pub(super) fn finish(slot: &Slot) -> io::Result<()> {
    if !slot.file().try_exists()? && slot.salvaged().try_exists()? {
        fs::rename(slot.salvaged(), slot.file())?;
        slot.sync_folder()?;
    }
    Ok(())
}

/// The whole frames that the file's newest readable commit does not know, because their places are
/// `from` or behind, and how many more began there.
pub(super) fn behind(path: &Path, from: u64) -> Result<(BTreeMap<u64, Vec<u8>>, u64), Fault> {
    let (mut frames, mut bytes, mut torn) = (BTreeMap::new(), 0, Torn::default());
    scan::frames(&mut File::open(path)?, |found| {
        match found {
            Found::Nameless => torn.nameless += 1,
            Found::Torn(head) | Found::Whole(head, _) if head.place < from => {}
            Found::Torn(head) => torn.note(head),
            Found::Whole(head, frame) => {
                bytes += frame.len();
                let copy = frames.insert(head.place, frame.to_vec());
                bytes -= copy.map_or(0, |copy| copy.len());
            }
        }
        if bytes > BEHIND_BYTES_MAX {
            return Err(Fault::Damage("its newest commits are lost".to_owned()));
        }
        Ok(())
    })?;
    let torn = torn.count(|place| Ok(frames.contains_key(&place)))?;
    Ok((frames, torn))
}

fn copy_whole(damaged: &Path, salvaged: &Path) -> Result<Recovery, Fault> {
    let backing = HeldFile::new(private_file(salvaged)?)?;
    backing.release()?;
    let db = file::database(&backing)?;
    rows::prepare(&db)?;
    let (mut batch, mut bytes, mut next_place) = (BTreeMap::new(), 0, 0);
    let mut torn = Torn::default();
    scan::frames(&mut File::open(damaged)?, |found| {
        match found {
            Found::Nameless => torn.nameless += 1,
            Found::Torn(head) => torn.note(head),
            Found::Whole(head, frame) => {
                next_place = next_place.max(head.place + 1);
                bytes += frame.len();
                batch.insert(head.place, frame.to_vec());
            }
        }
        if bytes >= BATCH_BYTES {
            insert(&db, &batch, next_place)?;
            batch.clear();
            bytes = 0;
        }
        Ok(())
    })?;
    insert(&db, &batch, next_place)?;
    let recovered = rows::waiting_count(&db)?;
    let torn = torn.count(|place| Ok(!rows::heads(&db, std::iter::once(place))?.is_empty()))?;
    Ok(Recovery { recovered, torn, ..Recovery::default() })
}

/// Frames that began and were not whole.
#[derive(Default)]
struct Torn {
    nameless: u64,
    places: BTreeSet<u64>,
}

impl Torn {
    fn note(&mut self, head: Head) {
        if self.places.len() < TORN_MAX {
            self.places.insert(head.place);
        }
    }

    /// How many there are of which no other copy was found.
    fn count(&self, is_found: impl Fn(u64) -> Result<bool, Fault>) -> Result<u64, Fault> {
        let mut count = self.nameless;
        for place in &self.places {
            count += u64::from(!is_found(*place)?);
        }
        Ok(count)
    }
}

pub(super) fn insert(
    db: &redb::Database,
    frames: &BTreeMap<u64, Vec<u8>>,
    next_place: u64,
) -> Result<(), Fault> {
    let rows = frames.iter().map(|(place, frame)| (*place, frame.as_slice()));
    rows::insert(db, rows, &BTreeSet::new(), &[], next_place).map(drop)
}
