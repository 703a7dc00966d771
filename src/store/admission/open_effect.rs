//! Effects whose end is not recorded, and the leases of those that run.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An effect whose end is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEffect {
    /// The id that its outcome has, or would have.
    pub effect_id: Uuid,
    /// The event type under which its success is recorded.
    pub effect: String,
    /// Its request.
    pub request_id: Option<Uuid>,
    /// Its conversation.
    pub conversation_id: Option<Uuid>,
    /// When it was admitted, by the database's clock.
    pub admitted_at: DateTime<Utc>,
    /// When its lease ends, or ended.
    pub lease_until: DateTime<Utc>,
    /// Whether it is in doubt: said so by an event, or its lease is over.
    pub is_in_doubt: bool,
    /// Whether its lease is over and no event says so yet.
    pub is_expiring: bool,
}

/// A page of open effects, in the order in which their leases end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPage {
    /// Which of them.
    pub of: OpenKind,
    /// The [place](OpenEffect::place) of the last effect of the page before; none for the first page.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// The most effects on it.
    pub max: u32,
}

/// Which open effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenKind {
    /// Those that run, and those in doubt.
    All,
    /// Those whose lease is over and of which no event says so yet.
    Expiring,
    /// Those in doubt, the expiring ones included.
    InDoubt,
}

impl OpenEffect {
    /// Its place in the order of [`OpenPage`].
    #[must_use]
    pub fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.lease_until, self.effect_id)
    }
}

impl OpenKind {
    /// Whether the effect is one of these.
    #[must_use]
    pub fn has(self, effect: &OpenEffect) -> bool {
        match self {
            Self::All => true,
            Self::Expiring => effect.is_expiring,
            Self::InDoubt => effect.is_in_doubt,
        }
    }
}

/// The lease of an effect that runs: how long the store waits, from its last renewal on, until it takes the
/// process of the effect for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The effect.
    pub effect_id: Uuid,
    /// How long it is.
    pub length: Duration,
}
