//! A record on its way, and the caller who waits for it.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::capacity::Slot;
use super::{Failures, WriteError};
use crate::record::{Record, Recorded};

/// A record on its way, and who waits for it.
pub(super) struct Pending {
    pub(super) record: Record,
    pub(super) waiter: Waiter,
}

/// Who waits for a record.
pub(super) struct Waiter {
    /// When the database's time is up.
    pub(super) deadline: Instant,
    pub(super) reply: ReplySender,
    /// Held until the caller has its answer: that is what bounds the queue.
    pub(super) slot: Slot,
}

/// Where a caller's answer goes.
pub(super) struct ReplySender {
    sender: oneshot::Sender<ReplyMessage>,
    is_told: Arc<AtomicBool>,
}

/// Where a caller's answer comes from.
pub(super) struct ReplyReceiver {
    receiver: oneshot::Receiver<ReplyMessage>,
    /// The caller was told that there is no answer.
    is_told: Arc<AtomicBool>,
}

enum ReplyMessage {
    Answered(Result<Recorded, WriteError>),
    /// The runtime that was to write the record is gone. The answer comes from here, if the caller starts
    /// another writer.
    Orphaned(oneshot::Receiver<ReplyMessage>),
}

/// What a caller hears.
pub(super) enum Heard {
    Answered(Result<Recorded, WriteError>),
    /// Nobody is left to write the record: the caller starts a writer, and goes on listening.
    Orphaned,
}

/// Failures that no caller was left to be told of.
#[derive(Default)]
pub(super) struct Unheard(Mutex<Failures>);

impl Unheard {
    pub(super) fn take(&self) -> Failures {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, error: &WriteError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count(error);
    }
}

/// Both ends of a caller's answer.
pub(super) fn reply() -> (ReplySender, ReplyReceiver) {
    let (sender, receiver) = oneshot::channel();
    let is_told = Arc::<AtomicBool>::default();
    (ReplySender { sender, is_told: Arc::clone(&is_told) }, ReplyReceiver { receiver, is_told })
}

impl Waiter {
    /// Answers. Whether the caller still waits makes no difference to the record.
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>, unheard: &Unheard) {
        drop(self.slot);
        self.reply.answer(answer, unheard);
    }
}

impl ReplySender {
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>, unheard: &Unheard) {
        if let Err(ReplyMessage::Answered(Err(error))) = self.sender.send(ReplyMessage::Answered(answer))
            // A caller who was told that there is no answer has counted that.
            && !self.is_told.load(Ordering::SeqCst)
        {
            unheard.count(&error);
        }
    }

    /// Has the caller start another writer, if it is still there.
    pub(super) fn orphan(&mut self) {
        let (sender, receiver) = oneshot::channel();
        let before = mem::replace(&mut self.sender, sender);
        drop(before.send(ReplyMessage::Orphaned(receiver)));
    }
}

impl ReplyReceiver {
    /// Waits for what there is to hear.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn heard(&mut self) -> Heard {
        match (&mut self.receiver).await {
            Ok(ReplyMessage::Answered(answer)) => Heard::Answered(answer),
            Ok(ReplyMessage::Orphaned(receiver)) => {
                self.receiver = receiver;
                Heard::Orphaned
            }
            // The writer's runtime ended in the middle.
            Err(_) => Heard::Answered(Err(WriteError::Interrupted)),
        }
    }

    /// Waits no longer: the answer if it came at the last moment, else `unanswered`.
    pub(super) fn give_up(mut self, unanswered: WriteError) -> Result<Recorded, WriteError> {
        self.is_told.store(true, Ordering::SeqCst);
        self.receiver.close();
        match self.receiver.try_recv() {
            Ok(ReplyMessage::Answered(answer)) => answer,
            _ => Err(unanswered),
        }
    }
}
