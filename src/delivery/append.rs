//! Appends a batch so that a record or a stream at fault fails alone: the whole batch in one call, and if that
//! fails, stream by stream. A stream stops at its first record that could not be written yet.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::Instant;

use super::WriteError;
use super::circuit_breaker::{Away, CircuitBreaker};
use super::ready_at_deadline::ready_at_deadline;
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
pub(super) struct Append<'a> {
    pub(super) sink: &'a dyn AuditSink,
    pub(super) breaker: &'a CircuitBreaker,
    /// Grouped by stream.
    pub(super) records: &'a [Record],
}

impl Append<'_> {
    /// Appends what it can until `time_is_up`.
    pub(super) async fn run(self, time_is_up: impl Future<Output = ()>) -> BatchOutcome {
        let time_is_up = pin!(time_is_up);
        let outcome =
            BatchOutcome { results: vec![None; self.records.len()], ..BatchOutcome::default() };
        let mut running = AppendRun { append: &self, time_is_up, is_time_up: false, outcome };
        running.append_all().await;
        running.outcome
    }

    fn streams(&self) -> impl Iterator<Item = Range<usize>> {
        let streams = self.records.chunk_by(|one, next| one.stream_id() == next.stream_id());
        streams.scan(0, |start, stream| {
            let range = *start..*start + stream.len();
            *start = range.end;
            Some(range)
        })
    }
}

struct AppendRun<'a, T> {
    append: &'a Append<'a>,
    time_is_up: Pin<&'a mut T>,
    is_time_up: bool,
    outcome: BatchOutcome,
}

/// Why a call stored nothing.
enum CallFailure {
    /// Another transaction has locked one of their streams.
    Locked(WriteError),
    /// A record is at fault, or the sink broke its contract.
    Refused(WriteError),
    /// See [`BatchOutcome::away`].
    Away,
}

impl<T: Future<Output = ()>> AppendRun<'_, T> {
    async fn append_all(&mut self) {
        let whole = 0..self.append.records.len();
        let Err(failure) = self.call(whole.clone()).await else { return };
        match failure {
            CallFailure::Away => return,
            CallFailure::Refused(error) if error.is_for_all() => {
                return self.outcome.results.fill(Some(Err(error)));
            }
            CallFailure::Refused(_) | CallFailure::Locked(_) => {}
        }
        let streams: Vec<_> = self.append.streams().collect();
        if let [alone] = &*streams {
            return self.settle_stream(alone.clone(), failure).await;
        }
        let mut locked_in_a_row = 0;
        for stream in streams {
            let first = stream.start;
            if locked_in_a_row == LOCKED_IN_A_ROW {
                self.lock(first, table_locked());
                continue;
            }
            if let Err(failure) = self.call(stream.clone()).await {
                self.settle_stream(stream, failure).await;
            }
            if self.outcome.away.is_some() {
                return;
            }
            let stream_id = self.append.records[first].stream_id();
            let is_locked = self.outcome.locked.contains_key(&stream_id);
            locked_in_a_row = if is_locked { locked_in_a_row + 1 } else { 0 };
        }
    }

    /// Continues with a stream whose own call failed: event by event, unless it is locked.
    async fn settle_stream(&mut self, stream: Range<usize>, failure: CallFailure) {
        let error = match failure {
            CallFailure::Away => return,
            CallFailure::Locked(error) => return self.lock(stream.start, error),
            CallFailure::Refused(error) => error,
        };
        if stream.len() == 1 {
            self.outcome.results[stream.start] = Some(Err(error));
            return;
        }
        for nth in stream {
            match self.call(nth..nth + 1).await {
                Ok(()) => {}
                Err(CallFailure::Away) => return,
                Err(CallFailure::Locked(error)) => return self.lock(nth, error),
                Err(CallFailure::Refused(error)) => {
                    let is_of_the_record = error.is_of_the_record();
                    self.outcome.results[nth] = Some(Err(error));
                    if !is_of_the_record {
                        return;
                    }
                }
            }
        }
    }

    fn lock(&mut self, nth: usize, error: WriteError) {
        self.outcome.locked.insert(self.append.records[nth].stream_id(), error);
    }

    /// One call of the sink.
    async fn call(&mut self, range: Range<usize>) -> Result<(), CallFailure> {
        let records = &self.append.records[range.clone()];
        let started = Instant::now();
        if self.is_time_up {
            return Err(self.silent(started));
        }
        let mut appending = CatchUnwind::new(async { self.append.sink.append(records).await });
        let answer = tokio::select! {
            biased;
            answer = &mut appending => Some(answer),
            () = &mut self.time_is_up => {
                self.is_time_up = true;
                ready_at_deadline(appending).await
            }
        };
        let error = match answer {
            Some(Ok(Ok(appended))) if answers(&appended, records) => {
                self.append.breaker.answered();
                self.outcome.took.push(started.elapsed());
                let results = appended.into_iter().map(|one| Some(one.map_err(WriteError::from)));
                self.outcome.results.splice(range, results);
                return Ok(());
            }
            Some(Ok(Ok(_))) => WriteError::NoReceipt,
            Some(Ok(Err(error))) => error.into(),
            Some(Err(_panic)) => WriteError::Interrupted,
            None => return Err(self.silent(started)),
        };
        if error.is_locked() {
            self.append.breaker.answered();
            return Err(CallFailure::Locked(error));
        }
        if error.is_undecided() {
            self.outcome.away = Some(Away { why: error, is_silent: false });
            return Err(CallFailure::Away);
        }
        if error.is_of_the_record() {
            self.append.breaker.answered();
        }
        Err(CallFailure::Refused(error))
    }

    #[cold]
    fn silent(&mut self, since: Instant) -> CallFailure {
        let message = format!("no answer within {:?}", since.elapsed());
        let why = StoreError::unavailable("append", message).into();
        self.outcome.away = Some(Away { why, is_silent: true });
        CallFailure::Away
    }
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
