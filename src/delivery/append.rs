//! Appends a batch so that a record or a stream at fault fails alone: the whole batch in one call, and if that
//! fails, stream by stream, and a stream at fault record by record. A stream stops at its first record that could not
//! be written yet.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::WriteError;
use super::answer_by::answer_by;
use super::circuit_breaker::{Away, CircuitBreaker};
use super::error::AtFault;
use crate::event::StreamId;
use crate::record::{Receipt, Record};
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{Appended, AuditSink, StoreError};

/// If so many streams in a row are locked, the lock is on a table, and we do not try the others.
const LOCKED_IN_A_ROW: usize = 3;

/// What became of one record.
pub(super) type RecordResult = Result<Receipt, WriteError>;

/// What became of a batch.
#[derive(Default)]
pub(super) struct BatchOutcome {
    /// One for each record; `None` if it is still to be written.
    pub(super) results: Vec<Option<RecordResult>>,
    /// Streams that another transaction has locked.
    pub(super) locked: HashMap<StreamId, WriteError>,
    /// Why the database stopped taking records.
    pub(super) away: Option<Away>,
    /// How long each call took that returned receipts.
    pub(super) took: Vec<Duration>,
}

/// A batch being appended.
pub(super) struct Append<'a, T> {
    sink: &'a dyn AuditSink,
    breaker: &'a CircuitBreaker,
    records: &'a [Record],
    time_is_up: Pin<Box<T>>,
    is_time_up: bool,
    outcome: BatchOutcome,
}

impl<'a, T: Future<Output = ()>> Append<'a, T> {
    /// Appends what it can of `records`, which are grouped by stream, until `time_is_up`.
    pub(super) async fn run(
        sink: &'a dyn AuditSink,
        breaker: &'a CircuitBreaker,
        records: &'a [Record],
        time_is_up: T,
    ) -> BatchOutcome {
        let outcome =
            BatchOutcome { results: vec![None; records.len()], ..BatchOutcome::default() };
        let time_is_up = Box::pin(time_is_up);
        let mut append = Self { sink, breaker, records, time_is_up, is_time_up: false, outcome };
        append.append_all().await;
        append.outcome
    }

    async fn append_all(&mut self) {
        let whole = 0..self.records.len();
        // The next part is the last.
        let mut todo = vec![whole];
        let mut locked_in_a_row = 0;
        while let Some(part) = todo.pop() {
            let Err(failed) = self.call(part.clone()).await else {
                locked_in_a_row = 0;
                continue;
            };
            let (records, stream_id) = (self.records, self.stream_of(&part));
            let is_of_another =
                |later: &Range<usize>| records[later.start].stream_id() != stream_id;
            let fault = failed.why.at_fault();
            match fault {
                AtFault::Database => return self.outcome.away = Some(failed),
                AtFault::Key => {
                    return self.outcome.results[part.start..].fill(Some(Err(failed.why)));
                }
                AtFault::Stream if self.is_one_stream(&part) => {
                    self.outcome.locked.insert(stream_id, failed.why);
                    todo.retain(is_of_another);
                    locked_in_a_row += 1;
                }
                AtFault::Record | AtFault::Sink if part.len() == 1 => {
                    self.outcome.results[part.start] = Some(Err(failed.why));
                    if fault == AtFault::Sink {
                        todo.retain(is_of_another);
                    }
                    locked_in_a_row = 0;
                }
                _ => self.split(part, &mut todo),
            }
            if locked_in_a_row == LOCKED_IN_A_ROW {
                let untried =
                    todo.iter().map(|part| (records[part.start].stream_id(), table_locked()));
                return self.outcome.locked.extend(untried);
            }
        }
    }

    /// Splits a part into its streams, or one stream into its records.
    fn split(&self, part: Range<usize>, todo: &mut Vec<Range<usize>>) {
        let is_one_stream = self.is_one_stream(&part);
        let mut end = part.end;
        let parts = self.records[part]
            .chunk_by(|one, next| !is_one_stream && one.stream_id() == next.stream_id());
        for part in parts.rev() {
            todo.push(end - part.len()..end);
            end -= part.len();
        }
    }

    /// The stream of a part's first record.
    fn stream_of(&self, part: &Range<usize>) -> StreamId {
        self.records[part.start].stream_id()
    }

    fn is_one_stream(&self, part: &Range<usize>) -> bool {
        self.records[part.end - 1].stream_id() == self.stream_of(part)
    }

    /// One call of the sink. If it fails, nothing of the part is known to be stored.
    async fn call(&mut self, part: Range<usize>) -> Result<(), Away> {
        let (sink, records) = (self.sink, &self.records[part.clone()]);
        let started = Instant::now();
        if self.is_time_up {
            return Err(silent(started));
        }
        let appending = CatchUnwind::new(async { sink.append(records).await });
        let deadline = async {
            self.time_is_up.as_mut().await;
            self.is_time_up = true;
        };
        let why = match answer_by(deadline, appending).await {
            Some(Ok(Ok(appended))) if answers(&appended, records) => {
                self.breaker.answered();
                self.outcome.took.push(started.elapsed());
                let results = appended.into_iter().map(|one| Some(one.map_err(WriteError::from)));
                self.outcome.results.splice(part, results);
                return Ok(());
            }
            Some(Ok(Ok(_))) => WriteError::NoReceipt,
            Some(Ok(Err(error))) => error.into(),
            Some(Err(_panic)) => WriteError::Interrupted,
            None => return Err(silent(started)),
        };
        if matches!(why.at_fault(), AtFault::Record | AtFault::Stream) {
            self.breaker.answered();
        }
        Err(Away { why, is_silent: false })
    }
}

#[cold]
fn silent(since: Instant) -> Away {
    let message = format!("no answer within {:?}", since.elapsed());
    Away { why: StoreError::unavailable("append", message).into(), is_silent: true }
}

#[cold]
fn table_locked() -> WriteError {
    StoreError::locked("append", "several streams in a row are locked").into()
}

/// Returns true if there is one result for each record, in order: no caller may get another's receipt.
fn answers(appended: &[Appended], records: &[Record]) -> bool {
    let is_answer = |(one, record): (&Appended, &Record)| {
        let id = one.as_ref().map_or_else(|conflict| conflict.event_id, |one| one.event_id);
        id == record.header().id
    };
    appended.len() == records.len() && appended.iter().zip(records).all(is_answer)
}
