//! Appending so that what is at fault fails alone.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::WriteError;
use crate::event::StreamId;
use crate::record::{Receipt, Record};
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{Appended, AuditSink, StoreError};

/// What became of one record.
pub(super) type Verdict = Result<Receipt, WriteError>;

/// A batch being appended. Spawned, it outlives whoever waited for it.
pub(super) type Appending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is known of a batch that is being appended.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<ProgressState>,
}

#[derive(Default)]
struct ProgressState {
    /// For each record, once it is known.
    verdicts: Vec<Option<Verdict>>,
    /// Streams of which an event is still to be written.
    locked: HashMap<StreamId, WriteError>,
    /// Why nothing more is tried.
    away: Option<WriteError>,
    /// A lock or a refusal was met: more calls are made than one.
    is_isolating: bool,
    /// How long each call took that the sink answered.
    took: Vec<Duration>,
}

impl Progress {
    /// The verdicts as far as they are known; of the rest, why there is none. Where time is up in the
    /// middle of a call, that is `unanswered`.
    pub(super) fn verdicts(&self, batch: &[Record], unanswered: &WriteError) -> Vec<Verdict> {
        let state = self.lock();
        let why = |record: &Record| {
            let locked = state.locked.get(&record.stream_id());
            locked.or(state.away.as_ref()).unwrap_or(unanswered).clone()
        };
        let known = batch.iter().enumerate().map(|(nth, record)| {
            let verdict = state.verdicts.get(nth).cloned().flatten();
            verdict.unwrap_or_else(|| Err(why(record)))
        });
        known.collect()
    }

    /// Whether it takes long because of some of the records, and not of the database.
    pub(super) fn is_isolating(&self) -> bool {
        self.lock().is_isolating
    }

    /// How long each call took that the sink answered.
    pub(super) fn took(&self) -> Vec<Duration> {
        self.lock().took.clone()
    }

    fn lock(&self) -> MutexGuard<'_, ProgressState> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a batch, each call of the sink for at most `limit`, so that a sink without a limit of its
/// own does not gather tasks.
pub(super) fn append(
    sink: Arc<dyn AuditSink>,
    batch: Arc<Vec<Record>>,
    limit: Duration,
) -> (Appending, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    progress.lock().verdicts = vec![None; batch.len()];
    let shared = Arc::clone(&progress);
    let appending = Box::pin(async move {
        Append { sink: &*sink, batch: &batch, limit, progress: &shared }.run().await;
    });
    (appending, progress)
}

/// A batch on its way.
///
/// A part that is refused, or makes the sink panic, is halved until the record at fault stands alone.
/// A part that meets a locked stream is appended stream by stream. When the database goes away in
/// between, nothing more is tried: of a stream, no later event may land before one that is still to be
/// written.
struct Append<'a> {
    sink: &'a dyn AuditSink,
    batch: &'a [Record],
    limit: Duration,
    progress: &'a Progress,
}

impl Append<'_> {
    async fn run(self) {
        let whole = 0..self.batch.len();
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            if self.is_away() {
                return;
            }
            if self.has_locked() {
                self.append_by_stream(part).await;
                continue;
            }
            match self.call(&self.batch[part.clone()]).await {
                Ok(verdicts) => self.settle(part, verdicts),
                Err(error) if error.is_locked() => self.append_by_stream(part).await,
                Err(error) if error.is_undecided() => self.progress.lock().away = Some(error),
                Err(error) if error.is_for_all() => {
                    let verdicts = vec![Err(error); part.len()];
                    self.settle(part, verdicts);
                }
                Err(error) => match halves(&part) {
                    Some((front, back)) => parts.extend([back, front]),
                    None => self.settle(part, [Err(error)]),
                },
            }
        }
    }

    /// Appends each stream of a part by itself, and event by event where one of them is refused.
    async fn append_by_stream(&self, part: Range<usize>) {
        for (stream, places) in by_stream(self.batch, part) {
            if self.progress.lock().locked.contains_key(&stream) {
                continue;
            }
            let records: Vec<Record> = places.iter().map(|nth| self.batch[*nth].clone()).collect();
            match self.call(&records).await {
                Ok(verdicts) => self.settle(places, verdicts),
                Err(error) if error.is_undecided() => self.leave(stream, error),
                Err(_) => self.append_one_by_one(stream, places).await,
            }
            if self.is_away() {
                return;
            }
        }
    }

    async fn append_one_by_one(&self, stream: StreamId, places: Vec<usize>) {
        for nth in places {
            match self.call(&self.batch[nth..=nth]).await {
                Ok(verdicts) => self.settle([nth], verdicts),
                Err(error) if error.is_undecided() => return self.leave(stream, error),
                Err(error) => self.settle([nth], [Err(error)]),
            }
        }
    }

    fn is_away(&self) -> bool {
        self.progress.lock().away.is_some()
    }

    fn has_locked(&self) -> bool {
        !self.progress.lock().locked.is_empty()
    }

    /// Leaves what is still to be written of a stream; or of all, where it is not the stream's doing.
    fn leave(&self, stream: StreamId, error: WriteError) {
        let mut progress = self.progress.lock();
        if error.is_locked() {
            progress.locked.insert(stream, error);
        } else {
            progress.away = Some(error);
        }
    }

    fn settle(
        &self,
        places: impl IntoIterator<Item = usize>,
        verdicts: impl IntoIterator<Item = Verdict>,
    ) {
        let mut progress = self.progress.lock();
        for (nth, verdict) in places.into_iter().zip(verdicts) {
            progress.verdicts[nth] = Some(verdict);
        }
    }

    /// One call of the sink: a verdict for each record, or an error for all of them.
    async fn call(&self, records: &[Record]) -> Result<Vec<Verdict>, WriteError> {
        let appending = async { self.sink.append(records).await };
        let started = Instant::now();
        let answer = timeout(self.limit, CatchUnwind::new(appending)).await;
        let mut progress = self.progress.lock();
        let error = match answer {
            Ok(Ok(Ok(appended))) if answers(&appended, records) => {
                progress.took.push(started.elapsed());
                return Ok(appended.into_iter().map(|one| one.map_err(WriteError::from)).collect());
            }
            Ok(Ok(Ok(_))) => WriteError::NoReceipt,
            Ok(Ok(Err(error))) => error.into(),
            Ok(Err(_panic)) => WriteError::Interrupted,
            Err(_) => {
                let message = format!("no answer within {:?}", self.limit);
                StoreError::unavailable("append", message).into()
            }
        };
        progress.is_isolating |= error.is_locked() || !error.is_undecided();
        Err(error)
    }
}

/// Whether there is one result for each record, in their order. Nobody may get another's receipt.
fn answers(appended: &[Appended], records: &[Record]) -> bool {
    let is_answer = |(one, record): (&Appended, &Record)| {
        let id = one.as_ref().map_or_else(|conflict| conflict.event_id, |one| one.event_id);
        id == record.header().id
    };
    appended.len() == records.len() && appended.iter().zip(records).all(is_answer)
}

/// The halves of a part that holds more than one record.
fn halves(part: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let middle = part.start + part.len() / 2;
    (part.len() > 1).then_some((part.start..middle, middle..part.end))
}

/// The streams of a part as they come, each with the places of its records in order.
fn by_stream(batch: &[Record], part: Range<usize>) -> Vec<(StreamId, Vec<usize>)> {
    let mut streams: Vec<(StreamId, Vec<usize>)> = Vec::new();
    let mut at = HashMap::new();
    for nth in part {
        let stream = batch[nth].stream_id();
        let at = *at.entry(stream).or_insert(streams.len());
        match streams.get_mut(at) {
            Some((_, places)) => places.push(nth),
            None => streams.push((stream, vec![nth])),
        }
    }
    streams
}
