//! Opens a slot's file, whatever state it is in.

use std::io;

use redb::{Builder, Database};

use super::Recovery;
use super::error::{Fault, fault, guarded};
use super::held_file::HeldFile;
use super::slot::{Slot, private_file};
use super::{rows, salvage, widened};
use crate::store::log_line::log_line;

/// Memory for pages. redb would take 1 GiB.
const CACHE_BYTES: usize = 4 << 20;

/// The open file.
pub(super) struct SpoolFile {
    db: Database,
    backing: HeldFile,
}

/// A file that was opened.
pub(super) struct Opened {
    pub(super) file: SpoolFile,
    /// The first place that no frame in it has.
    pub(super) next_place: u64,
    pub(super) recovery: Recovery,
}

impl SpoolFile {
    /// For reading. On a full disk this works where [`for_writing`](Self::for_writing) does not, so
    /// that a spool which filled the disk can be drained.
    pub(super) fn db(&self) -> &Database {
        &self.db
    }

    /// For writing: from here on a commit is durable.
    pub(super) fn for_writing(&self) -> io::Result<&Database> {
        self.backing.release()?;
        Ok(&self.db)
    }

    /// Gives pages that nothing is in back to the file system.
    pub(super) fn compact(&mut self) -> Result<(), Fault> {
        self.backing.release()?;
        guarded(|| self.db.compact().map(drop).map_err(fault))
    }
}

/// Opens the slot's file, and makes it where it is missing. Where it is damaged, what is whole is
/// salvaged. `acknowledged` is the first place behind all that this process was told is durable, where
/// it has had the file open before.
pub(super) fn open(slot: &Slot, acknowledged: Option<u64>) -> Result<Opened, Fault> {
    salvage::finish(slot)?;
    let why = match guarded(|| open_whole(slot, acknowledged)) {
        Err(Fault::Damage(why)) => why,
        other => return other,
    };
    let recovery = salvage::salvage(slot)?;
    let file = slot.file();
    log_line!(
        error,
        file = %file.display(),
        why,
        recovered = recovery.recovered,
        torn = recovery.torn,
        "a damaged spool file was set aside, and what is whole in it recovered"
    );
    let mut opened = guarded(|| open_whole(slot, None))?;
    opened.recovery.add(recovery);
    Ok(opened)
}

/// The database in a file. Its locks are not redb's: a slot is locked already.
pub(super) fn database(backing: &HeldFile) -> Result<Database, Fault> {
    Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(backing.clone())
        .map_err(fault)
}

/// Opens a file in which every page is what was written.
fn open_whole(slot: &Slot, acknowledged: Option<u64>) -> Result<Opened, Fault> {
    let path = slot.file();
    let is_new = !path.try_exists()?;
    let backing = HeldFile::new(private_file(&path)?)?;
    if is_new {
        // Else the first event would be durable in a file that a loss of power takes away.
        slot.sync_folder()?;
    }
    let db = database(&backing)?;
    let mut opened = Opened {
        next_place: rows::prepare(&db)?,
        recovery: Recovery::default(),
        file: SpoolFile { db, backing },
    };
    if acknowledged.is_none_or(|acknowledged| opened.next_place < acknowledged) {
        opened.look_behind(slot)?;
    }
    match opened.file.backing.release() {
        // It can be read, and drained.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
        other => other?,
    }
    Ok(opened)
}

impl Opened {
    /// Takes up what was written behind the newest commit. redb takes the commit before for the newest
    /// where a page of that one is damaged, and says nothing; a process that was killed leaves
    /// records there that were not acknowledged. Both look the same, and both are welcome.
    fn look_behind(&mut self, slot: &Slot) -> Result<(), Fault> {
        let (frames, torn) = salvage::behind(&slot.file(), self.next_place)?;
        if let Some((last, _)) = frames.last_key_value() {
            self.next_place = last + 1;
            salvage::insert(&self.file.db, &frames, self.next_place)?;
        } else if torn == 0 {
            return Ok(());
        }
        self.recovery.recovered = widened(frames.len());
        self.recovery.torn = torn;
        let (file, recovered) = (slot.file(), self.recovery.recovered);
        log_line!(
            warn,
            file = %file.display(),
            recovered,
            torn,
            "there were records behind the spool file's newest commit: whole ones are recovered"
        );
        Ok(())
    }
}
