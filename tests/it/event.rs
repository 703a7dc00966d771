//! The words: ids, types, closed sets, trace context, payloads.

mod host_ids;
mod ids;
mod payloads;
mod words;
