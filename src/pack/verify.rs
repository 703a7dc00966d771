//! Checks a pack offline: without a database, a network, or trust in its maker.
//!
//! A part that is not written exactly as an exporter writes it is a fault. The verifier serialises what it read and
//! compares. Otherwise a UUID in capitals, or a member that stands twice, could mean different things to two readers.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::compare::{are_written_as, difference};
use super::export::{checkpoint, rules_digest, shown_digest};
use super::fault::printable;
use super::parse::Parts;
use super::rebuild::verify_content;
use super::sections::{
    BudgetVerdict, DisclosureVerdict, Explanation, Rerun, RerunResult, Sections, StopVerdict,
    elsewhere,
};
use super::{
    EventFault, PackEvent, SetAsideEvent, Unchecked, VerifiedPack, VerifyError, VerifyOptions,
    switches, writers,
};
use crate::event::StreamId;
use crate::proof::{Digest, chain_hash, stream_start};
use crate::redact::{RequestEntities, Rules};

/// How far an event's own time may be ahead of the database's before the verifier remarks on it.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);

/// Verifies a pack's JSON.
///
/// Recomputes every commitment, every event hash and the chain. Checks that the places run from 1
/// to n without a gap up to the stream's head, that every event belongs to the request, and that
/// each value is hidden if and only if the profile's rules hide it. Computes the readable sections
/// again, and compares the digests over masked text. Adds up the charges again against the limits
/// in force ([`VerifiedPack::budgets`]). Looks whether anything ran inside a stop or a takeover
/// ([`VerifiedPack::stops`]). Checks a signed note against the pack, and its signatures against the
/// trusted keys (feature `signatures`). [`VerifiedPack::verdict`] says whether anything could not
/// be checked. With the feature `recorder`, the metric `audit_verifications_total` counts
/// verifications.
///
/// # Errors
/// [`VerifyError::Unusable`] if the input is not a pack of a known form, otherwise the first fault
/// with its place.
pub fn verify_request_pack(json: &[u8]) -> Result<VerifiedPack, VerifyError> {
    verify_request_pack_with(json, &VerifyOptions::default())
}

/// Like [`verify_request_pack`], with other limits on what is read, or with trusted keys.
///
/// # Errors
/// As [`verify_request_pack`].
pub fn verify_request_pack_with(
    json: &[u8],
    options: &VerifyOptions,
) -> Result<VerifiedPack, VerifyError> {
    verify_parts(json, options).map(|(_, verified)| verified)
}

/// Verifies a pack, and returns its parts with the result.
pub(super) fn verify_parts<'a>(
    json: &'a [u8],
    options: &VerifyOptions,
) -> Result<(Parts<'a>, VerifiedPack), VerifyError> {
    let parsed = Parts::parse(json, options);
    let verified = parsed.and_then(|pack| verify(&pack, options).map(|verified| (pack, verified)));
    #[cfg(feature = "recorder")]
    count(verified.as_ref().map(|(_, verified)| verified));
    verified
}

/// Counts the verification, unless the input is not a pack. A pack with an event that is set aside has failed.
#[cfg(feature = "recorder")]
fn count(verified: Result<&VerifiedPack, &VerifyError>) {
    let is_set_aside = |unchecked: &Unchecked| matches!(unchecked, Unchecked::SetAside(_));
    let verdict = match verified {
        Ok(pack) if !pack.unchecked().iter().any(is_set_aside) => "passed",
        Err(VerifyError::Unusable { .. }) => return,
        Ok(_) | Err(_) => "failed",
    };
    crate::observe::count(&crate::observe::table::AUDIT_VERIFICATIONS, &[verdict], 1);
}

#[cfg_attr(
    not(feature = "signatures"),
    expect(unused_variables, reason = "only signatures are checked with options")
)]
fn verify(pack: &Parts<'_>, options: &VerifyOptions) -> Result<VerifiedPack, VerifyError> {
    // The profile comes first, because it says how events may be masked.
    let rules = verify_profile(pack)?;
    let entities = RequestEntities::of_a_verifier(tells_of_health(pack));
    verify_chain(pack, rules, &entities)?;
    verify_writers(pack, rules, &entities)?;
    switches::verify(&pack.events, &pack.flips, rules, &entities)?;
    verify_head(pack)?;
    // Masks come before sections, which are computed from masked text: a change to it is reported at its event.
    verify_masks(pack)?;
    let sections = verify_sections(pack)?;
    let budgets = sections.budgets.content().map(|budgets| budgets.check.clone());
    let disclosure = sections.ai_disclosure.content().map(|disclosure| disclosure.verdict);
    let stops = sections.controls.content().map(|controls| controls.check.clone());
    // Last, because what was checked before it names the place of a change.
    #[cfg(feature = "signatures")]
    let signed_by = super::signature::verify_signatures(pack, options)?;
    let views = pack.events.iter().flat_map(PackEvent::views);
    Ok(VerifiedPack {
        request_id: pack.request_id,
        events: pack.events.len(),
        hidden: views.map(|(_, view)| view.hidden.len()).sum(),
        unchecked: unchecked(pack),
        remarks: remarks(pack, &sections),
        profile: pack.profile.clone(),
        head: pack.head,
        budgets: budgets.unwrap_or(BudgetVerdict::NOTHING),
        ai_disclosure: disclosure.unwrap_or(DisclosureVerdict::NotNeeded),
        stops: stops.unwrap_or(StopVerdict::NOTHING),
        #[cfg(feature = "signatures")]
        signed_by,
    })
}

/// One place of the stream.
#[derive(Clone, Copy)]
enum ChainPlace<'a> {
    Event(&'a PackEvent),
    SetAside(&'a SetAsideEvent),
}

impl ChainPlace<'_> {
    fn seq(self) -> i64 {
        match self {
            Self::Event(event) => event.seq,
            Self::SetAside(event) => event.seq,
        }
    }

    fn recorded_at(self) -> DateTime<Utc> {
        match self {
            Self::Event(event) => event.recorded_at,
            Self::SetAside(event) => event.recorded_at,
        }
    }

    fn hashes(self) -> (Digest, Digest) {
        match self {
            Self::Event(event) => (event.event_hash, event.chain_hash),
            Self::SetAside(event) => (event.event_hash, event.chain_hash),
        }
    }

    fn fault(self, fault: EventFault) -> VerifyError {
        let (event_type, id) = match self {
            Self::Event(event) => (printable(&event.header.event_type), Some(event.header.id)),
            Self::SetAside(event) => ("set aside".to_owned(), event.id),
        };
        let id = id.map_or_else(|| "without an id".to_owned(), |id| id.to_string());
        VerifyError::Event { seq: self.seq(), event_type, id, fault }
    }
}

/// Every place of the stream, in order. It holds an event, or one that is set aside.
fn places<'a>(pack: &'a Parts<'_>) -> impl Iterator<Item = ChainPlace<'a>> {
    let mut events = pack.events.iter().map(ChainPlace::Event).peekable();
    let mut set_aside = pack.set_aside.iter().map(ChainPlace::SetAside).peekable();
    (1..).map_while(move |expected| {
        let is_next = |place: &ChainPlace<'_>| place.seq() == expected;
        let next = events.next_if(is_next).or_else(|| set_aside.next_if(is_next));
        next.or_else(|| events.next()).or_else(|| set_aside.next())
    })
}

fn verify_chain(
    pack: &Parts<'_>,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), VerifyError> {
    let mut chain = stream_start(*stream(pack).as_bytes());
    let mut ids = HashSet::with_capacity(pack.events.len());
    for (expected, place) in (1..).zip(places(pack)) {
        if place.seq() != expected {
            return Err(VerifyError::Sequence { expected, found: place.seq() });
        }
        if let ChainPlace::Event(event) = place {
            verify_event(pack, event, rules, entities).map_err(|fault| place.fault(fault))?;
            if !ids.insert(event.header.id) {
                return Err(place.fault(EventFault::Repeated));
            }
        }
        let (event_hash, found) = place.hashes();
        chain = chain_hash(chain, event_hash, expected, place.recorded_at());
        if chain != found {
            return Err(place.fault(EventFault::Chain));
        }
    }
    Ok(())
}

fn verify_writers(
    pack: &Parts<'_>,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), VerifyError> {
    for writer in &pack.writers {
        writers::verify(writer, rules, entities)?;
    }
    writers::verify_ids(&pack.events, &pack.writers)
}

/// The stream of the pack's request.
fn stream(pack: &Parts<'_>) -> Uuid {
    StreamId::of(Some(pack.request_id), None).uuid()
}

/// True if the pack says that its request is about health.
fn tells_of_health(pack: &Parts<'_>) -> bool {
    let mut hidden = pack.events.iter().flat_map(PackEvent::hidden);
    hidden.any(|(key, rule)| RequestEntities::tells_of_health(key, rule))
}

/// Verifies one event, except for its place in the stream.
fn verify_event(
    pack: &Parts<'_>,
    event: &PackEvent,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), EventFault> {
    // The header's stream is derived from its request, so we check the request first.
    if event.header.request_id != Some(pack.request_id) {
        return Err(EventFault::ForeignStream);
    }
    if event.header.stream_id.uuid() != stream(pack) {
        return Err(EventFault::ForeignStream);
    }
    if let Some(contradiction) = event.header.contradiction() {
        return Err(EventFault::Contradiction(contradiction));
    }
    verify_content(event, rules, entities)
}

fn verify_head(pack: &Parts<'_>) -> Result<(), VerifyError> {
    let fault = |what| Err(VerifyError::Head { what });
    let (Some(first), Some(last)) = (places(pack).next(), places(pack).last()) else {
        return fault("the pack has no events");
    };
    if pack.head.seq > last.seq() {
        fault("it counts more events than the pack has: the last ones are missing")
    } else if pack.head.seq < last.seq() {
        fault("it counts fewer events than the pack has")
    } else if pack.head.chain_hash != last.hashes().1 {
        fault("its chain hash is not that of the last event")
    } else if pack.head.started_at != first.recorded_at() {
        fault("its start is not the time of the first event")
    } else if pack.head.last_at != last.recorded_at() {
        fault("its end is not the time of the last event")
    } else {
        Ok(())
    }
}

/// Computes the sections, and returns them if the pack has the same.
fn verify_sections(pack: &Parts<'_>) -> Result<Sections, VerifyError> {
    let fault = |section: &str, pointer: &str| {
        let pointer = if pointer.is_empty() { "/" } else { pointer };
        Err(VerifyError::Section { section: printable(section), pointer: printable(pointer) })
    };
    let checkpoint = serde_json::to_value(checkpoint()).unwrap_or_default();
    if let Some(pointer) = difference(&checkpoint, pack.checkpoint) {
        return fault("checkpoint", &pointer);
    }
    let sections = Sections::of(&pack.events, &pack.set_aside, &pack.writers, &pack.flips);
    if are_written_as(&sections, &pack.sections) {
        return Ok(sections);
    }
    let expected = match serde_json::to_value(&sections) {
        Ok(Value::Object(sections)) => sections,
        _ => serde_json::Map::new(),
    };
    if let Some(unexpected) = pack.sections.keys().find(|name| !expected.contains_key(*name)) {
        return fault(unexpected, "/");
    }
    for (name, section) in &expected {
        let difference = match pack.sections.get(name) {
            Some(found) => difference(section, found),
            None => Some(String::new()),
        };
        if let Some(pointer) = difference {
            return fault(name, &pointer);
        }
    }
    Ok(sections)
}

fn verify_profile<'a>(pack: &'a Parts<'_>) -> Result<Rules<'a>, VerifyError> {
    let is_whole = shown_digest(&pack.profile) == pack.profile_digest
        && pack.profile.rules_digest == rules_digest();
    let rules = Rules::of_profile(&pack.profile.name, &pack.profile.additions);
    match rules {
        None => {
            let (place, what) = ("profile".to_owned(), "there is no profile with its name");
            Err(VerifyError::Malformed { place, what })
        }
        Some(rules) if is_whole => Ok(rules),
        Some(_) => Err(VerifyError::Masked { place: "profile".to_owned() }),
    }
}

fn verify_masks(pack: &Parts<'_>) -> Result<(), VerifyError> {
    let fault = |place: String| Err(VerifyError::Masked { place });
    if pack.event_digests.len() != pack.events.len() {
        return fault("integrity.event_digests".to_owned());
    }
    let parts = [
        ("set_aside", shown_digest(&pack.set_aside), pack.set_aside_digest),
        ("writer_events", shown_digest(&pack.writers), pack.writers_digest),
        ("switch_events", shown_digest(&pack.flips), pack.flips_digest),
    ];
    if let Some((name, ..)) = parts.into_iter().find(|(_, shown, digest)| shown != digest) {
        return fault(name.to_owned());
    }
    let digests = pack.shown.iter().zip(&pack.event_digests);
    match digests.zip(&pack.events).find(|((shown, digest), _)| shown != digest) {
        Some((_, event)) => {
            fault(format!("event {} ({})", event.seq, printable(&event.header.event_type)))
        }
        None => Ok(()),
    }
}

fn unchecked(pack: &Parts<'_>) -> Vec<Unchecked> {
    let mut unchecked = Vec::new();
    let unknown = writers::unknown(&pack.events, &pack.writers);
    unchecked.extend(unknown.into_iter().map(|writer_id| Unchecked::Writer { writer_id }));
    for place in places(pack) {
        match place {
            ChainPlace::SetAside(event) => unchecked.push(Unchecked::SetAside(*event)),
            ChainPlace::Event(event) => {
                unchecked.extend(event.withheld().map(|pointer| Unchecked::Withheld {
                    seq: event.seq,
                    event_type: event.header.event_type.clone(),
                    pointer: pointer.to_owned(),
                }));
            }
        }
    }
    unchecked
}

/// Selections and shortlists by rules that this release does not know.
fn unknown_rules(explanation: &Explanation) -> Vec<String> {
    let reruns = explanation.reruns.iter();
    let unknown = reruns.filter(|rerun| rerun.result == RerunResult::RuleNotKnown);
    let remark = |rerun: &Rerun| {
        let version = printable(rerun.rule_version.as_deref().unwrap_or_default());
        format!(
            "event {} was decided by the rule {version}, which is not known here: its scores were not computed again",
            rerun.source.seq
        )
    };
    unknown.map(remark).collect()
}

/// What the verifier did not do, and oddities in times. The chain proves that times are as they
/// were recorded, so a clock may have been wrong.
fn remarks(pack: &Parts<'_>, sections: &Sections) -> Vec<String> {
    let mut remarks = sections.explanation.content().map(unknown_rules).unwrap_or_default();
    let nameless = pack.events.iter().filter(|event| event.header.writer_id.is_none()).count();
    if nameless > 0 {
        remarks.push(format!("{nameless} events name no writer"));
    }
    let elsewhere = elsewhere(&pack.events, &pack.set_aside);
    if elsewhere > 0 {
        remarks.push(format!(
            "{elsewhere} events were caused by events of other streams, which this pack does not show"
        ));
    }
    let mut latest = None;
    for place in places(pack) {
        let (seq, at) = (place.seq(), place.recorded_at());
        if latest.is_some_and(|latest| at < latest) {
            remarks.push(format!("event {seq} was recorded at an earlier time than one before it"));
        }
        latest = latest.max(Some(at));
        if let ChainPlace::Event(event) = place
            && event.header.created_at - at > AHEAD_MAX
        {
            remarks.push(format!("event {seq} was recorded before the time at which it happened"));
        }
    }
    if cfg!(not(feature = "signatures")) && pack.signed_note.is_some() {
        remarks.push(
            "its signatures were not checked: this build lacks the feature `signatures`".to_owned(),
        );
    }
    remarks
}
