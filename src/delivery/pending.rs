//! A queued record, and the caller that waits for it.

use std::mem;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::capacity::Slot;
use super::{Failures, WriteError};
use crate::record::{Record, Recorded};

/// A queued record, and the caller that waits for it.
pub(super) type Pending = (Record, Waiter);

/// What a caller is told.
pub(super) type Answer = Result<Recorded, WriteError>;

/// The caller that waits for a record.
pub(super) struct Waiter {
    /// Until when the caller waits for the database.
    pub(super) deadline: Instant,
    /// Held until the caller has its answer, which is what bounds the queue.
    pub(super) slot: Option<Slot>,
    sender: oneshot::Sender<Message>,
}

/// Receives a caller's answer.
pub(super) struct AnswerReceiver(oneshot::Receiver<Message>);

enum Message {
    Answered(Answer),
    /// The runtime that was to write the record is gone. If the caller starts another writer, the answer comes
    /// from here.
    Orphaned(oneshot::Receiver<Message>),
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

impl Waiter {
    /// A caller that has no slot yet, and the receiver of its answer.
    pub(super) fn new(deadline: Instant) -> (Self, AnswerReceiver) {
        let (sender, receiver) = oneshot::channel();
        (Self { deadline, slot: None, sender }, AnswerReceiver(receiver))
    }

    /// Answers, whether the caller still waits or not.
    pub(super) fn answer(self, answer: Answer, unheard: &Unheard) {
        drop(self.slot);
        if let Err(Message::Answered(Err(error))) = self.sender.send(Message::Answered(answer)) {
            unheard.count(&error);
        }
    }

    /// Tells the caller, if it still waits, to start another writer.
    pub(super) fn orphan(&mut self) {
        let (sender, receiver) = oneshot::channel();
        let before = mem::replace(&mut self.sender, sender);
        drop(before.send(Message::Orphaned(receiver)));
    }
}

impl AnswerReceiver {
    /// Waits for the answer. Returns `None` if no writer is left: the caller starts one, and goes on waiting.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn heard(&mut self) -> Option<Answer> {
        match (&mut self.0).await {
            Ok(Message::Answered(answer)) => Some(answer),
            Ok(Message::Orphaned(receiver)) => {
                self.0 = receiver;
                None
            }
            // The writer's runtime ended during the write.
            Err(_) => Some(Err(WriteError::Interrupted)),
        }
    }

    /// Takes the answer in the background, because its caller was told that there is none: that failure must not count
    /// as unheard, too.
    pub(super) fn give_up(mut self) {
        tokio::spawn(async move { while self.heard().await.is_none() {} });
    }
}
