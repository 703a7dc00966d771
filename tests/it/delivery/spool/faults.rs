//! A file system that fails: each test starts itself again behind a layer that has calls on files of the spool fail
//! (`faults.c`).

use std::path::PathBuf;
use std::process::Command;

use moltbot_audit::RequestId;
use moltbot_audit::delivery::{Spool, SpoolError};

use super::{Folder, drain, files_with, numbers, numbers_of, waiting};
use crate::support::process::{self, this_test};
use crate::support::records::{fresh_request, numbered_records};

const ORDERS: &str = "MOLTBOT_AUDIT_FAULTS";
/// Errors of the operating system, by their numbers.
const EIO: i32 = 5;
const EXDEV: i32 = 18;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// Whether this process is behind the layer; if not, starts the test there, waits for it, and shows what it said.
fn is_behind_the_layer(test: &str) -> bool {
    if process::part().is_some() {
        return true;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (source, layer) = (folder.path().join("faults.c"), folder.path().join("faults.so"));
    std::fs::write(&source, include_str!("faults.c")).expect("our own folder");
    let mut cc = Command::new("cc");
    let compiled = cc.args(["-shared", "-fPIC", "-o"]).args([&layer, &source]).status();
    assert!(compiled.is_ok_and(|status| status.success()), "a C compiler is needed: cc");
    let output = process::again(test, "")
        .env("LD_PRELOAD", &layer)
        .env(ORDERS, folder.path().join("orders"))
        .output()
        .expect("it starts");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprint!("{err}");
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("test result: ok. 1 passed"), "{test} was not run: {out}");
    false
}

/// Has calls fail from now on, as `faults.c` says; no orders, no faults.
fn order(faults: &[(&str, &str)]) {
    let path = PathBuf::from(std::env::var(ORDERS).expect("behind the layer"));
    let lines: Vec<String> = faults.iter().map(|(call, fault)| format!("{call} {fault}")).collect();
    std::fs::write(path, lines.join("\n")).expect("our own folder");
}

fn code(number: i32) -> String {
    number.to_string()
}

/// Has a push fail, by what the file system said.
async fn fails(spool: &Spool, request: &RequestId, number: u64, errors: &[i32]) {
    match spool.push(numbered_records(request, [number])).await {
        Err(SpoolError::Io { source, .. }) => {
            assert!(errors.contains(&source.raw_os_error().expect("a number")), "{source:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Everything that waits in a new process with this folder, as after a crash.
async fn after_a_crash(folder: &Folder, spool: Spool) -> Vec<u64> {
    drop(spool);
    numbers_of(&waiting(&folder.open().await).await)
}

#[tokio::test]
async fn a_sync_that_failed_is_not_believed_the_next_time() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let (folder, request) = (Folder::new(), fresh_request());
    let spool = folder.open().await;
    spool.push(numbered_records(&request, 0..5)).await.unwrap();
    let len = folder.file(0).metadata().unwrap().len();
    for round in 0..3 {
        // The layer loses what was not synced, and says afterwards that all is well.
        order(&[("fdatasync", "once")]);
        fails(&spool, &request, 900, &[EIO]).await;
        let next = 5 + round * 2;
        spool.push(numbered_records(&request, next..next + 2)).await.unwrap();
        order(&[]);
    }
    assert!(folder.file(1).exists(), "what comes next is not written behind what is unknown");
    let expected: Vec<u64> = (0..11).collect();
    assert_eq!(numbers_of(&waiting(&spool).await), expected);
    assert!(folder.file(0).metadata().unwrap().len() >= len);
    assert_eq!(after_a_crash(&folder, spool).await, expected);
}

#[tokio::test]
async fn a_disk_that_goes_on_failing_is_a_typed_error_gathers_no_files_and_loses_nothing() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let (folder, request) = (Folder::new(), fresh_request());
    let spool = folder.open().await;
    let mut kept = 0;
    for faults in [
        &[("fdatasync", EIO)][..],
        &[("fdatasync", ENOSPC)],
        &[("write", EIO)],
        &[("write", ENOSPC)],
        &[("write", EROFS), ("open", EROFS)],
        &[("write", EIO), ("ftruncate", EIO)],
        &[("write", ENOSPC), ("ftruncate", EROFS), ("unlink", EROFS)],
        &[("fdatasync", EIO), ("fsync", EIO)],
        &[("fdatasync", EIO), ("open", EIO)],
        &[("fdatasync", EIO), ("fsync", EIO), ("unlink", EIO)],
    ] {
        spool.push(numbered_records(&request, kept..kept + 3)).await.unwrap();
        kept += 3;
        let before = files_with(&folder.path(), "spool-");
        let orders: Vec<_> = faults.iter().map(|(call, number)| (*call, code(*number))).collect();
        order(&orders.iter().map(|(call, number)| (*call, number.as_str())).collect::<Vec<_>>());
        let errors: Vec<_> = faults.iter().map(|(_, number)| *number).collect();
        for _ in 0..20 {
            fails(&spool, &request, 900, &errors).await;
        }
        assert_eq!(spool.depth().events, kept, "{faults:?}: what was kept is still counted");
        order(&[]);
        let gathered = files_with(&folder.path(), "spool-") - before;
        let can_delete = faults.iter().all(|(call, _)| *call != "unlink");
        assert!(gathered <= if can_delete { 1 } else { 20 }, "{faults:?}: {gathered} files");
        assert_eq!(numbers_of(&waiting(&spool).await), (0..kept).collect::<Vec<_>>(), "{faults:?}");
    }
    spool.push(numbered_records(&request, kept..kept + 3)).await.unwrap();
    let found = after_a_crash(&folder, spool).await;
    // Of a push that failed the records may come back.
    let found: Vec<u64> = found.into_iter().filter(|number| *number != 900).collect();
    assert_eq!(found, (0..kept + 3).collect::<Vec<_>>());
}

#[tokio::test]
async fn short_and_interrupted_calls_lose_nothing() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let (folder, request) = (Folder::new(), fresh_request());
    let mut expected: Vec<u64> = Vec::new();
    for faults in [
        &[("write", "short")][..],
        &[("write", "interrupted")],
        &[("read", "short")],
        &[("read", "interrupted")],
        &[("fdatasync", "interrupted"), ("fsync", "interrupted")],
        &[("open", "interrupted"), ("ftruncate", "interrupted")],
        &[("write", "short"), ("read", "short"), ("fdatasync", "interrupted")],
    ] {
        order(faults);
        let spool = folder.open().await;
        let next = expected.len() as u64;
        spool.push(numbered_records(&request, next..next + 4)).await.unwrap();
        expected.extend(next..next + 4);
        assert_eq!(numbers_of(&waiting(&spool).await), expected, "{faults:?}");
        drop(spool);
    }
    let spool = folder.open().await;
    assert_eq!(spool.recovery().torn, 0);
    assert_eq!(numbers(&drain(&spool).await.unwrap()), expected);
}

#[tokio::test]
async fn a_write_that_is_cut_in_the_middle_leaves_what_was_kept() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    for truncates in [true, false] {
        let (folder, request) = (Folder::new(), fresh_request());
        let spool = folder.open().await;
        spool.push(numbered_records(&request, 0..5)).await.unwrap();
        let refuses = code(EIO);
        let faults = [("write", "half"), ("ftruncate", refuses.as_str())];
        order(&faults[..if truncates { 1 } else { 2 }]);
        fails(&spool, &request, 900, &[EIO]).await;
        order(&[]);
        spool.push(numbered_records(&request, 5..8)).await.unwrap();
        assert_eq!(numbers_of(&waiting(&spool).await), (0..8).collect::<Vec<_>>());
        drop(spool);
        let spool = folder.open().await;
        assert_eq!(numbers_of(&waiting(&spool).await), (0..8).collect::<Vec<_>>());
        assert_eq!(spool.recovery().torn, u64::from(!truncates));
        assert_eq!(spool.recovery().damaged_files, 0, "a write that was cut damages nothing");
    }
}

#[tokio::test]
async fn what_the_disk_does_not_give_back_holds_up_nothing_else_and_is_not_lost() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let (folder, request) = (Folder::new(), fresh_request());
    let spool = folder.open().await;
    spool.push(numbered_records(&request, 0..5)).await.unwrap();
    let place = waiting(&spool).await[0].place;
    let number = code(EIO);
    order(&[("read", &number)]);
    let is_io = |error: &SpoolError| matches!(error, SpoolError::Io { source, .. } if source.raw_os_error() == Some(EIO));
    assert!(is_io(&spool.front(9, usize::MAX).await.unwrap_err()));
    assert!(is_io(&spool.set_aside([(place, "refused")]).await.unwrap_err()));
    spool.push(numbered_records(&request, 5..6)).await.unwrap();
    assert_eq!(spool.depth().events, 6);
    // A file that cannot be read is not taken over, and stays.
    drop(spool);
    let spool = folder.open().await;
    assert_eq!(spool.depth().events, 0);
    assert!(is_io(&spool.adopt().await.unwrap_err()));
    order(&[]);
    assert_eq!(spool.adopt().await.unwrap(), 6);
    assert_eq!(numbers(&drain(&spool).await.unwrap()), (0..6).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_that_the_disk_does_not_give_back_holds_up_itself_alone() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let (folder, bad, good) = (Folder::new(), fresh_request(), fresh_request());
    let spool = folder.open().await;
    spool.push(numbered_records(&bad, 0..3)).await.unwrap();
    // The next file.
    order(&[("fdatasync", "once")]);
    fails(&spool, &bad, 900, &[EIO]).await;
    spool.push(numbered_records(&good, 3..6)).await.unwrap();
    spool.push(numbered_records(&bad, 6..9)).await.unwrap();
    order(&[("read", "5 spool-0.log")]);
    let front = spool.front(9, usize::MAX).await.unwrap();
    assert_eq!(numbers_of(&front), [3, 4, 5], "and what is behind it in its stream waits");
    spool.remove(front.iter().map(|one| one.place)).await.unwrap();
    let error = spool.front(9, usize::MAX).await.unwrap_err();
    assert!(error.to_string().contains("read its front"), "{error}");
    order(&[]);
    assert_eq!(numbers(&drain(&spool).await.unwrap()), [0, 1, 2, 6, 7, 8]);
}

/// As on file systems without hard links, and where a file was mounted.
#[tokio::test]
async fn a_file_that_cannot_be_replaced_stays_and_is_read() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let number = code(EXDEV);
    for call in ["rename", "link", "unlink"] {
        let (folder, request) = (Folder::new(), fresh_request());
        let spool = folder.open().await;
        spool.push(numbered_records(&request, 0..9)).await.unwrap();
        spool.close().await.unwrap();
        drop(spool);
        // The bytes of one record in the middle are damaged.
        let mut bytes = std::fs::read(folder.file(0)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(folder.file(0), bytes).unwrap();

        order(&[(call, &number)]);
        let spool = folder.open().await;
        let found = numbers_of(&waiting(&spool).await);
        assert_eq!(found.len(), 8, "{call}: {found:?}");
        assert_eq!(spool.recovery().recovered, 8);
        spool.set_aside([(waiting(&spool).await[0].place, "refused")]).await.unwrap();
        spool.push(numbered_records(&request, 9..12)).await.unwrap();
        let places: Vec<_> = waiting(&spool).await.iter().map(|one| one.place).take(2).collect();
        spool.remove(places).await.unwrap();
        assert_eq!(numbers_of(&waiting(&spool).await).len(), 8, "{call}");
        order(&[]);
        let found = after_a_crash(&folder, spool).await;
        assert!(found.ends_with(&[9, 10, 11]), "{call}: {found:?}");
        assert!(found.len() >= 8 && found.is_sorted(), "{call}: {found:?}");
        let spool = folder.open().await;
        assert_eq!(spool.set_aside_count(), 1, "{call}");
        drain(&spool).await.unwrap();
        spool.close().await.unwrap();
        assert_eq!(files_with(&folder.path(), "damaged"), 1, "{call}: it is kept for people");
    }
}

/// Numbers that look random, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn fault(&mut self) -> (&'static str, String) {
        const CALLS: [&str; 9] = [
            "write",
            "read",
            "fdatasync",
            "fsync",
            "ftruncate",
            "open",
            "rename",
            "unlink",
            "link",
        ];
        let call = CALLS[usize::try_from(self.below(9)).expect("small")];
        let fault = match self.below(6) {
            0 => "interrupted".to_owned(),
            1 if call == "write" => "half".to_owned(),
            2 if call == "write" || call == "read" => "short".to_owned(),
            3 if call == "fdatasync" => "once".to_owned(),
            4 => code(ENOSPC),
            _ => code(EIO),
        };
        (call, fault)
    }
}

/// A spool and what it acknowledged.
struct Model {
    folder: Folder,
    request: RequestId,
    spool: Spool,
    next: u64,
    kept: Vec<u64>,
}

impl Model {
    async fn step(&mut self, random: &mut Random) -> Result<(), SpoolError> {
        match random.below(10) {
            0..5 => {
                let count = 1 + random.below(3);
                let numbers = self.next..self.next + count;
                self.next += count;
                self.spool.push(numbered_records(&self.request, numbers.clone())).await?;
                self.kept.extend(numbers);
            }
            5..7 => {
                let front = self.spool.front(12, usize::MAX).await?;
                let drained = numbers_of(&front);
                self.kept.retain(|number| !drained.contains(number));
                self.spool.remove(front.iter().map(|one| one.place)).await?;
            }
            7 => drop(self.spool.adopt().await?),
            8 => {
                // As a crash: the locks go, and nothing is tidied up.
                order(&[]);
                self.spool = Folder::new().open().await;
                self.spool = self.folder.open().await;
            }
            _ => drop(self.spool.front(3, usize::MAX).await?),
        }
        Ok(())
    }
}

/// Whatever fails and whenever, what was acknowledged is there, in order.
#[tokio::test]
async fn nothing_acknowledged_is_lost_whichever_calls_fail() {
    if !is_behind_the_layer(this_test!()) {
        return;
    }
    let seed = std::env::var("MOLTBOT_AUDIT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("MOLTBOT_AUDIT_SEED={seed}");
    let (mut random, folder, request) = (Random(seed | 1), Folder::new(), fresh_request());
    let spool = folder.open().await;
    let mut model = Model { folder, request, spool, next: 0, kept: Vec::new() };
    let mut failures = 0;
    for step in 0..400 {
        let faults: Vec<_> = (0..random.below(4)).map(|_| random.fault()).collect();
        order(&faults.iter().map(|(call, fault)| (*call, fault.as_str())).collect::<Vec<_>>());
        if let Err(error) = model.step(&mut random).await {
            assert!(matches!(error, SpoolError::Io { .. }), "step {step}: {error:?}");
            failures += 1;
        }
        order(&[]);
        let found = numbers_of(&waiting(&model.spool).await);
        let mut missing = model.kept.iter().filter(|number| !found.contains(number));
        assert_eq!(missing.next(), None, "step {step}, seed {seed}: {faults:?}");
        // Of a push that failed the records may come back.
        let of_kept: Vec<_> = found.iter().filter(|number| model.kept.contains(number)).collect();
        assert!(of_kept.is_sorted(), "step {step}, seed {seed}: out of order: {of_kept:?}");
    }
    assert!(failures > 30, "{failures}");
}
