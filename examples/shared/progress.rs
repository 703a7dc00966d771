//! A line on standard error while an export takes long.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An export that is done sooner needs no line.
const AFTER: Duration = Duration::from_secs(2);
const REDRAWN: Duration = Duration::from_millis(200);
const CELLS: usize = 20;

/// Draws how far an export is, on a terminal only. The line is wiped when this is dropped.
pub(crate) struct Progress {
    steps: Option<(Sender<&'static str>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins with the first of so many steps.
    pub(crate) fn begin(steps: usize, first: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { steps: None };
        }
        let (sender, receiver) = channel();
        // A thread, because an export computes for seconds without giving way to other tasks.
        let thread = std::thread::spawn(move || draw(&receiver, steps, first));
        Self { steps: Some((sender, thread)) }
    }

    /// Goes on to the next step.
    pub(crate) fn next(&self, step: &'static str) {
        if let Some((sender, _)) = &self.steps {
            // If nothing draws any more, nothing is lost.
            let _unheard = sender.send(step);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.steps.take() {
            drop(sender);
            let _drawn = thread.join();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what a person waits is real time")]
fn draw(steps: &Receiver<&'static str>, count: usize, first: &'static str) {
    let begun = Instant::now();
    let (mut done, mut step, mut is_drawn) = (0, first, false);
    loop {
        match steps.recv_timeout(REDRAWN) {
            Ok(next) => (done, step) = (done + 1, next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if begun.elapsed() >= AFTER {
            is_drawn = true;
            let _unseen =
                write!(std::io::stderr(), "\r\x1b[K{}", line(done, count, step, begun.elapsed()));
        }
    }
    if is_drawn {
        let _unseen = write!(std::io::stderr(), "\r\x1b[K");
    }
}

/// One step is one part of the bar, however long it takes.
fn line(done: usize, count: usize, step: &str, elapsed: Duration) -> String {
    let filled = CELLS * done.min(count) / count.max(1);
    let (full, empty) = ("#".repeat(filled), "-".repeat(CELLS - filled));
    format!("[{full}{empty}] {} of {count}: {step}, {} s", done + 1, elapsed.as_secs())
}
