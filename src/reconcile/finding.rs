//! A finding: what two sides say, each reduced to what nobody's data can be in.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::event::{Aspect, FindingCode, Severity, Subject, sentence};
use crate::store::Cell;

/// What one side says. It holds no text that a person or a host could have written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Side {
    /// It has nothing of the kind.
    #[default]
    Absent,
    /// A number: how many, how long, how much.
    Number(f64),
    /// A time.
    Time(DateTime<Utc>),
    /// A word that stands on no list, so that it is not shown.
    Unlisted,
    /// Something that cannot be read.
    Unreadable,
    /// A word from a closed set of the host's or of the library's.
    Word(&'static str),
}

/// The words that a side shows: states and statuses of the host, and kinds of messages.
const WORDS: &[&str] = &[
    "accepted",
    "active",
    "answered",
    "archived",
    "audio",
    "awaiting_vendor_replies",
    "busy",
    "cancelled",
    "closed",
    "collecting_requirements",
    "completed",
    "delivered",
    "denied",
    "document",
    "error",
    "excluded",
    "expired",
    "failed",
    "granted",
    "handed_off",
    "image",
    "inbound",
    "initiated",
    "interactive",
    "location",
    "no_answer",
    "no_response",
    "not_requested",
    "ocr_processing",
    "outbound",
    "panicked",
    "pending",
    "processing",
    "queued",
    "read",
    "rejected",
    "replied",
    "requested",
    "ringing",
    "running",
    "sent",
    "shortlist_ready",
    "template",
    "text",
    "vendor_outreach",
    "video",
];

impl Side {
    /// A word, if it is on the list.
    pub(super) fn word(text: &str) -> Self {
        WORDS.iter().find(|word| **word == text).map_or(Self::Unlisted, |word| Self::Word(word))
    }

    /// How many there are.
    #[expect(clippy::cast_precision_loss, reason = "counts of one request are small")]
    pub(super) fn count(count: usize) -> Self {
        Self::Number(count as f64)
    }

    /// A whole number. A double holds each of those that are recorded exactly.
    #[expect(clippy::cast_precision_loss, reason = "recorded numbers are below 2^53")]
    pub(super) fn integer(number: i64) -> Self {
        Self::Number(number as f64)
    }

    pub(super) fn of_cell<T>(cell: Cell<T>, value: impl FnOnce(T) -> Self) -> Self {
        match cell {
            Cell::Value(found) => value(found),
            Cell::Null | Cell::NotCheckable => Self::Absent,
            Cell::Unreadable => Self::Unreadable,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true)),
            Self::Unlisted => f.write_str("a word that is on no list"),
            Self::Unreadable => f.write_str("unreadable"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// One thing in which two sides do not agree, or that one side alone shows to be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What was found.
    pub code: FindingCode,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// In which respect the sides differ.
    pub aspect: Option<Aspect>,
    /// The request, if it belongs to one.
    pub request_id: Option<Uuid>,
    /// The conversation, if it belongs to one and it is not known to which request.
    pub conversation_id: Option<Uuid>,
    /// The event of the trail.
    pub event_id: Option<Uuid>,
    /// The host's row.
    pub row_id: Option<Uuid>,
    /// The line of the bill, counted from 1.
    pub line: Option<u64>,
    /// What the trail says.
    pub trail: Side,
    /// What the tables or the bill say.
    pub other: Side,
}

impl Finding {
    /// A finding of its code's usual severity, with nothing on either side.
    pub(super) fn new(code: FindingCode, subject: Subject) -> Self {
        let severity = match code {
            FindingCode::NotDelivered | FindingCode::Uncertain => Severity::Warning,
            _ => Severity::Error,
        };
        Self {
            code,
            severity,
            subject,
            aspect: None,
            request_id: None,
            conversation_id: None,
            event_id: None,
            row_id: None,
            line: None,
            trail: Side::Absent,
            other: Side::Absent,
        }
    }

    pub(super) fn differs(subject: Subject, aspect: Aspect, trail: Side, other: Side) -> Self {
        // A side that cannot be read is no side that says something else.
        let code = match other {
            Side::Unreadable => FindingCode::Unreadable,
            _ => FindingCode::Differs,
        };
        Self { aspect: Some(aspect), trail, other, ..Self::new(code, subject) }
    }

    pub(super) fn event(self, event_id: Uuid) -> Self {
        Self { event_id: Some(event_id), ..self }
    }

    pub(super) fn row(self, row_id: Option<Uuid>) -> Self {
        Self { row_id, ..self }
    }

    pub(super) fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub(super) fn trail(self, trail: Side) -> Self {
        Self { trail, ..self }
    }

    pub(super) fn other(self, other: Side) -> Self {
        Self { other, ..self }
    }

    /// The finding in one sentence. It names no person and quotes nothing that anyone wrote.
    #[must_use]
    pub fn sentence(&self) -> String {
        let sides = (&*self.trail.to_string(), &*self.other.to_string());
        sentence(self.code, self.subject, self.aspect, sides)
    }
}
