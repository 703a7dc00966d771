//! The library's own log lines, written by a thread of their own.
//!
//! A host's layer writes on the task that logs. If its file hung, it would hold the task that
//! writes records, and with it every caller; if it panicked, it would end that task.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Span, dispatcher};

/// Most lines that wait. A record's takes less than 2 KiB.
const LINES_MAX: usize = 16_384;

/// Of the process, as its subscriber is.
static LINES: Lines = Lines {
    queue: Mutex::new(WaitingLines { waiting: VecDeque::new(), is_running: false }),
    arrived: Condvar::new(),
    lost: AtomicU64::new(0),
};

/// Writes a line of the library's: `log_line!(warn, %error, "what happened")`. What it shows is moved into it.
macro_rules! log_line {
    ($level:ident, $($line:tt)+) => {
        $crate::store::log_line::later(tracing::Span::current(), move |span| {
            tracing::$level!(parent: span, $($line)+)
        })
    };
}
pub(crate) use log_line;

/// Has the thread write a line, for the subscriber that is current now. `span` is kept open until then. If too many
/// lines wait, this one is lost, and counted.
pub(crate) fn later(span: Span, line: impl FnOnce(&Span) + Send + 'static) {
    if LevelFilter::current() == LevelFilter::OFF {
        return;
    }
    let dispatch = dispatcher::get_default(Dispatch::clone);
    LINES.push(Line { dispatch, span, write: Box::new(line) });
}

/// Returns when the lines are written that wait now. It has no limit of its own.
pub(crate) async fn written() {
    if let Some(written) = LINES.mark() {
        // The thread never ends.
        drop(written.await);
    }
}

/// How many lines were lost: because too many waited, or because a layer panicked.
pub(crate) fn lost() -> u64 {
    LINES.lost.load(Ordering::Relaxed)
}

struct Lines {
    queue: Mutex<WaitingLines>,
    arrived: Condvar,
    lost: AtomicU64,
}

struct WaitingLines {
    waiting: VecDeque<Entry>,
    is_running: bool,
}

enum Entry {
    Line(Line),
    /// A caller that waits until everything before it is written.
    Mark(oneshot::Sender<()>),
}

struct Line {
    dispatch: Dispatch,
    span: Span,
    write: Box<dyn FnOnce(&Span) + Send>,
}

impl Line {
    fn write(self) {
        let Self { dispatch, span, write } = self;
        dispatcher::with_default(&dispatch, || write(&span));
    }
}

impl Lines {
    /// Nothing that can panic happens under the lock.
    fn lock(&self) -> MutexGuard<'_, WaitingLines> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&'static self, line: Line) {
        let mut queue = self.lock();
        if queue.waiting.len() >= LINES_MAX || !self.is_running(&mut queue) {
            // The line goes after the lock: its span may be the last, and tell a layer so.
            drop(queue);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.waiting.push_back(Entry::Line(line));
        drop(queue);
        self.arrived.notify_one();
    }

    fn mark(&self) -> Option<oneshot::Receiver<()>> {
        let mut queue = self.lock();
        if !queue.is_running {
            return None;
        }
        let (mark, written) = oneshot::channel();
        queue.waiting.push_back(Entry::Mark(mark));
        drop(queue);
        self.arrived.notify_one();
        Some(written)
    }

    fn is_running(&'static self, queue: &mut WaitingLines) -> bool {
        if !queue.is_running {
            let thread = thread::Builder::new().name("moltbot-lines".to_owned());
            queue.is_running = thread.spawn(|| self.run()).is_ok();
        }
        queue.is_running
    }

    fn run(&self) {
        loop {
            let is_empty = |queue: &mut WaitingLines| queue.waiting.is_empty();
            let queue = self.arrived.wait_while(self.lock(), is_empty);
            let first = queue.unwrap_or_else(PoisonError::into_inner).waiting.pop_front();
            let is_lost = match first {
                Some(Entry::Line(line)) => catch_unwind(AssertUnwindSafe(|| line.write())).is_err(),
                Some(Entry::Mark(mark)) => {
                    // It may have given up.
                    _ = mark.send(());
                    false
                }
                None => false,
            };
            self.lost.fetch_add(is_lost.into(), Ordering::Relaxed);
        }
    }
}
