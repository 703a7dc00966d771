//! Checks a pack offline: no database, no network, no trust in who made it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::export::{checkpoint, rules_digest, shown_digest, shown_digest_of};
use super::fault::printable;
use super::rebuild::rebuild;
use super::{
    BudgetVerdict, EventFault, PackEvent, PackHead, ProfileName, SCHEMA, SECTIONS_VERSION,
    Sections, VerifyError,
};
use crate::event::StreamId;
use crate::json::parse;
use crate::proof::{Digest, chain_hash, event_hash, push_pointer, stream_start};
use crate::redact::Profile;

/// A pack that verifies; only [`verify_request_pack`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedPack {
    request_id: Uuid,
    profile: ProfileName,
    events: usize,
    hidden: usize,
    head: PackHead,
    budgets: BudgetVerdict,
}

impl VerifiedPack {
    /// The request the pack tells of.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// Whom it was redacted for.
    #[must_use]
    pub fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// How many events it has.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many values stand behind their digests.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Where the stream stands. Whoever knows the head from elsewhere compares it: without that, the
    /// pack proves its inner consistency, not that it is the stream the database had.
    #[must_use]
    pub fn head(&self) -> &PackHead {
        &self.head
    }

    /// Whether the request's limits were kept, added up from its events alone. A pack in which one was
    /// passed verifies all the same: nobody changed it, and it says so.
    #[must_use]
    pub fn budgets(&self) -> &BudgetVerdict {
        &self.budgets
    }
}

/// Verifies a pack's JSON.
///
/// Recomputes every commitment, event hash and the chain, checks that the places run 1 to n without a
/// gap up to the stream's head and that every event belongs to the request, computes the readable
/// sections again, and compares the digests over masked text. What was charged is added up again
/// against the limits in force: [`VerifiedPack::budgets`]. The verdict is counted in the metric
/// `audit_verifications_total`, with the feature `recorder`.
///
/// # Errors
/// [`VerifyError::Unusable`] where the input is no pack of a known form, else the first fault, with
/// its place.
pub fn verify_request_pack(json: &[u8]) -> Result<VerifiedPack, VerifyError> {
    let verified = verify(json);
    #[cfg(feature = "recorder")]
    count(&verified);
    verified
}

/// What is no pack was not tampered with.
#[cfg(feature = "recorder")]
fn count(verified: &Result<VerifiedPack, VerifyError>) {
    let verdict = match verified {
        Ok(_) => "passed",
        Err(VerifyError::Unusable { .. }) => return,
        Err(_) => "failed",
    };
    crate::observe::count(&crate::observe::table::AUDIT_VERIFICATIONS, &[verdict], 1);
}

fn verify(json: &[u8]) -> Result<VerifiedPack, VerifyError> {
    let pack = Parts::parse(json)?;
    // First, because it says how events may be masked.
    verify_profile(&pack)?;
    verify_events(&pack)?;
    verify_head(&pack)?;
    // Before the sections: they are computed from masked text, whose change is to be found at its event.
    verify_masks(&pack)?;
    let sections = verify_sections(&pack)?;
    let budgets = sections.budgets.content().map(|budgets| budgets.check.clone());
    let views = pack.events.iter().flat_map(PackEvent::views);
    Ok(VerifiedPack {
        request_id: pack.request_id,
        events: pack.events.len(),
        hidden: views.map(|(_, view)| view.hidden.len()).sum(),
        profile: pack.profile,
        head: pack.head,
        budgets: budgets.unwrap_or(BudgetVerdict::NOTHING),
    })
}

/// A pack taken apart; what is left in `sections` is compared, not trusted.
struct Parts {
    request_id: Uuid,
    profile: ProfileName,
    events: Vec<PackEvent>,
    /// What each event's digest must be.
    shown: Vec<Digest>,
    head: PackHead,
    profile_digest: Digest,
    event_digests: Vec<Digest>,
    checkpoint: Value,
    /// An object: what is left of the pack.
    sections: Value,
}

impl Parts {
    fn parse(json: &[u8]) -> Result<Self, VerifyError> {
        let text = str::from_utf8(json).map_err(|_| no_json())?;
        let value =
            parse(text).map_err(|error| VerifyError::Unusable { reason: error.to_string() })?;
        let Value::Object(mut members) = value else {
            return Err(VerifyError::Unusable { reason: "it is no JSON object".to_owned() });
        };
        match members.remove("schema") {
            Some(Value::String(schema)) if schema == SCHEMA => {}
            _ => {
                let reason = format!("its schema is not {SCHEMA:?}");
                return Err(VerifyError::Unusable { reason });
            }
        }
        let mut integrity: Map<String, Value> = take(&mut members, "integrity")?;
        let sections_version: u32 = take(&mut integrity, "sections_version")?;
        if sections_version != SECTIONS_VERSION {
            // Sections that this version cannot compute it cannot vouch for.
            let reason = format!(
                "its sections are of version {sections_version}, this is a verifier of version \
                 {SECTIONS_VERSION}"
            );
            return Err(VerifyError::Unusable { reason });
        }
        let Some(Value::Array(events)) = members.remove("events") else {
            return malformed("events", "it is no list");
        };
        let shown = events.iter().map(shown_digest_of).collect();
        let parts = Self {
            shown,
            request_id: take(&mut members, "request_id")?,
            profile: profile(&mut members)?,
            events: (1..).zip(events).map(event).collect::<Result<_, _>>()?,
            head: take(&mut integrity, "head")?,
            profile_digest: take(&mut integrity, "profile_digest")?,
            event_digests: take(&mut integrity, "event_digests")?,
            checkpoint: take(&mut integrity, "checkpoint")?,
            sections: members.into(),
        };
        if !integrity.is_empty() {
            return malformed("integrity", "it has a member that the schema does not have");
        }
        if !["external", "internal"].contains(&parts.profile.name.as_str()) {
            return malformed("profile", "there is no profile of its name");
        }
        Ok(parts)
    }
}

/// The profile, where it is of the version whose rules this verifier knows.
fn profile(members: &mut Map<String, Value>) -> Result<ProfileName, VerifyError> {
    let version = members.get("profile").and_then(|profile| profile.get("version"));
    match version.and_then(Value::as_u64) {
        Some(version) if version != u64::from(Profile::VERSION) => {
            let reason = format!(
                "its profile is of version {version}, this is a verifier of version {}",
                Profile::VERSION
            );
            Err(VerifyError::Unusable { reason })
        }
        _ => take(members, "profile"),
    }
}

fn take<T: DeserializeOwned + Serialize>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<T, VerifyError> {
    members
        .remove(name)
        .map_or_else(|| malformed(name, "it is missing"), |member| typed(&member, name))
}

fn event((seq, event): (i64, Value)) -> Result<PackEvent, VerifyError> {
    typed(&event, &format!("event {seq}"))
}

/// Reads a part, and refuses what is not exactly how the part is written: a UUID in capitals, say.
fn typed<T: DeserializeOwned + Serialize>(part: &Value, place: &str) -> Result<T, VerifyError> {
    let what = "it does not have the form of the schema";
    let read = T::deserialize(part).or_else(|_| malformed(place, what))?;
    if serde_json::to_value(&read).is_ok_and(|written| written == *part) {
        Ok(read)
    } else {
        malformed(place, what)
    }
}

fn malformed<T>(place: &str, what: &'static str) -> Result<T, VerifyError> {
    Err(VerifyError::Malformed { place: place.to_owned(), what })
}

fn no_json() -> VerifyError {
    VerifyError::Unusable { reason: "it is no JSON: it is not encoded in UTF-8".to_owned() }
}

fn verify_events(pack: &Parts) -> Result<(), VerifyError> {
    let stream = StreamId::of(Some(pack.request_id), None);
    let mut chain = stream_start(*stream.uuid().as_bytes());
    for (expected, event) in (1..).zip(&pack.events) {
        if event.seq != expected {
            return Err(VerifyError::Sequence { expected, found: event.seq });
        }
        chain = verify_event(pack, chain, event).map_err(|fault| VerifyError::Event {
            seq: expected,
            event_type: printable(&event.header.event_type),
            id: event.header.id.to_string(),
            fault,
        })?;
    }
    Ok(())
}

/// Verifies one event, and returns the chain up to it.
fn verify_event(pack: &Parts, chain: Digest, event: &PackEvent) -> Result<Digest, EventFault> {
    // What the header says of its stream follows from this.
    if event.header.request_id != Some(pack.request_id) {
        return Err(EventFault::ForeignStream);
    }
    if let Some(contradiction) = event.header.contradiction() {
        return Err(EventFault::Contradiction(contradiction));
    }
    let mut commitments = [chain; 4];
    for (commitment, (part, view)) in commitments.iter_mut().zip(event.views()) {
        if rebuild(view, part, &pack.profile)? != view.commitment {
            return Err(EventFault::Commitment { part });
        }
        *commitment = view.commitment;
    }
    if event_hash(&event.header.canonical(), commitments) != event.event_hash {
        return Err(EventFault::EventHash);
    }
    let expected = chain_hash(chain, event.event_hash, event.recorded_at);
    if expected != event.chain_hash {
        return Err(EventFault::Chain);
    }
    Ok(expected)
}

fn verify_head(pack: &Parts) -> Result<(), VerifyError> {
    let fault = |what| Err(VerifyError::Head { what });
    let (Some(first), Some(last)) = (pack.events.first(), pack.events.last()) else {
        return fault("the pack has no events");
    };
    if pack.head.seq > last.seq {
        fault("it counts more events than the pack has: the last ones are missing")
    } else if pack.head.seq < last.seq {
        fault("it counts fewer events than the pack has")
    } else if pack.head.chain_hash != last.chain_hash {
        fault("its chain hash is not that of the last event")
    } else if pack.head.started_at != first.recorded_at {
        fault("its start is not the time of the first event")
    } else if pack.head.last_at != last.recorded_at {
        fault("its end is not the time of the last event")
    } else {
        Ok(())
    }
}

/// Computes the sections, and returns them where the pack has the same.
fn verify_sections(pack: &Parts) -> Result<Sections, VerifyError> {
    let sections = Sections::of(&pack.events);
    let expected = serde_json::to_value(&sections).unwrap_or_default();
    let checkpoint = serde_json::to_value(checkpoint()).unwrap_or_default();
    let difference = difference(&expected, &pack.sections, String::new())
        .or_else(|| difference(&checkpoint, &pack.checkpoint, "/checkpoint".to_owned()));
    let Some(pointer) = difference else { return Ok(sections) };
    let (section, pointer) = pointer[1..].split_once('/').unwrap_or((&pointer[1..], ""));
    let (section, pointer) = (printable(section), printable(&format!("/{pointer}")));
    Err(VerifyError::Section { section, pointer })
}

/// JSON pointer to the first place where two values differ.
fn difference(expected: &Value, found: &Value, at: String) -> Option<String> {
    let below = |token: &str| {
        let mut pointer = at.clone();
        push_pointer(&mut pointer, token);
        pointer
    };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let unexpected = found.keys().find(|name| !expected.contains_key(*name));
            unexpected.map(|name| below(name)).or_else(|| {
                expected.iter().find_map(|(name, member)| match found.get(name) {
                    Some(other) => difference(member, other, below(name)),
                    None => Some(below(name)),
                })
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).enumerate().find_map(|(index, (item, other))| {
                difference(item, other, below(&index.to_string()))
            })
        }
        (expected, found) => (expected != found).then_some(at),
    }
}

fn verify_profile(pack: &Parts) -> Result<(), VerifyError> {
    let is_whole = shown_digest(&pack.profile) == pack.profile_digest;
    if is_whole && pack.profile.rules_digest == rules_digest() {
        Ok(())
    } else {
        Err(VerifyError::Masked { place: "profile".to_owned() })
    }
}

fn verify_masks(pack: &Parts) -> Result<(), VerifyError> {
    let fault = |place: String| Err(VerifyError::Masked { place });
    if pack.event_digests.len() != pack.events.len() {
        return fault("integrity.event_digests".to_owned());
    }
    let digests = pack.shown.iter().zip(&pack.event_digests);
    match digests.zip(&pack.events).find(|((shown, digest), _)| shown != digest) {
        Some((_, event)) => {
            fault(format!("event {} ({})", event.seq, printable(&event.header.event_type)))
        }
        None => Ok(()),
    }
}
