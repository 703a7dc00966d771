//! The ways in which a call can fail.

use std::time::Duration;

/// How a call goes wrong.
///
/// The two ways to fail come in pairs, because a caller cannot tell them apart and must be right in
/// both cases.
///
/// ```
/// use std::time::Duration;
///
/// use moltbot_audit::testing::Fault;
///
/// let timed_out = [Fault::landed(), Fault::not_landed()].map(Fault::hanging);
/// let late_error = Fault::landed().after(Duration::from_secs(2));
/// let slow = Fault::slow(Duration::from_secs(2)); // no error
/// # assert!(!timed_out.contains(&late_error) && slow != late_error);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) wait: Wait,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    For(Duration),
    Forever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Written before the wait, an error after it.
    Landed,
    /// An error after the wait.
    NotLanded,
    /// An error after the wait that an operator has to see to.
    Broken,
    /// The inner call, after the wait.
    Passed,
}

impl Fault {
    /// Nothing is written, and the call fails with a retryable error.
    #[must_use]
    pub const fn not_landed() -> Self {
        Self { wait: Wait::For(Duration::ZERO), end: End::NotLanded }
    }

    /// Nothing is written, and the call fails as if the schema were missing or the password wrong:
    /// not retryable, and no event's fault.
    #[must_use]
    pub const fn broken() -> Self {
        Self { wait: Wait::For(Duration::ZERO), end: End::Broken }
    }

    /// The batch is written, but the call fails with a retryable error.
    #[must_use]
    pub const fn landed() -> Self {
        Self { wait: Wait::For(Duration::ZERO), end: End::Landed }
    }

    /// The call is made this much later, and answered normally. If the caller gives up and drops it
    /// before then, nothing is written.
    #[must_use]
    pub const fn slow(by: Duration) -> Self {
        Self { wait: Wait::For(by), end: End::Passed }
    }

    /// The answer comes this much later; a write lands at once.
    #[must_use]
    pub const fn after(self, wait: Duration) -> Self {
        Self { wait: Wait::For(wait), ..self }
    }

    /// The answer never comes; a write lands at once.
    #[must_use]
    pub const fn hanging(self) -> Self {
        Self { wait: Wait::Forever, ..self }
    }
}
