//! A queued record, and the caller that waits for it.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::capacity::Slot;
use super::{Failures, WriteError};
use crate::record::{Record, Recorded};

/// A queued record, and the caller that waits for it.
pub(super) struct Pending {
    pub(super) record: Record,
    pub(super) waiter: Waiter,
}

/// The caller that waits for a record.
pub(super) struct Waiter {
    /// Until when the caller waits for the database.
    pub(super) deadline: Instant,
    pub(super) reply: ReplySender,
    /// Held until the caller has its answer, which is what bounds the queue.
    pub(super) slot: Slot,
}

/// Sends a caller its answer.
pub(super) struct ReplySender {
    sender: oneshot::Sender<ReplyMessage>,
    is_told: Arc<AtomicBool>,
}

/// Receives a caller's answer.
pub(super) struct ReplyReceiver {
    receiver: oneshot::Receiver<ReplyMessage>,
    /// The caller has given up.
    is_told: Arc<AtomicBool>,
}

enum ReplyMessage {
    Answered(Result<Recorded, WriteError>),
    /// The runtime that was to write the record is gone. If the caller starts another writer, the answer comes
    /// from here.
    Orphaned(oneshot::Receiver<ReplyMessage>),
}

/// What a caller receives.
pub(super) enum Heard {
    Answered(Result<Recorded, WriteError>),
    /// No writer is left: the caller starts one, and goes on waiting.
    Orphaned,
}

/// Failures whose callers were gone.
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

/// Both ends of the channel for a caller's answer.
pub(super) fn reply() -> (ReplySender, ReplyReceiver) {
    let (sender, receiver) = oneshot::channel();
    let is_told = Arc::<AtomicBool>::default();
    (ReplySender { sender, is_told: Arc::clone(&is_told) }, ReplyReceiver { receiver, is_told })
}

impl Waiter {
    /// Answers, whether the caller still waits or not.
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>, unheard: &Unheard) {
        drop(self.slot);
        self.reply.answer(answer, unheard);
    }
}

impl ReplySender {
    pub(super) fn answer(self, answer: Result<Recorded, WriteError>, unheard: &Unheard) {
        if let Err(ReplyMessage::Answered(Err(error))) = self.sender.send(ReplyMessage::Answered(answer))
            // A caller that gave up has counted the failure itself.
            && !self.is_told.load(Ordering::SeqCst)
        {
            unheard.count(&error);
        }
    }

    /// Tells the caller, if it still waits, to start another writer.
    pub(super) fn orphan(&mut self) {
        let (sender, receiver) = oneshot::channel();
        let before = mem::replace(&mut self.sender, sender);
        drop(before.send(ReplyMessage::Orphaned(receiver)));
    }
}

impl ReplyReceiver {
    /// Waits for the answer.
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
            // The writer's runtime ended during the write.
            Err(_) => Heard::Answered(Err(WriteError::Interrupted)),
        }
    }

    /// Stops waiting. Returns the answer if it has just come, else `unanswered`.
    pub(super) fn give_up(mut self, unanswered: WriteError) -> Result<Recorded, WriteError> {
        self.is_told.store(true, Ordering::SeqCst);
        self.receiver.close();
        match self.receiver.try_recv() {
            Ok(ReplyMessage::Answered(answer)) => answer,
            _ => Err(unanswered),
        }
    }
}
