//! A writer that never waits for its file.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

use super::LostLines;
use super::scratch::ReentryGuard;

/// Most lines that wait.
const LINES_MAX: usize = 65_536;
/// Most bytes that wait.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a guard that is dropped waits for the rest to be written.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// Hands lines to a thread of its own, and counts lines that could not be written: because too many
/// waited, because the file refused them, or because they came after the guard was dropped. Lines
/// that a buffer took but could not flush count as lost, although it may still flush them later.
///
/// By default, at most 65,536 lines or 16 MiB wait, and as much again is being written.
///
/// ```
/// use moltbot_audit::observe::{JsonLayer, NonBlocking};
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # fn main() -> std::io::Result<()> {
/// let (writer, _guard) = NonBlocking::new(std::io::stdout())?; // the guard lives as long as `main`
/// let lost = writer.lost();
/// let layer = JsonLayer::new(writer).count_lost_in(&lost);
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NonBlocking {
    shared: Arc<LineBuffer>,
}

/// Writes the waiting lines when it is dropped, for two seconds at most. Lines that still wait then
/// are lost, and counted.
#[must_use = "lines that wait are lost where nobody holds the guard until the end"]
pub struct LogGuard {
    shared: Arc<LineBuffer>,
}

struct LineBuffer {
    queue: Mutex<WaitingLines>,
    /// Something waits, or the end has come.
    arrived: Condvar,
    /// Everything is written.
    idle: Condvar,
    lines_max: usize,
    bytes_max: usize,
    lost: LostLines,
}

#[derive(Default)]
struct WaitingLines {
    waiting: Vec<u8>,
    lines: usize,
    is_writing: bool,
    is_closed: bool,
}

impl NonBlocking {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn new(file: impl Write + Send + 'static) -> io::Result<(Self, LogGuard)> {
        Self::with_limits(file, LINES_MAX, BYTES_MAX)
    }

    /// Like [`new`](Self::new), with other limits for the lines and bytes that wait.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn with_limits(
        file: impl Write + Send + 'static,
        lines_max: usize,
        bytes_max: usize,
    ) -> io::Result<(Self, LogGuard)> {
        let shared = Arc::new(LineBuffer {
            queue: Mutex::default(),
            arrived: Condvar::new(),
            idle: Condvar::new(),
            lines_max,
            bytes_max,
            lost: LostLines::default(),
        });
        let of_thread = Arc::clone(&shared);
        thread::Builder::new().name("moltbot-log".to_owned()).spawn(move || of_thread.run(file))?;
        Ok((Self { shared: Arc::clone(&shared) }, LogGuard { shared }))
    }

    /// Counts the lines that could not be written.
    #[must_use]
    pub fn lost(&self) -> LostLines {
        self.shared.lost.clone()
    }
}

impl Write for NonBlocking {
    /// Takes one line, or several whole ones. It never fails: what is lost is counted.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.shared.take(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for NonBlocking {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.is_closed = true;
        self.shared.arrived.notify_one();
        let is_busy = |queue: &mut WaitingLines| queue.is_writing || queue.lines > 0;
        let waited = self.shared.idle.wait_timeout_while(queue, FLUSH_MAX, is_busy);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // What the thread has in its hands it still writes, if the file lets it.
        self.shared.lost.add_len(queue.lines);
        queue.lines = 0;
        queue.waiting = Vec::new();
    }
}

impl LineBuffer {
    /// Nothing that can panic happens under the lock, but a poisoned log would be the end of all logs.
    fn lock(&self) -> MutexGuard<'_, WaitingLines> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, lines: &[u8]) {
        let count = lines_in(lines);
        let mut queue = self.lock();
        let has_room = queue.lines + count <= self.lines_max
            && queue.waiting.len() + lines.len() <= self.bytes_max;
        if queue.is_closed || !has_room {
            drop(queue);
            self.lost.add_len(count);
            return;
        }
        let was_empty = queue.lines == 0;
        queue.waiting.extend_from_slice(lines);
        queue.lines += count;
        drop(queue);
        if was_empty {
            self.arrived.notify_one();
        }
    }

    fn run(&self, mut file: impl Write) {
        // A file that logs would have lines to write for ever: what this thread logs is counted as lost.
        let _turn = ReentryGuard::write();
        let mut batch = Vec::new();
        let mut is_broken_off = false;
        loop {
            let mut queue = self.lock();
            queue.is_writing = false;
            if queue.lines == 0 {
                self.idle.notify_all();
            }
            let is_idle = |queue: &mut WaitingLines| queue.lines == 0 && !queue.is_closed;
            let waited = self.arrived.wait_while(queue, is_idle);
            queue = waited.unwrap_or_else(PoisonError::into_inner);
            if queue.lines == 0 {
                return;
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut queue.waiting);
            queue.lines = 0;
            queue.is_writing = true;
            drop(queue);
            self.write_all(&mut file, &batch, &mut is_broken_off);
        }
    }

    /// Writes lines, in as few calls as the file takes. A line that it refuses is lost, and the next one is
    /// tried.
    fn write_all(&self, file: &mut impl Write, mut lines: &[u8], is_broken_off: &mut bool) {
        let mut is_begun = false;
        let mut taken = 0;
        while !lines.is_empty() {
            if *is_broken_off {
                // What was written of a lost line must not become the head of the next.
                *is_broken_off = !matches!(try_write(file, b"\n"), Some(1));
            }
            let written = if *is_broken_off { None } else { try_write(file, lines) };
            let done = written.unwrap_or_else(|| {
                self.lost.add(1);
                *is_broken_off |= is_begun;
                lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1)
            });
            is_begun = written.is_some() && lines[done - 1] != b'\n';
            if written.is_some() {
                // A line counts where it ends.
                let goes_on = is_begun && done < lines.len();
                taken += lines_in(&lines[..done]) - usize::from(goes_on);
            }
            lines = &lines[done..];
        }
        if try_flush(file).is_none() {
            self.lost.add_len(taken);
        }
    }
}

/// How many bytes were written, at least one. `None` if the write failed.
fn try_write(file: &mut impl Write, bytes: &[u8]) -> Option<usize> {
    loop {
        let attempt = catch_unwind(AssertUnwindSafe(|| file.write(bytes)));
        match attempt.ok()? {
            Ok(written) => return (1..=bytes.len()).contains(&written).then_some(written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

fn try_flush(file: &mut impl Write) -> Option<()> {
    loop {
        match catch_unwind(AssertUnwindSafe(|| file.flush())).ok()? {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            flushed => return flushed.ok(),
        }
    }
}

fn lines_in(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').count()
}

impl fmt::Debug for NonBlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonBlocking").field("lost", &self.shared.lost).finish_non_exhaustive()
    }
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGuard").field("lost", &self.shared.lost).finish_non_exhaustive()
    }
}
