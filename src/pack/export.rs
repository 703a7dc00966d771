//! Exports a pack from a stream.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::sections::Sections;
use super::switches::{conversations, is_of_conversation};
use super::writers::{is_of_writer, named};
use super::{PackEvent, SCHEMA, SECTIONS_VERSION, Section, SetAsideEvent, switches};
#[cfg(feature = "recorder")]
use crate::event::Identity;
use crate::event::{RequestId, StreamId};
#[cfg(feature = "signatures")]
use crate::proof::SignedNote;
use crate::proof::{Digest, tagged_digest};
use crate::record::StoredRecord;
use crate::redact::{Additions, Profile, RequestEntities};
use crate::store::{AuditStore, StoreError, StreamSnapshot};

/// The whole story of one request, for one reader. Its JSON form begins with `schema`.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RequestPack {
    /// The form of the pack: [`SCHEMA`].
    #[cfg_attr(feature = "schema", schemars(extend("const" = SCHEMA)))]
    pub schema: &'static str,
    /// The request.
    pub request_id: Uuid,
    /// The profile it was redacted with.
    pub profile: ProfileName,
    /// The readable sections.
    #[serde(flatten)]
    pub sections: Sections,
    /// The events, which prove the sections.
    pub events: Vec<PackEvent>,
    /// Events of the stream that are not what was sealed. Sections are computed without them.
    pub set_aside: Vec<SetAsideEvent>,
    /// What the writers of the events said of themselves, in the system's stream.
    pub writer_events: Vec<PackEvent>,
    /// Flips of switches in the conversations that the events name, in those conversations' streams.
    pub switch_events: Vec<PackEvent>,
    /// The stream's head, and the digests that tie the pack together.
    pub integrity: Integrity,
    /// What [`sign`](Self::sign) adds: the digest of all of the above, signed.
    #[cfg(feature = "signatures")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub signed_note: Option<SignedNote>,
}

/// The redaction profile of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileName {
    /// `internal` or `external`.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = ["internal", "external"])))]
    pub name: String,
    /// Version of its built-in rules.
    #[cfg_attr(feature = "schema", schemars(extend("const" = Profile::VERSION)))]
    pub version: u32,
    /// The host's additions to the rules.
    pub additions: Additions,
    /// Digest of the built-in rules.
    pub rules_digest: Digest,
}

impl ProfileName {
    fn of(profile: &Profile) -> Self {
        Self {
            name: profile.name().to_owned(),
            version: Profile::VERSION,
            additions: profile.additions().clone(),
            rules_digest: rules_digest(),
        }
    }
}

/// The digest of the rules.
pub(super) fn rules_digest() -> Digest {
    static RULES: LazyLock<Digest> =
        LazyLock::new(|| tagged_digest("profile-rules", &Profile::rules()));
    *RULES
}

/// The stream's head, and the digests that tie the pack together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Integrity {
    /// Version of the sections.
    #[cfg_attr(feature = "schema", schemars(extend("const" = SECTIONS_VERSION)))]
    pub sections_version: u32,
    /// The stream's head as the database kept it.
    pub head: PackHead,
    /// Digest of the profile.
    pub profile_digest: Digest,
    /// Digest of each event as shown, masked forms included.
    pub event_digests: Vec<Digest>,
    /// Digest of the events that are set aside.
    pub set_aside_digest: Digest,
    /// Digest of the writers' events as shown.
    pub writers_digest: Digest,
    /// Digest of those flips as shown.
    pub switches_digest: Digest,
    /// A signed checkpoint over the stream's head.
    pub checkpoint: Section<()>,
}

/// A stream's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PackHead {
    /// The last place assigned.
    pub seq: i64,
    /// The chain up to there.
    pub chain_hash: Digest,
    /// The database's time of the first event.
    #[serde(with = "crate::record::micros")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub started_at: DateTime<Utc>,
    /// The database's time of the last event.
    #[serde(with = "crate::record::micros")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub last_at: DateTime<Utc>,
}

/// A pack could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The export itself could not be recorded, so nothing was exported.
    #[cfg(feature = "recorder")]
    #[error("the export could not be recorded, so nothing was exported")]
    NotRecorded(#[source] crate::auditor::RecordError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No event of the request was ever recorded.
    #[error("request {request_id} is unknown: no event of it was ever recorded")]
    UnknownRequest {
        /// The request.
        request_id: Uuid,
    },
}

/// Exports the whole story of a request, redacted for its reader.
///
/// The pack is built from one consistent snapshot of the request's whole stream, and from nothing
/// else. The same stream and profile give the same pack. An event that does not match its hash is
/// set aside, and the rest is exported.
///
/// # Errors
/// [`ExportError::UnknownRequest`] if no event of the request was ever recorded.
/// [`StoreError::Archived`] if events of the request are in months that an operator has archived.
/// Otherwise as the store fails: a pack is never made from part of a stream.
///
/// ```
/// # async fn host(
/// #     store: &dyn moltbot_audit::store::AuditStore,
/// #     key: moltbot_audit::redact::RedactionKey,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use moltbot_audit::pack::{export_request_pack, verify_request_pack};
/// use moltbot_audit::redact::Profile;
///
/// let request = key.request_id("7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11")?;
/// let pack = export_request_pack(store, &request, &Profile::internal()).await?;
/// let verified = verify_request_pack(pack.to_json_pretty().as_bytes())?;
/// println!("{} events, head {}", verified.events(), verified.head().chain_hash);
/// # Ok(())
/// # }
/// ```
pub async fn export_request_pack(
    store: &dyn AuditStore,
    request_id: &RequestId,
    profile: &Profile,
) -> Result<RequestPack, ExportError> {
    let snapshot = store.read_stream(StreamId::from(request_id)).await?;
    let request_id = request_id.uuid();
    let snapshot = snapshot.ok_or(ExportError::UnknownRequest { request_id })?;
    let writers = read_writers(store, &snapshot).await?;
    let flips = read_flips(store, &snapshot).await?;
    Ok(RequestPack::of(request_id, &snapshot, &writers, &flips, profile))
}

/// The flips of switches in the conversations that events name.
async fn read_flips(
    store: &dyn AuditStore,
    snapshot: &StreamSnapshot,
) -> Result<Vec<StoredRecord>, StoreError> {
    let named = snapshot.records.iter().map(|record| record.header.conversation_id);
    let mut flips = Vec::new();
    for conversation in conversations(named) {
        let stream_id = StreamId::of(None, Some(conversation));
        let mut found = store.read_events_of(stream_id, &switches::TYPES).await?;
        found.sort_by_key(|flip| flip.seq);
        flips.extend(found);
    }
    Ok(flips)
}

/// The writers that events name, and those whose configuration they replaced.
async fn read_writers(
    store: &dyn AuditStore,
    snapshot: &StreamSnapshot,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut wanted = named(snapshot.records.iter().map(|record| record.header.writer_id));
    let (mut writers, mut seen) = (Vec::new(), HashSet::new());
    while !wanted.is_empty() {
        seen.extend(wanted.iter().map(|id| id.uuid()));
        let found = store.read_events(StreamId::SYSTEM, &wanted).await?;
        let before = found.iter().map(|writer| writer.header.caused_by);
        wanted = named(before.filter(|id| id.is_some_and(|id| !seen.contains(&id))));
        writers.extend(found);
    }
    writers.sort_by_key(|writer| writer.header.id);
    Ok(writers)
}

/// Records the export, and then exports the pack with that event in it.
///
/// `by` says who asked, and stands in the event. A text is a merely claimed identity.
///
/// # Errors
/// [`ExportError::UnknownRequest`] if no event of the request was ever recorded,
/// [`ExportError::NotRecorded`] if the export could not be recorded, otherwise as
/// [`export_request_pack`].
#[cfg(feature = "recorder")]
pub async fn export_recorded(
    auditor: &crate::auditor::Auditor,
    store: &dyn AuditStore,
    request_id: &RequestId,
    profile: &Profile,
    by: impl Into<Identity>,
) -> Result<RequestPack, ExportError> {
    use crate::event::{Actor, AuditEvent, EventType};

    // We look the request up first, because recording the export of an unknown request would create its stream.
    let stream_id = StreamId::from(request_id);
    // A forger who wants to hide the events can delete the head, so a missing head alone proves nothing.
    if store.head(stream_id).await?.is_none() && store.read_stream(stream_id).await?.is_none() {
        return Err(ExportError::UnknownRequest { request_id: request_id.uuid() });
    }
    let input = serde_json::json!({
        "profile": profile.name(),
        "profile_version": Profile::VERSION,
        "by": by.into().said_by_host(),
    });
    let event = AuditEvent::new(EventType::PACK_EXPORTED, Actor::Admin).request(request_id);
    auditor.record_reserved(event.input(input)).await.map_err(ExportError::NotRecorded)?;
    export_request_pack(store, request_id, profile).await
}

// An internal pack holds what people wrote, so Debug does not print it.
impl fmt::Debug for RequestPack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestPack")
            .field("request_id", &self.request_id)
            .field("profile", &self.profile)
            .field("integrity", &self.integrity)
            .finish_non_exhaustive()
    }
}

/// The events of a stream as their reader sees them, those that are set aside, and whom they are about.
fn disclose(
    snapshot: &StreamSnapshot,
    profile: &Profile,
) -> (Vec<PackEvent>, Vec<SetAsideEvent>, RequestEntities) {
    let (mut whole, mut set_aside) = (Vec::with_capacity(snapshot.records.len()), Vec::new());
    for record in &snapshot.records {
        match SetAsideEvent::of(record) {
            Some(event) => set_aside.push(event),
            None => whole.push(record),
        }
    }
    set_aside.extend(snapshot.unreadable.iter().map(SetAsideEvent::from));
    set_aside.sort_by_key(|event| event.seq);
    let mut entities = profile.request_entities();
    for record in &whole {
        for payload in record.input.iter().chain(&record.output) {
            entities.learn(&record.header.event_type, payload);
        }
    }
    let events = whole.into_iter().map(|record| PackEvent::disclose(record, profile, &entities));
    (events.collect(), set_aside, entities)
}

/// The undo plan of a request as the store has it.
#[cfg(feature = "recorder")]
pub(crate) fn read_undo_plan(snapshot: &StreamSnapshot) -> super::sections::UndoPlan {
    let (events, set_aside, _) = disclose(snapshot, &Profile::internal());
    super::sections::undo_plan(&events, &set_aside)
}

impl RequestPack {
    fn of(
        request_id: Uuid,
        snapshot: &StreamSnapshot,
        writers: &[StoredRecord],
        flips: &[StoredRecord],
        profile: &Profile,
    ) -> Self {
        let (events, set_aside, entities) = disclose(snapshot, profile);
        // What was changed in the store, or stored under a writer's or a flip's id by another, says nothing of it.
        let whole = |records: &[StoredRecord], is_of: fn(&PackEvent) -> bool| -> Vec<PackEvent> {
            let whole = records.iter().filter(|record| SetAsideEvent::of(record).is_none());
            let shown = whole.map(|record| PackEvent::disclose(record, profile, &entities));
            shown.filter(is_of).collect()
        };
        let (writers, flips) = (whole(writers, is_of_writer), whole(flips, is_of_conversation));
        let profile = ProfileName::of(profile);
        let head = PackHead {
            seq: snapshot.head.seq,
            chain_hash: snapshot.head.chain_hash,
            started_at: snapshot.head.started_at,
            last_at: snapshot.head.last_at,
        };
        Self {
            schema: SCHEMA,
            request_id,
            sections: Sections::of(&events, &set_aside, &writers, &flips),
            integrity: Integrity {
                sections_version: SECTIONS_VERSION,
                head,
                profile_digest: shown_digest(&profile),
                event_digests: events.iter().map(shown_digest).collect(),
                set_aside_digest: shown_digest(&set_aside),
                writers_digest: shown_digest(&writers),
                switches_digest: shown_digest(&flips),
                checkpoint: checkpoint(),
            },
            profile,
            events,
            set_aside,
            writer_events: writers,
            switch_events: flips,
            #[cfg(feature = "signatures")]
            signed_note: None,
        }
    }

    /// The pack as indented JSON.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        // Every member is a string-keyed map of plain values, which cannot fail to serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

pub(super) fn checkpoint() -> Section<()> {
    Section::not_recorded("signed checkpoints are not made yet")
}

/// The digest of a part of the pack as shown.
pub(super) fn shown_digest<T: Serialize>(part: &T) -> Digest {
    shown_digest_of(&serde_json::to_value(part).unwrap_or(Value::Null))
}

/// The digest of a part that is already JSON.
pub(super) fn shown_digest_of(part: &Value) -> Digest {
    tagged_digest("shown", part)
}
