//! Writers: threads, faults, and the one that never waits.

use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Write};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use moltbot_audit::observe::{JsonLayer, NonBlocking};
use tracing::{Dispatch, dispatcher, info, info_span};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::lines::{Lines, Parsed, logged_by};
use crate::support::process::{self, this_test};

#[test]
fn lines_of_many_threads_are_whole_and_all_there() {
    let lines = Lines::default();
    let (writer, guard) = NonBlocking::new(lines.clone()).unwrap();
    let lost = writer.lost();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(JsonLayer::new(writer)));
    let begin = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (dispatch, begin) = (&dispatch, &begin);
            scope.spawn(move || {
                dispatcher::with_default(dispatch, || {
                    begin.wait();
                    let _span = info_span!("s", thread).entered();
                    for nth in 0..500 {
                        info!(nth, "{}", "x".repeat(nth));
                    }
                });
            });
        }
    });
    drop(guard);
    let text = lines.text();
    let mut next = [0; 8];
    for line in text.lines() {
        let line = Parsed::new(&format!("{line}\n"));
        let thread = (0..8).find(|thread| line.whole("thread") == *thread).unwrap();
        let next = &mut next[usize::try_from(thread).unwrap()];
        assert_eq!(line.whole("nth"), *next, "out of order");
        assert_eq!(line.text("message").len().to_string(), next.to_string());
        *next += 1;
    }
    assert_eq!(next, [500; 8]);
    assert_eq!(lost.count(), 0);
}

/// Fails as it is told to: what each call of `write` does.
#[derive(Clone)]
struct Faulty {
    calls: Arc<Mutex<Vec<Fault>>>,
    written: Lines,
}

#[derive(Clone, Copy)]
enum Fault {
    Interrupted,
    Nothing,
    Panics,
    Part(usize),
    Refuses,
}

impl Faulty {
    /// These, first to last; then it works.
    fn new(calls: &[Fault]) -> Self {
        let calls = calls.iter().rev().copied().collect();
        Self { calls: Arc::new(Mutex::new(calls)), written: Lines::default() }
    }
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fault = self.calls.lock().expect("nobody panics here").pop();
        match fault {
            Some(Fault::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Some(Fault::Nothing) => Ok(0),
            Some(Fault::Panics) => panic!("on purpose"),
            Some(Fault::Part(len)) => self.written.write(&bytes[..len]),
            Some(Fault::Refuses) => Err(io::ErrorKind::StorageFull.into()),
            None => self.written.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Faulty {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_layer_counts_what_its_writer_refuses_and_outlives_one_that_panics() {
    let faulty = Faulty::new(&[Fault::Refuses, Fault::Panics, Fault::Nothing, Fault::Interrupted]);
    let layer = JsonLayer::new(faulty.clone());
    let lost = layer.lost();
    logged_by(layer, || (0..5).for_each(|nth| info!(nth, "x")));
    assert_eq!(lost.count(), 3);
    let nths: Vec<i64> = faulty.written.parsed().iter().map(|line| line.whole("nth")).collect();
    assert_eq!(nths, [3, 4]);
}

#[test]
fn a_mutex_that_somebody_poisoned_takes_nobody_down() {
    let writer = Arc::new(Mutex::new(Vec::new()));
    let poisoned = Arc::clone(&writer);
    thread::spawn(move || {
        let _guard = poisoned.lock();
        panic!("on purpose");
    })
    .join()
    .unwrap_err();
    let layer = JsonLayer::new(Shared(writer));
    let lost = layer.lost();
    logged_by(layer, || info!("x"));
    assert_eq!(lost.count(), 1);
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl<'a> MakeWriter<'a> for Shared {
    type Writer = <Mutex<Vec<u8>> as MakeWriter<'a>>::Writer;

    fn make_writer(&'a self) -> Self::Writer {
        (*self.0).make_writer()
    }
}

/// Writes lines of one letter with a writer that never waits, and returns what arrived and how many were
/// lost.
fn through(faulty: &Faulty, lines: &[&str]) -> (String, u64) {
    let (mut writer, guard) = NonBlocking::new(faulty.clone()).expect("a thread");
    // In one call, so that the thread finds them together.
    writer.write_all(lines.concat().as_bytes()).expect("it never fails");
    drop(guard);
    (faulty.written.text(), writer.lost().count())
}

#[test]
fn a_line_that_a_file_refuses_is_lost_alone_and_counted() {
    use Fault::{Interrupted, Nothing, Panics, Part, Refuses};
    for (faults, written, lost) in [
        (&[][..], "aa\nbb\ncc\n", 0),
        (&[Interrupted, Interrupted], "aa\nbb\ncc\n", 0),
        (&[Part(1), Part(3)], "aa\nbb\ncc\n", 0),
        (&[Refuses], "bb\ncc\n", 1),
        (&[Panics], "bb\ncc\n", 1),
        (&[Nothing], "bb\ncc\n", 1),
        (&[Part(4), Refuses], "aa\nb\ncc\n", 1),
        (&[Part(1), Refuses, Refuses], "a\ncc\n", 2),
        (&[Part(3), Refuses], "aa\ncc\n", 1),
    ] {
        assert_eq!(
            through(&Faulty::new(faults), &["aa\n", "bb\n", "cc\n"]),
            (written.to_owned(), lost)
        );
    }
}

/// A file that hangs: says that a write has begun, and waits until it is let go on.
struct Stuck {
    begins: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
    written: Lines,
}

/// The other end of it.
struct Holder {
    begun: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
    written: Lines,
}

fn stuck() -> (Stuck, Holder) {
    let (begins, begun) = mpsc::channel();
    let (go, go_on) = mpsc::channel();
    let written = Lines::default();
    let file = Stuck { begins, go_on, written: written.clone() };
    (file, Holder { begun, go_on: go, written })
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        _ = self.begins.send(());
        _ = self.go_on.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_file_that_hangs_and_what_does_not_fit_is_counted() {
    for (lines_max, bytes_max, kept) in [(10, 1 << 20, 10), (1 << 20, 25, 5), (10, 5, 1)] {
        let (file, holder) = stuck();
        let (mut writer, guard) = NonBlocking::with_limits(file, lines_max, bytes_max).unwrap();
        writer.write_all(b"l000\n").unwrap();
        holder.begun.recv().unwrap();
        for nth in 1..100 {
            writer.write_all(format!("l{nth:03}\n").as_bytes()).unwrap();
        }
        assert_eq!(writer.lost().count(), 99 - kept);
        drop(holder.go_on);
        drop(guard);
        let written: Vec<_> = (0..=kept).map(|nth| format!("l{nth:03}\n")).collect();
        assert_eq!(holder.written.text(), written.concat());
        writer.write_all(b"late\n").unwrap();
        assert_eq!(writer.lost().count(), 100 - kept);
    }
}

#[test]
fn a_line_without_any_room_is_lost() {
    let written = Lines::default();
    let (mut writer, guard) = NonBlocking::with_limits(written.clone(), 10, 0).unwrap();
    writer.write_all(b"l000\n").unwrap();
    drop(guard);
    assert_eq!((written.text().as_str(), writer.lost().count()), ("", 1));
}

#[test]
fn a_guard_waits_for_a_file_that_hangs_only_so_long_and_counts_the_rest() {
    let (file, holder) = stuck();
    let (mut writer, guard) = NonBlocking::new(file).unwrap();
    writer.write_all(b"in its hands\n").unwrap();
    holder.begun.recv().unwrap();
    for _ in 0..100 {
        writer.write_all(b"waits\n").unwrap();
    }
    drop(guard);
    assert_eq!(writer.lost().count(), 100);
    writer.write_all(b"late\n").unwrap();
    assert_eq!(writer.lost().count(), 101);
    assert_eq!(holder.written.text(), "");
}

/// A disk that is full.
fn full() -> File {
    File::options().write(true).open("/dev/full").expect("a device")
}

#[test]
fn lines_that_a_buffer_takes_and_cannot_hand_on_are_counted() {
    // Fewer than the buffer holds, and more; in one batch, and in many.
    for (lines, batch) in [(3, 3), (5_000, 5_000), (5_000, 100), (5_000, 1)] {
        let files: [Box<dyn Write + Send>; 3] = [
            Box::new(BufWriter::new(full())),
            Box::new(LineWriter::new(full())),
            Box::new(BufWriter::with_capacity(7, full())),
        ];
        for (nth, file) in files.into_iter().enumerate() {
            let (mut writer, guard) = NonBlocking::new(file).unwrap();
            for _ in 0..lines / batch {
                writer.write_all("line\n".repeat(batch).as_bytes()).unwrap();
            }
            drop(guard);
            assert_eq!(usize::try_from(writer.lost().count()), Ok(lines), "file {nth}, {batch}");
        }
    }
}

#[test]
fn a_layer_counts_what_a_buffer_cannot_hand_on() {
    let layer = JsonLayer::new(Mutex::new(BufWriter::new(full())));
    let lost = layer.lost();
    logged_by(layer, || (0..100).for_each(|nth| info!(nth, "x")));
    assert_eq!(lost.count(), 100);
}

/// Takes everything, and hands on nothing.
struct FlushPanics;

impl Write for FlushPanics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("on purpose");
    }
}

#[test]
fn lines_whose_flush_panics_are_counted() {
    let (mut writer, guard) = NonBlocking::new(FlushPanics).unwrap();
    writer.write_all(b"aa\nbb\ncc").unwrap();
    drop(guard);
    assert_eq!(writer.lost().count(), 3);
}

#[test]
fn a_layer_and_its_writer_count_together() {
    let faulty = Faulty::new(&[Fault::Refuses]);
    let (writer, guard) = NonBlocking::new(faulty).unwrap();
    let lost = writer.lost();
    let layer = JsonLayer::new(writer).count_lost_in(&lost);
    assert_eq!(format!("{:?}", layer.lost()), format!("{lost:?}"));
    logged_by(layer, || info!("x"));
    drop(guard);
    assert_eq!(lost.count(), 1);
}

/// Logs what it writes: for ever, where nobody stops it.
struct Chatty;

impl<'a> MakeWriter<'a> for Chatty {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        info!("a writer is made");
        Self
    }
}

impl Write for Chatty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        info!("{} bytes", bytes.len());
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs while it is formatted, in the span it is a field of.
struct Talks;

impl std::fmt::Debug for Talks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        info!(inner = 1, "while formatted");
        f.write_str("talks")
    }
}

/// Only the process-wide subscriber lets events arise within events.
fn talking_values_and_writers() {
    let layer = JsonLayer::new(Chatty);
    let lost = layer.lost();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .expect("the process is ours alone");
    let span = info_span!("s", a = ?Talks, b = tracing::field::Empty);
    let _entered = span.enter();
    span.record("b", tracing::field::debug(Talks));
    info!(c = ?Talks, "outer {:?}", Talks);
    assert_eq!(lost.count(), 10, "five lines, each with two of its writer");
}

#[test]
fn values_and_writers_that_log_themselves_end() {
    if process::part().is_some() {
        return talking_values_and_writers();
    }
    let child = process::again(this_test!(), "").output().unwrap();
    let lines = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{lines}");
    let messages: Vec<String> =
        lines.lines().map(|line| Parsed::new(&format!("{line}\n")).text("message")).collect();
    let nested = "while formatted";
    assert_eq!(messages, [nested, nested, nested, nested, "outer talks"]);
}
