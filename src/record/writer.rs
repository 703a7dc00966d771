//! What binds a writer's id to what the writer said of itself.

use super::Header;
use crate::event::EventId;
use crate::proof::Digest;

/// The random bits of the id of a writer's event: the last 62 of the first 8 bytes of the commitment to its input.
#[cfg(feature = "recorder")]
pub(crate) fn writer_bits(input: Digest) -> u64 {
    bits(input)
}

/// Whether the id of a writer's event is that of its input. Then every event that names the id names the input too.
pub(crate) fn is_bound(header: &Header, input: Digest) -> bool {
    let expected = EventId::new(header.created_at, bits(input));
    expected.is_ok_and(|expected| expected.uuid() == header.id)
}

fn bits(input: Digest) -> u64 {
    input.as_bytes().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}
