//! Damaged files. Whatever stands in the file, opening gives back what is whole, in order, keeps the
//! file, says so, and does not panic.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use moltbot_audit::record::Record;
use moltbot_audit::store::{Recovery, Spool};
use serde_json::json;

use super::{Folder, drain, files_with, numbers, numbers_of, waiting};
use crate::support::records::{event, fresh_request, numbered_records, sealed};

const RECORDS: u64 = 300;

/// How every record begins in the file.
const BEGINNING: &[u8] = b"{\"version\":1,\"header\":";

/// A file of some hundred records, as a clean end leaves it, or a crash after the last push.
struct Image {
    bytes: Vec<u8>,
    records: Vec<Record>,
}

impl Image {
    async fn new(ends_cleanly: bool) -> Self {
        let folder = Folder::new();
        let spool = folder.open().await;
        let records = numbered_records(&fresh_request(), 0..RECORDS);
        for batch in records.chunks(37) {
            spool.push(batch).await.expect("they are kept");
        }
        if ends_cleanly {
            spool.close().await.expect("it closes");
        }
        Self { bytes: fs::read(folder.file(0)).expect("a file"), records }
    }

    /// For each record, where its first copy ends in the file.
    fn ends(&self) -> Vec<usize> {
        let mut ends = vec![usize::MAX; self.records.len()];
        let written: Vec<_> = self.records.iter().map(Record::to_bytes).collect();
        for at in 0..self.bytes.len() {
            let here = &self.bytes[at..];
            if here.starts_with(BEGINNING) {
                let nth = written.iter().position(|record| here.starts_with(record));
                if let Some(nth) = nth {
                    ends[nth] = ends[nth].min(at + written[nth].len());
                }
            }
        }
        assert!(ends.iter().all(|end| *end <= self.bytes.len()), "not every record is found");
        ends
    }
}

/// Puts bytes where a spool's file would be, and opens the spool.
async fn opened(bytes: &[u8]) -> (Folder, Spool) {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).expect("a folder");
    fs::write(folder.file(0), bytes).expect("a file");
    let spool = folder.open().await;
    (folder, spool)
}

/// What comes back from a damaged file, and what the spool says. Afterwards it works.
async fn recovered(bytes: &[u8]) -> (Vec<u64>, Recovery) {
    let (folder, spool) = opened(bytes).await;
    let found = numbers_of(&waiting(&spool).await);
    assert!(found.is_sorted_by(|a, b| a < b), "out of order: {found:?}");
    let recovery = spool.recovery();
    let kept = files_with(&folder.path(), ".damaged-");
    assert_eq!(kept as u64, recovery.damaged_files);

    spool.push(numbered_records(&fresh_request(), [RECORDS])).await.expect("it is kept");
    drop(spool);
    let spool = folder.open().await;
    assert_eq!(spool.recovery(), Recovery::default(), "the second opening found damage");
    let all = numbers(&drain(&spool).await.expect("it drains"));
    assert_eq!(all, [&found[..], &[RECORDS]].concat());
    (found, recovery)
}

#[tokio::test]
async fn a_file_cut_anywhere_gives_back_what_is_whole() {
    let image = Image::new(true).await;
    let (ends, len) = (image.ends(), image.bytes.len());
    let inside = |nth: usize| ends[nth] - 100;
    let cuts = (0..12).map(|n| len * n / 12).chain([1, 100, 319, 4095, inside(0), inside(150)]);
    for cut in cuts.chain([inside(299), len - 1]) {
        let (found, recovery) = recovered(&image.bytes[..cut]).await;
        let whole = (0..).zip(&ends).filter(|(_, end)| **end <= cut).map(|(n, _)| n);
        assert_eq!(found, whole.collect::<Vec<u64>>(), "cut at {cut}");
        assert_eq!(recovery.damaged_files, u64::from(cut > 0), "cut at {cut}");
        assert_eq!(recovery.recovered, found.len() as u64, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_flipped_byte_anywhere_costs_at_most_the_record_it_is_in() {
    for ends_cleanly in [true, false] {
        let image = Image::new(ends_cleanly).await;
        let (ends, len) = (image.ends(), image.bytes.len());
        let in_records = (0..300).step_by(41).map(|nth: usize| ends[nth] - 200);
        let anywhere = (0..16).map(|n| len * n / 16 + 17 * n);
        let (mut damaged, mut lost) = (0, 0);
        for at in (0..330).step_by(23).chain(in_records).chain(anywhere) {
            let mut bytes = image.bytes.clone();
            bytes[at] ^= 0x41;
            let (found, recovery) = recovered(&bytes).await;
            let missing = (0..RECORDS).filter(|number| !found.contains(number)).count() as u64;
            assert!(missing <= 1, "byte {at}: {missing} records are missing");
            assert!(
                missing == 0 || recovery != Recovery::default(),
                "byte {at}: lost without a word"
            );
            lost += missing;
            damaged += recovery.damaged_files;
        }
        assert!(damaged > 0 && lost > 0, "the flips hit nothing: {damaged}, {lost}");
    }
}

#[tokio::test]
async fn what_is_no_spool_at_all_is_kept_beside_and_a_new_file_begun() {
    let upgraded = {
        let mut bytes = Image::new(true).await.bytes;
        bytes[16..20].fill(9);
        bytes
    };
    let text = b"this is not a spool\n".repeat(500);
    for (bytes, expected) in [
        (&[][..], 0),
        (b"x", 0),
        (&text, 0),
        (&[0; 10_000], 0),
        (&vec![0xF5; 300_000], 0),
        (&upgraded, RECORDS),
    ] {
        let (found, recovery) = recovered(bytes).await;
        assert_eq!(found.len() as u64, expected);
        assert_eq!(recovery.damaged_files, u64::from(!bytes.is_empty()));
    }
}

#[tokio::test]
async fn a_newest_commit_that_is_damaged_does_not_hide_what_it_acknowledged() {
    // redb would take the commit before for the newest, and say nothing.
    let image = Image::new(false).await;
    let last = image.ends()[299];
    let mut bytes = image.bytes.clone();
    bytes[last - 100] ^= 0x41;
    let (found, recovery) = recovered(&bytes).await;
    assert_eq!(found, (0..299).collect::<Vec<_>>());
    assert!(recovery.recovered > 0 && recovery.torn > 0, "{recovery:?}");
}

#[tokio::test]
async fn a_repair_writes_over_nothing_that_can_still_be_recovered() {
    // redb takes pages of the damaged commit for free ones, and its repair writes to them.
    let folder = Folder::new();
    let spool = folder.open().await;
    let records = numbered_records(&fresh_request(), 0..RECORDS);
    spool.push(&records[..20]).await.unwrap();
    spool.push(&records[20..]).await.unwrap();
    let image = Image { bytes: fs::read(folder.file(0)).unwrap(), records };
    let ends = image.ends();
    for nth in [25, 150, 299] {
        let mut bytes = image.bytes.clone();
        bytes[ends[nth] - 100] ^= 0x41;
        let (found, _) = recovered(&bytes).await;
        assert_eq!(found.len(), 299, "record {nth} was damaged");
    }
}

#[tokio::test]
async fn a_salvage_that_was_interrupted_is_finished() {
    let image = Image::new(true).await;
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    // The crash came between the two renames …
    let salvaged = folder.path().join("spool-0.redb.salvaged");
    fs::write(&salvaged, &image.bytes).unwrap();
    assert_eq!(waiting(&folder.open().await).await.len(), 300);
    // … or before them: what was salvaged by then is not believed.
    fs::write(&salvaged, &image.bytes[..4096]).unwrap();
    fs::write(folder.file(0), &image.bytes[..image.bytes.len() / 2]).unwrap();
    let spool = folder.open().await;
    assert_eq!(spool.recovery().damaged_files, 1);
    assert!(spool.depth().events > 50);
    assert!(!salvaged.exists());
}

#[tokio::test]
async fn a_damaged_file_that_another_process_left_is_adopted_too() {
    let image = Image::new(true).await;
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    let mut bytes = image.bytes.clone();
    bytes[image.ends()[7] - 100] ^= 0x41;
    fs::write(folder.file(3), bytes).unwrap();
    let spool = folder.open().await;
    assert_eq!(waiting(&spool).await.len(), 299);
    assert_eq!(spool.recovery().damaged_files, 1);
    assert_eq!(files_with(&folder.path(), "spool-3.redb.damaged-0"), 1);
}

/// A spool of 75 records, of which the second went bad while it was open.
async fn with_a_bad_row(folder: &Folder) -> Spool {
    let spool = folder.open().await;
    let request = fresh_request();
    // More than the cache holds, so that the first rows are read from the disk again.
    let text = "ndayifite ".repeat(9_000);
    let large = |n: u64| sealed(event(&request).input(json!({ "n": n, "text": text })));
    for first in [0, 25, 50] {
        spool
            .push((first..first + 25).map(large).collect::<Vec<_>>())
            .await
            .expect("a working spool");
    }
    let bytes = fs::read(folder.file(0)).expect("a working spool");
    let record = waiting(&spool).await[1].record.to_bytes();
    let mut file =
        fs::OpenOptions::new().write(true).open(folder.file(0)).expect("a working spool");
    for (at, _) in bytes.windows(80).enumerate().filter(|(_, window)| **window == record[..80]) {
        file.seek(SeekFrom::Start(at as u64 + 1000)).expect("a working spool");
        file.write_all(&[bytes[at + 1000] ^ 1]).expect("a working spool");
    }
    spool
}

#[tokio::test]
async fn a_row_that_goes_bad_while_the_spool_is_open_is_set_aside_and_stays_so() {
    let folder = Folder::new();
    let spool = with_a_bad_row(&folder).await;
    let found = numbers(&drain(&spool).await.unwrap());
    assert_eq!(found, (0..75).filter(|n| *n != 1).collect::<Vec<_>>());
    assert_eq!((spool.recovery().unreadable, spool.set_aside_count()), (1, 1));
    let aside = spool.set_aside_records(0, 9).await.unwrap();
    assert!(aside[0].record.is_none());
    assert_eq!(spool.put_back([aside[0].place]).await.unwrap(), 0);
    assert_eq!((spool.depth().events, spool.set_aside_count()), (0, 1));
}

#[tokio::test]
async fn an_adopted_row_that_cannot_be_read_is_not_reported_at_every_opening() {
    let folder = Folder::new();
    let spool = with_a_bad_row(&folder).await;
    drain(&spool).await.unwrap();
    spool.close().await.unwrap();
    fs::rename(folder.file(0), folder.file(1)).unwrap();
    let spool = folder.open().await;
    assert_eq!(spool.set_aside_count(), 1);
    spool.close().await.unwrap();
    assert_eq!(files_with(&folder.path(), ".redb"), 1);
    let spool = folder.open().await;
    assert_eq!((spool.recovery(), spool.set_aside_count()), (Recovery::default(), 1));
}
