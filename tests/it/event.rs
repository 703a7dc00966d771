//! The words: ids, types, closed sets, trace context, payloads.

mod ids;
mod payloads;
mod words;
