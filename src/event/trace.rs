//! The place of an event in a distributed trace.

use std::fmt;

/// What W3C Trace Context knows of the flags: sampled, and a random trace id.
const KNOWN_FLAGS: u8 = 0b11;

/// Trace and span id of W3C Trace Context, as lower-case hex, and its flags.
///
/// The ids are recorded with an event. The flags are not; they only go on to the services that the
/// host calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
}

impl TraceContext {
    /// Takes the two ids.
    ///
    /// Zero is not an id (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4): `None`.
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags: 0 })
    }

    /// Takes the bytes of the two ids, as they are written. An id of zeros becomes 1.
    #[cfg(feature = "recorder")]
    pub(crate) fn from_bytes(trace_id: [u8; 16], span_id: [u8; 8]) -> Self {
        let (trace_id, span_id) = (u128::from_be_bytes(trace_id), u64::from_be_bytes(span_id));
        Self { trace_id: trace_id.max(1), span_id: span_id.max(1), flags: 0 }
    }

    /// The two ids.
    #[cfg(feature = "otel")]
    pub(crate) fn ids(self) -> (u128, u64) {
        (self.trace_id, self.span_id)
    }

    /// Another span of the same trace, under the same flags.
    #[cfg(feature = "recorder")]
    pub(crate) fn with_span_of(self, other: Self) -> Self {
        Self { span_id: other.span_id, ..self }
    }

    /// Sets the flags: 1 is sampled, 2 a random trace id. Others are not forwarded (W3C Trace
    /// Context Level 2, section 3.2.2.5).
    #[must_use]
    pub fn with_flags(self, flags: u8) -> Self {
        Self { flags: flags & KNOWN_FLAGS, ..self }
    }

    /// The flags; see [`with_flags`](Self::with_flags).
    #[must_use]
    pub fn flags(self) -> u8 {
        self.flags
    }

    /// Reads a `traceparent` header (W3C Trace Context, section 3.2). `None` if it is malformed.
    ///
    /// ```
    /// use moltbot_audit::TraceContext;
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let trace = TraceContext::from_traceparent(header).expect("a valid header");
    /// assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// ```
    #[must_use]
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut fields = header.trim().split('-');
        let version = fields.next()?;
        let trace_id = fields.next().filter(|field| is_hex(field, 32))?;
        let span_id = fields.next().filter(|field| is_hex(field, 16))?;
        let flags = fields.next()?;
        if !is_hex(version, 2) || version == "ff" || !is_hex(flags, 2) {
            return None;
        }
        // A later version may append fields; version 00 has exactly four.
        if version == "00" && fields.next().is_some() {
            return None;
        }
        let trace_id = u128::from_str_radix(trace_id, 16).ok()?;
        let span_id = u64::from_str_radix(span_id, 16).ok()?;
        Some(Self::new(trace_id, span_id)?.with_flags(u8::from_str_radix(flags, 16).ok()?))
    }

    /// Writes a `traceparent` header of version 00, for a call that is made inside this span.
    ///
    /// ```
    /// use moltbot_audit::TraceContext;
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let trace = TraceContext::from_traceparent(header).expect("a valid header");
    /// assert_eq!(trace.traceparent(), header);
    /// ```
    #[must_use]
    pub fn traceparent(self) -> String {
        format!("00-{}-{}-{:02x}", self.trace_id(), self.span_id(), self.flags)
    }

    /// The trace's id; displays as 32 hex digits.
    #[must_use]
    pub fn trace_id(self) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{:032x}", self.trace_id))
    }

    /// The span's id; displays as 16 hex digits.
    #[must_use]
    pub fn span_id(self) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{:016x}", self.span_id))
    }
}

fn is_hex(field: &str, len: usize) -> bool {
    field.len() == len && field.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
