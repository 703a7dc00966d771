//! Where in a distributed trace an event happened.

use std::fmt;

/// Trace and span id of W3C Trace Context, as lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
}

impl TraceContext {
    /// Takes the two ids.
    ///
    /// Zero is not an id (W3C Trace Context, sections 3.2.2.3 and 3.2.2.4): `None`.
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id })
    }

    /// Reads a `traceparent` header (W3C Trace Context, section 3.2), or `None` where it is not one.
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
        Self::new(u128::from_str_radix(trace_id, 16).ok()?, u64::from_str_radix(span_id, 16).ok()?)
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
