//! Appending so that what is at fault fails alone.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::WriteError;
use crate::event::StreamId;
use crate::record::{Receipt, Record};
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{Appended, AuditSink, StoreError};

/// What became of one record.
pub(super) type Verdict = Result<Receipt, WriteError>;

/// A batch being appended. Spawned, it outlives whoever waited for it.
pub(super) type Appending = Pin<Box<dyn Future<Output = Vec<Verdict>> + Send>>;

/// Appends a batch, for at most `limit`, so that a sink without a limit of its own does not gather
/// tasks.
pub(super) fn append(
    sink: Arc<dyn AuditSink>,
    batch: Arc<Vec<Record>>,
    limit: Duration,
) -> Appending {
    Box::pin(async move {
        let appending = Append::new(&*sink, &batch).run();
        let verdicts = timeout(limit, appending).await;
        verdicts.unwrap_or_else(|_| {
            let message = format!("no answer within {limit:?}");
            vec![Err(StoreError::unavailable("append", message).into()); batch.len()]
        })
    })
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
    verdicts: Vec<Option<Verdict>>,
    /// Streams of which an event is still to be written.
    locked: HashMap<StreamId, WriteError>,
    /// Why nothing more is tried.
    away: Option<WriteError>,
}

impl<'a> Append<'a> {
    fn new(sink: &'a dyn AuditSink, batch: &'a [Record]) -> Self {
        let verdicts = vec![None; batch.len()];
        Self { sink, batch, verdicts, locked: HashMap::new(), away: None }
    }

    async fn run(mut self) -> Vec<Verdict> {
        let (batch, whole) = (self.batch, 0..self.batch.len());
        let mut parts = vec![whole];
        while let (Some(part), None) = (parts.pop(), &self.away) {
            if !self.locked.is_empty() {
                self.append_by_stream(part).await;
                continue;
            }
            match self.call(&batch[part.clone()]).await {
                Ok(verdicts) => self.settle(part, verdicts),
                Err(error) if error.is_locked() => self.append_by_stream(part).await,
                Err(error) if error.is_undecided() => self.away = Some(error),
                Err(error) => match halves(&part) {
                    Some((front, back)) => parts.extend([back, front]),
                    None => self.settle(part, [Err(error)]),
                },
            }
        }
        let Self { verdicts, locked, away, .. } = self;
        let left = |stream| locked.get(&stream).or(away.as_ref()).unwrap_or(&WriteError::NoReceipt);
        let verdicts = verdicts.into_iter().zip(batch);
        verdicts
            .map(|(one, record)| one.unwrap_or_else(|| Err(left(record.stream_id()).clone())))
            .collect()
    }

    /// Appends each stream of a part by itself, and event by event where one of them is refused.
    async fn append_by_stream(&mut self, part: Range<usize>) {
        for (stream, places) in by_stream(self.batch, part) {
            if self.locked.contains_key(&stream) {
                continue;
            }
            let records: Vec<Record> = places.iter().map(|nth| self.batch[*nth].clone()).collect();
            match self.call(&records).await {
                Ok(verdicts) => self.settle(places, verdicts),
                Err(error) if error.is_undecided() => self.leave(stream, error),
                Err(_) => self.append_one_by_one(stream, places).await,
            }
            if self.away.is_some() {
                return;
            }
        }
    }

    async fn append_one_by_one(&mut self, stream: StreamId, places: Vec<usize>) {
        let batch = self.batch;
        for nth in places {
            match self.call(&batch[nth..=nth]).await {
                Ok(verdicts) => self.settle([nth], verdicts),
                Err(error) if error.is_undecided() => return self.leave(stream, error),
                Err(error) => self.settle([nth], [Err(error)]),
            }
        }
    }

    /// Leaves what is still to be written of a stream; or of all, where it is not the stream's doing.
    fn leave(&mut self, stream: StreamId, error: WriteError) {
        if error.is_locked() {
            self.locked.insert(stream, error);
        } else {
            self.away = Some(error);
        }
    }

    fn settle(
        &mut self,
        places: impl IntoIterator<Item = usize>,
        verdicts: impl IntoIterator<Item = Verdict>,
    ) {
        for (nth, verdict) in places.into_iter().zip(verdicts) {
            self.verdicts[nth] = Some(verdict);
        }
    }

    /// One call of the sink: a verdict for each record, or an error for all of them.
    async fn call(&self, records: &[Record]) -> Result<Vec<Verdict>, WriteError> {
        let appending = async { self.sink.append(records).await };
        match CatchUnwind::new(appending).await {
            Ok(Ok(appended)) if answers(&appended, records) => {
                Ok(appended.into_iter().map(|one| one.map_err(WriteError::Conflict)).collect())
            }
            Ok(Ok(_)) => Err(WriteError::NoReceipt),
            Ok(Err(error)) => Err(WriteError::Store(error)),
            Err(_panic) => Err(WriteError::Interrupted),
        }
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
