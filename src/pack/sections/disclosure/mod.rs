//! Whether people who got messages of the AI were told in time that they deal with one (EU AI Act, Art. 50(1) and (5)).
//!
//! A message is the AI's if Moltbot wrote it, or a call of Moltbot led to it, or the AI's switch governs it. Templates
//! count too, because the AI decided to send them.

mod origin;
mod person;
mod shown;
mod verdict;

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use self::origin::Origins;
use self::person::{Got, Made, Person, recipient};
pub use self::shown::{AiDisclosure, AiMessage, CarryingMessage, Disclosure, Recipient};
pub use self::verdict::DisclosureVerdict;
use self::verdict::SentMessage;
use super::conversation::{Message, OUTBOUND, messages};
use super::decisions::Decision;
use super::delivery::Deliveries;
use super::finding::Finding;
use super::outreach::{Outreach, outreaches};
use super::typed_events::{Source, TypedEvent, is_hidden, typed};
use crate::event::payload::{AiDisclosed, RequestCreated, text_digest};
use crate::pack::{PackEvent, Section};

/// The section, and its findings: messages of the AI before which nobody was told, and disclosures that contradict the
/// record.
pub(super) fn section(
    events: &[PackEvent],
    calls: &[Decision],
    deliveries: &Deliveries,
) -> (Section<AiDisclosure>, Vec<Finding>) {
    let Told { people, unmatched, contradictions: mut findings, language: spoken, .. } =
        Told::of(events, calls, deliveries);
    let mut recipients = Vec::new();
    for (who, person) in people {
        for made in &person.made {
            if who == Person::Client
                && let Some(told) = made.shown.language.as_deref().map(subtag)
                && let Some(spoken) = spoken.as_deref().map(subtag)
                && told != spoken
            {
                let what =
                    format!("the disclosure is in {told}, and the client's language is {spoken}");
                findings.push(Finding::at(&made.shown.source, what));
            }
        }
        let recipient = recipient((who, person));
        if recipient.verdict.is_breach()
            && let Some(first) = &recipient.first_ai_message
        {
            findings.push(Finding::at(&first.source, recipient.why.clone()));
        }
        recipients.push(recipient);
    }
    if recipients.is_empty() && unmatched.is_empty() {
        return (Section::Empty, findings);
    }
    let verdicts = recipients.iter().map(|recipient| recipient.verdict);
    let verdict = verdicts.max().unwrap_or(DisclosureVerdict::NotNeeded);
    (Section::Recorded { content: AiDisclosure { verdict, recipients, unmatched } }, findings)
}

/// The language itself, without a region. By BCP 47 it has at most eight letters.
fn subtag(language: &str) -> String {
    let subtag = language.split(['-', '_']).next().unwrap_or_default();
    subtag.chars().take(8).collect::<String>().to_lowercase()
}

/// Who was sent and told what.
#[derive(Default)]
struct Told {
    people: BTreeMap<Person, Got>,
    unmatched: Vec<Disclosure>,
    contradictions: Vec<Finding>,
    /// The client's language.
    language: Option<String>,
    /// The digests of the texts of messages and of their lines, by the place of the message.
    digests: HashMap<i64, Option<HashSet<String>>>,
}

impl Told {
    fn of(events: &[PackEvent], calls: &[Decision], deliveries: &Deliveries) -> Self {
        let origins = Origins::of(events, calls);
        let mut told = Self::default();
        // Ids of messages, and where they stand: by the event's id, and by the provider's.
        let (mut by_event, mut by_provider) = (BTreeMap::new(), BTreeMap::new());
        for Outgoing { person, source, provider_message_id } in outgoing(events, deliveries) {
            let got = told.people.entry(person.clone()).or_default();
            let place = (person, got.messages.len());
            by_event.insert(source.event_id, place.clone());
            if let Some(id) = provider_message_id.as_deref().filter(|id| !is_hidden(Some(id))) {
                by_provider.entry(id.to_owned()).or_insert(place);
            }
            let origin = origins.origin(source.event_id);
            let began = origins.admitted_at(source.event_id).unwrap_or(source.seq);
            let delivery = deliveries.delivery(source.event_id, provider_message_id.as_deref());
            got.messages.push((SentMessage { source, began, delivery }, origin));
        }
        let created = typed::<RequestCreated>(events).next();
        told.language = created.and_then(|event| event.input.language);
        told.language = told.language.filter(|language| !is_hidden(Some(language)));
        for event in typed::<AiDisclosed>(events) {
            let named = event.input.outbound_event_id.as_deref();
            let named = named.and_then(|id| by_event.get(&id.parse::<Uuid>().ok()?));
            let provided = event.input.provider_message_id.as_deref();
            let provided = provided.and_then(|id| by_provider.get(id));
            if let (Some(one), Some(other)) = (named, provided)
                && one != other
            {
                let what = "the disclosure names two messages: one by its event, another by the provider's id";
                told.contradictions.push(Finding::at(&event.source, what));
            }
            told.add(event, named.or(provided).cloned(), events);
        }
        told
    }

    fn add(
        &mut self,
        event: TypedEvent<AiDisclosed>,
        place: Option<(Person, usize)>,
        events: &[PackEvent],
    ) {
        let named = named(&event);
        if let (Some((person, _)), Some(named)) = (&place, &named)
            && event.input.target_role.is_some()
            && person != named
        {
            let what = "the disclosure names another recipient than its message has";
            self.contradictions.push(Finding::at(&event.source, what));
        }
        let Some(person) = place.as_ref().map(|(person, _)| person.clone()).or(named) else {
            self.unmatched.push(disclosure(event, None));
            return;
        };
        let got = self.people.entry(person).or_default();
        let carried_by = place.map(|(_, at)| at);
        let message =
            carried_by.map(|at| carrying(&got.messages[at].0, &event, events, &mut self.digests));
        if let Some(message) = message.as_ref().filter(|one| one.text_check == "differs") {
            let seq = message.source.seq;
            let what = format!(
                "no line of the message that carried the disclosure (event {seq}) has its digest"
            );
            self.contradictions.push(Finding::at(&event.source, what));
        }
        got.made.push(Made { shown: disclosure(event, message), carried_by });
    }
}

/// Who was told, by the disclosure's own words.
fn named(event: &TypedEvent<AiDisclosed>) -> Option<Person> {
    let vendor = || event.input.vendor_id.clone().map(Person::Vendor);
    match event.input.target_role.as_deref() {
        Some("client") => Some(Person::Client),
        Some("vendor") => vendor(),
        Some(_) => None,
        None => Some(vendor().unwrap_or(Person::Client)),
    }
}

/// A message to a person, before it is judged.
struct Outgoing {
    person: Person,
    source: Source,
    provider_message_id: Option<String>,
}

/// Every message to a person, in the order of the stream.
fn outgoing(events: &[PackEvent], deliveries: &Deliveries) -> Vec<Outgoing> {
    let to_client = messages(events, deliveries);
    let to_client = to_client.into_iter().filter(|message| message.direction == OUTBOUND);
    let to_client = to_client.map(|Message { source, provider_message_id, .. }| Outgoing {
        person: Person::Client,
        source,
        provider_message_id,
    });
    let to_vendor = |Outreach { source, vendor_id, provider_message_id, .. }| Outgoing {
        person: Person::Vendor(vendor_id),
        source,
        provider_message_id,
    };
    let mut all: Vec<_> =
        to_client.chain(outreaches(events, deliveries).into_iter().map(to_vendor)).collect();
    all.sort_by_key(|message| message.source.seq);
    all
}

fn disclosure(event: TypedEvent<AiDisclosed>, message: Option<CarryingMessage>) -> Disclosure {
    Disclosure {
        source: event.source,
        language: event.input.language.filter(|language| !is_hidden(Some(language))),
        text_digest: event.input.text_digest,
        outbound_event_id: event.input.outbound_event_id,
        provider_message_id: event.input.provider_message_id,
        message,
        other_shape: event.other_shape,
    }
}

fn carrying(
    message: &SentMessage,
    disclosure: &TypedEvent<AiDisclosed>,
    events: &[PackEvent],
    digests: &mut HashMap<i64, Option<HashSet<String>>>,
) -> CarryingMessage {
    let seq = message.source.seq;
    let input = message.source.event(events).map(|event| &event.input);
    let text = input.and_then(|input| input.value.get("text")?.as_str());
    let is_first = !digests.contains_key(&seq);
    // A masked text has another digest than the one that was sent.
    let is_whole = input.is_some_and(|input| !input.hidden.contains_key("/input/text"));
    let known = digests.entry(seq).or_insert_with(|| text.filter(|_| is_whole).map(digests_of));
    let digest = disclosure.input.text_digest.as_deref().filter(|text| !is_hidden(Some(text)));
    CarryingMessage {
        text: text.filter(|_| is_first).map(str::to_owned),
        text_check: match (known, digest) {
            (Some(known), Some(digest)) if known.contains(&digest.to_ascii_lowercase()) => {
                "matches"
            }
            (Some(_), Some(_)) => "differs",
            _ => "not_shown",
        },
        delivery_status: message.status(),
        delivered_at: message.arrived_by(),
        source: message.source.clone(),
    }
}

/// The digests of a text, and of each of its lines.
fn digests_of(text: &str) -> HashSet<String> {
    let lines = text.lines().map(|line| text_digest(line.trim()));
    lines.chain([text_digest(text)]).collect()
}
