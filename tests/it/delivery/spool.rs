//! The spool: what it acknowledged is there, whatever happens to the process, the file and the disk.

mod damage;
mod disk;
mod faults;
mod holds;
mod order;
mod processes;
mod record_bytes;
mod refused;

use std::path::{Path, PathBuf};

use moltbot_audit::delivery::{Spool, SpoolError, Spooled};
use moltbot_audit::record::Record;
use tempfile::TempDir;

/// A folder that goes away after the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    fn file(&self, number: u32) -> PathBuf {
        self.path().join(format!("spool-{number}.log"))
    }

    async fn open(&self) -> Spool {
        Spool::open(self.path()).await.expect("the spool opens")
    }
}

/// Everything that waits, without removing it.
async fn waiting(spool: &Spool) -> Vec<Spooled> {
    spool.front(usize::MAX, usize::MAX).await.expect("the front can be read")
}

/// Removes everything, a few records at a time; what there was.
async fn drain(spool: &Spool) -> Result<Vec<Record>, SpoolError> {
    let mut drained = Vec::new();
    loop {
        let front = spool.front(7, usize::MAX).await?;
        if front.is_empty() {
            return Ok(drained);
        }
        spool.remove(front.iter().map(|spooled| spooled.place)).await?;
        drained.extend(front.into_iter().map(|spooled| spooled.record));
    }
}

/// The numbers of numbered records.
fn numbers<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u64> {
    let number = |record: &Record| record.input()?["n"].as_u64();
    records.into_iter().map(|record| number(record).expect("a numbered record")).collect()
}

fn numbers_of(spooled: &[Spooled]) -> Vec<u64> {
    numbers(spooled.iter().map(|spooled| &spooled.record))
}

/// The files of a folder whose names contain `part`.
fn files_with(folder: &Path, part: &str) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names.filter(|name| name.to_string_lossy().contains(part)).count()
}
