//! Appending so that what is at fault fails alone: the whole batch in one call, and if that fails, stream by
//! stream. A stream stops at its first record that is still to be written.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::Instant;

use super::WriteError;
use super::circuit_breaker::{Away, CircuitBreaker};
use super::last_moment::at_the_last_moment;
use crate::event::StreamId;
use crate::record::{Receipt, Record};
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{Appended, AuditSink, StoreError};

/// Where so many streams in a row are found locked, it is a lock on a table: the others are not tried.
const LOCKED_IN_A_ROW: usize = 3;

/// What became of one record.
pub(super) type Verdict = Result<Receipt, WriteError>;

/// What became of a batch.
#[derive(Default)]
pub(super) struct Outcome {
    /// For each record; none where it is still to be written.
    pub(super) verdicts: Vec<Option<Verdict>>,
    /// Streams that another transaction holds.
    pub(super) locked: HashMap<StreamId, WriteError>,
    /// Why the database took nothing any more.
    pub(super) away: Option<Away>,
    /// How long each call took that the sink answered with receipts.
    pub(super) took: Vec<Duration>,
}

/// A batch being appended.
pub(super) struct Append<'a> {
    pub(super) sink: &'a dyn AuditSink,
    pub(super) breaker: &'a CircuitBreaker,
    /// The records of a stream stand together.
    pub(super) records: &'a [Record],
}

impl Append<'_> {
    /// Appends what it can until `time_is_up`.
    pub(super) async fn run(self, time_is_up: impl Future<Output = ()>) -> Outcome {
        let time_is_up = pin!(time_is_up);
        let outcome = Outcome { verdicts: vec![None; self.records.len()], ..Outcome::default() };
        let mut running = Running { append: &self, time_is_up, is_time_up: false, outcome };
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

struct Running<'a, T> {
    append: &'a Append<'a>,
    time_is_up: Pin<&'a mut T>,
    is_time_up: bool,
    outcome: Outcome,
}

/// Why a call stored nothing.
enum Failure {
    /// Another transaction holds a stream of them.
    Locked(WriteError),
    /// One of them is at fault, or the sink broke its contract.
    Refused(WriteError),
    /// See [`Outcome::away`].
    Away,
}

impl<T: Future<Output = ()>> Running<'_, T> {
    async fn append_all(&mut self) {
        let whole = 0..self.append.records.len();
        let Err(failure) = self.call(whole.clone()).await else { return };
        match failure {
            Failure::Away => return,
            Failure::Refused(error) if error.is_for_all() => {
                return self.outcome.verdicts.fill(Some(Err(error)));
            }
            Failure::Refused(_) | Failure::Locked(_) => {}
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

    /// Goes on with a stream that could not be appended by itself: event by event, unless it is locked.
    async fn settle_stream(&mut self, stream: Range<usize>, failure: Failure) {
        let error = match failure {
            Failure::Away => return,
            Failure::Locked(error) => return self.lock(stream.start, error),
            Failure::Refused(error) => error,
        };
        if stream.len() == 1 {
            self.outcome.verdicts[stream.start] = Some(Err(error));
            return;
        }
        for nth in stream {
            match self.call(nth..nth + 1).await {
                Ok(()) => {}
                Err(Failure::Away) => return,
                Err(Failure::Locked(error)) => return self.lock(nth, error),
                Err(Failure::Refused(error)) => {
                    let is_of_the_record = error.is_of_the_record();
                    self.outcome.verdicts[nth] = Some(Err(error));
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
    async fn call(&mut self, range: Range<usize>) -> Result<(), Failure> {
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
                at_the_last_moment(appending).await
            }
        };
        let error = match answer {
            Some(Ok(Ok(appended))) if answers(&appended, records) => {
                self.append.breaker.answered();
                self.outcome.took.push(started.elapsed());
                let verdicts = appended.into_iter().map(|one| Some(one.map_err(WriteError::from)));
                self.outcome.verdicts.splice(range, verdicts);
                return Ok(());
            }
            Some(Ok(Ok(_))) => WriteError::NoReceipt,
            Some(Ok(Err(error))) => error.into(),
            Some(Err(_panic)) => WriteError::Interrupted,
            None => return Err(self.silent(started)),
        };
        if error.is_locked() {
            self.append.breaker.answered();
            return Err(Failure::Locked(error));
        }
        if error.is_undecided() {
            self.outcome.away = Some(Away { why: error, is_silent: false });
            return Err(Failure::Away);
        }
        if error.is_of_the_record() {
            self.append.breaker.answered();
        }
        Err(Failure::Refused(error))
    }

    #[cold]
    fn silent(&mut self, since: Instant) -> Failure {
        let message = format!("no answer within {:?}", since.elapsed());
        let why = StoreError::unavailable("append", message).into();
        self.outcome.away = Some(Away { why, is_silent: true });
        Failure::Away
    }
}

#[cold]
fn table_locked() -> WriteError {
    StoreError::locked("append", "several streams in a row are locked").into()
}

/// Whether there is one result for each record, in their order. Nobody may get another's receipt.
fn answers(appended: &[Appended], records: &[Record]) -> bool {
    let is_answer = |(one, record): (&Appended, &Record)| {
        let id = one.as_ref().map_or_else(|conflict| conflict.event_id, |one| one.event_id);
        id == record.header().id
    };
    appended.len() == records.len() && appended.iter().zip(records).all(is_answer)
}
