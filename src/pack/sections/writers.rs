//! Who wrote the events: which program, and what was in force in it.

use serde::Serialize;
use uuid::Uuid;

use super::typed_events::{Source, read};
use crate::event::payload::{WriterInput, WriterStarted};
use crate::pack::{PackEvent, Section};

/// One writer, or one configuration of it.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WriterUse {
    /// The id that its events name.
    pub writer_id: Uuid,
    /// How many events of the pack it wrote.
    pub events: usize,
    /// The first of them; none, if a later configuration wrote all.
    pub first_seq: Option<i64>,
    /// The last of them.
    pub last_seq: Option<i64>,
    /// What it said of itself; none, if that is not known.
    pub said: Option<WriterSaid>,
}

/// What a writer said of itself.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WriterSaid {
    /// When it began, or its configuration changed.
    #[serde(flatten)]
    pub source: Source,
    /// Program, versions, limits and digests.
    #[serde(flatten)]
    pub content: WriterInput,
    /// What differs from the configuration that it replaced, by name.
    pub changed: Vec<String>,
}

pub(super) fn section(events: &[PackEvent], writers: &[PackEvent]) -> Section<Vec<WriterUse>> {
    let said: Vec<_> = writers.iter().map(read::<WriterStarted>).collect();
    let input_of = |id: Uuid| said.iter().find(|one| one.source.event_id == id);
    let mut ids: Vec<Uuid> = events.iter().filter_map(|event| event.header.writer_id).collect();
    ids.extend(said.iter().map(|one| one.source.event_id));
    ids.sort_unstable();
    ids.dedup();
    let of = |id: Uuid| {
        let mut seqs =
            events.iter().filter(|event| event.header.writer_id == Some(id)).map(|event| event.seq);
        let first_seq = seqs.clone().next();
        let said = input_of(id).map(|one| WriterSaid {
            source: one.source.clone(),
            content: one.input.clone(),
            changed: one
                .source
                .caused_by
                .and_then(input_of)
                .map(|before| changed(&before.input, &one.input))
                .unwrap_or_default(),
        });
        WriterUse {
            writer_id: id,
            events: seqs.clone().count(),
            first_seq,
            last_seq: seqs.next_back(),
            said,
        }
    };
    Section::of_list(ids.into_iter().map(of).collect())
}

/// The names of what differs between two configurations.
fn changed(before: &WriterInput, after: &WriterInput) -> Vec<String> {
    let fields = [
        ("program", before.program != after.program),
        ("program_version", before.program_version != after.program_version),
        ("commit", before.commit != after.commit),
        ("policy_version", before.policy_version != after.policy_version),
        ("rejected_outputs_max", before.rejected_outputs_max != after.rejected_outputs_max),
        ("limits", before.limits != after.limits),
        ("elapsed_max_ms", before.elapsed_max_ms != after.elapsed_max_ms),
        ("lease_ms", before.lease_ms != after.lease_ms),
        ("consent_lifetime_ms", before.consent_lifetime_ms != after.consent_lifetime_ms),
    ];
    let fields =
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned());
    let names = before
        .digests
        .keys()
        .chain(after.digests.keys().filter(|name| !before.digests.contains_key(*name)));
    let digests = names.filter(|name| before.digests.get(*name) != after.digests.get(*name));
    fields.chain(digests.cloned()).collect()
}
