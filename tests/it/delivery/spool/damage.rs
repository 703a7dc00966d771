//! Damaged files. Whatever stands in a file, opening gives back what is whole, in order, keeps the file, says
//! so, and does not panic.

use std::fs;
use std::io::{Seek, SeekFrom, Write};

use moltbot_audit::delivery::{Recovery, Spool};
use moltbot_audit::record::Record;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Folder, drain, files_with, numbers, numbers_of, waiting};
use crate::support::records::{event, fresh_request, numbered_records, sealed, stream};

const RECORDS: u64 = 300;

/// How every record begins in the file.
const BEGINNING: &[u8] = b"{\"version\":2,\"header\":";

/// Bytes of a frame before its record.
const HEAD: usize = 72;

/// A file of some hundred records, as a process leaves it.
struct Image {
    bytes: Vec<u8>,
    /// For each record, where it ends.
    ends: Vec<usize>,
}

impl Image {
    async fn new() -> Self {
        let folder = Folder::new();
        let spool = folder.open().await;
        let records = numbered_records(&fresh_request(), 0..RECORDS);
        for batch in records.chunks(37) {
            spool.push(batch).await.expect("they are kept");
        }
        let bytes = fs::read(folder.file(0)).expect("a file");
        let starts = bytes.windows(BEGINNING.len()).enumerate();
        let starts = starts.filter(|(_, window)| *window == BEGINNING).map(|(at, _)| at);
        let len = |record: &Record| record.to_bytes().len();
        let ends: Vec<_> = starts.zip(&records).map(|(at, record)| at + len(record)).collect();
        assert_eq!((ends.len() as u64, ends.last()), (RECORDS, Some(&bytes.len())));
        Self { bytes, ends }
    }
}

/// What comes back from a damaged file, and what the spool says. Afterwards it works.
async fn recovered(bytes: &[u8]) -> (Vec<u64>, Recovery) {
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).expect("a folder");
    fs::write(folder.file(0), bytes).expect("a file");
    let spool = folder.open().await;
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
    assert_eq!(files_with(&folder.path(), ".damaged-"), kept);
    (found, recovery)
}

#[tokio::test]
async fn a_file_cut_anywhere_gives_back_what_is_whole_and_is_no_damage() {
    let Image { bytes, ends } = Image::new().await;
    let inside = |nth: usize| [ends[nth] - 100, ends[nth] + 1, ends[nth] + 8, ends[nth] + HEAD];
    let cuts =
        (0..12).map(|n| bytes.len() * n / 12).chain([1, 7, 8, 71, 72, ends[0], bytes.len() - 1]);
    for cut in cuts.chain(inside(0)).chain(inside(150)) {
        let (found, recovery) = recovered(&bytes[..cut]).await;
        let whole = (0..).zip(&ends).filter(|(_, end)| **end <= cut).map(|(n, _)| n);
        assert_eq!(found, whole.collect::<Vec<u64>>(), "cut at {cut}");
        assert_eq!(recovery.damaged_files, 0, "cut at {cut}");
    }
    // After a loss of power some file systems give a file the length that it never got the bytes for.
    let (found, recovery) = recovered(&[&bytes[..ends[9]], &[0; 5000]].concat()).await;
    assert_eq!((found.len(), recovery), (10, Recovery::default()));
}

#[tokio::test]
async fn a_flipped_byte_anywhere_costs_at_most_the_record_it_is_in_and_is_told() {
    let Image { bytes: whole, ends } = Image::new().await;
    let in_records = (0..300).step_by(41).map(|nth: usize| ends[nth] - 200);
    let anywhere = (0..16).map(|n| whole.len() * n / 16 + 17 * n);
    let in_heads = (0..HEAD).step_by(3).flat_map(|at| [at, ends[5] + at, ends[298] + at]);
    for at in in_heads.chain(in_records).chain(anywhere).chain([ends[299] - 100]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        let (found, recovery) = recovered(&bytes).await;
        assert_eq!(found.len() as u64, RECORDS - 1, "byte {at}");
        assert_eq!(recovery.damaged_files, 1, "byte {at}");
        assert_eq!(recovery.recovered, RECORDS - 1, "byte {at}");
    }
}

#[tokio::test]
async fn what_lies_between_frames_costs_none_of_them() {
    let Image { bytes, ends } = Image::new().await;
    for between in
        [&b"x"[..], &[0; 4096], b"\xF5spool2\n", &bytes[..ends[0] - 1], &bytes[3..ends[0]]]
    {
        let torn = [&bytes[..ends[100]], between, &bytes[ends[100]..]].concat();
        let (found, recovery) = recovered(&torn).await;
        assert_eq!((found.len() as u64, recovery.damaged_files), (RECORDS, 1));
    }
}

#[tokio::test]
async fn what_is_no_spool_at_all_is_kept_beside() {
    let text = b"this is not a spool\n".repeat(500);
    for (bytes, damaged) in [(&[][..], 0), (b"x", 1), (&text, 1), (&vec![0xF5; 300_000], 1)] {
        let (found, recovery) = recovered(bytes).await;
        assert_eq!((found.len(), recovery.damaged_files), (0, damaged));
    }
}

#[tokio::test]
async fn a_file_that_was_being_written_anew_when_its_process_died_is_not_believed() {
    let Image { bytes, ends } = Image::new().await;
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    fs::write(folder.file(0), &bytes).unwrap();
    fs::write(folder.path().join("spool-0.log.new"), &bytes[..ends[40]]).unwrap();
    let spool = folder.open().await;
    assert_eq!(waiting(&spool).await.len() as u64, RECORDS);
    assert_eq!(files_with(&folder.path(), ".new"), 0);
}

/// A frame as the form says, of whatever bytes.
fn frame(record: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xF5spool2\n".to_vec();
    bytes.extend([0; 16]);
    bytes.extend(stream(&fresh_request()).uuid().as_bytes());
    bytes.extend(u32::try_from(record.len()).expect("a length").to_be_bytes());
    bytes.extend([0; 4]);
    let check = Sha256::digest(&bytes);
    bytes.extend(&check[..8]);
    let check = Sha256::digest([&bytes, record].concat());
    bytes.extend(&check[..16]);
    bytes.extend(record);
    bytes
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_set_aside_and_kept_whole() {
    let Image { bytes, ends } = Image::new().await;
    let newer = frame(b"{\"version\":9,\"header\":{}}");
    let folder = Folder::new();
    fs::create_dir_all(folder.path()).unwrap();
    fs::write(folder.file(0), [&newer, &bytes[..ends[9]], &newer].concat()).unwrap();
    let spool = folder.open().await;
    assert_eq!((spool.recovery(), spool.depth().events), (Recovery::default(), 12));
    assert_eq!(numbers(&drain(&spool).await.unwrap()), (0..10).collect::<Vec<_>>());
    assert_eq!((spool.recovery().unreadable, spool.set_aside_count()), (2, 2));
    let aside = spool.set_aside_records(0, 9).await.unwrap();
    assert!(aside.iter().all(|one| one.record.is_none() && one.reason.contains("read back")));
    assert_eq!(spool.put_back(aside.iter().map(|one| one.place)).await.unwrap(), 0);
    assert_eq!((spool.depth().events, spool.set_aside_count()), (0, 2));
    drop(spool);
    let kept =
        fs::read_dir(folder.path()).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    let kept = kept.collect::<Vec<_>>().concat();
    let record = b"{\"version\":9,\"header\":{}}";
    assert_eq!(kept.windows(record.len()).filter(|window| window == record).count(), 2);
}

#[tokio::test]
async fn a_record_that_goes_bad_while_the_spool_is_open_holds_up_nothing_and_its_file_is_kept() {
    let folder = Folder::new();
    let spool: Spool = folder.open().await;
    spool.push(numbered_records(&fresh_request(), 0..2)).await.unwrap();
    let text = "ndayifite ".repeat(900);
    let large = sealed(event(&fresh_request()).input(json!({ "n": 2, "text": text })));
    spool.push(vec![large]).await.unwrap();
    spool.push(numbered_records(&fresh_request(), 3..75)).await.unwrap();
    let bytes = fs::read(folder.file(0)).unwrap();
    let at = bytes.windows(19).position(|window| window == b"ndayifite ndayifite").unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(folder.file(0)).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(b"N").unwrap();

    let found = numbers(&drain(&spool).await.unwrap());
    assert_eq!(found, (0..75).filter(|n| *n != 2).collect::<Vec<_>>());
    assert_eq!((spool.recovery().unreadable, spool.depth().events), (1, 0));
    spool.close().await.unwrap();
    assert_eq!(files_with(&folder.path(), ".damaged-"), 1);
    assert_eq!(files_with(&folder.path(), "spool-"), 1, "nothing but that");
    assert_eq!(waiting(&folder.open().await).await.len(), 0);
}
