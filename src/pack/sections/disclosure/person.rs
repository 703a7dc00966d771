//! What one person got, and whether a disclosure came in time.

use super::super::typed_events::is_hidden;
use super::origin::Origin;
use super::shown::{AiMessage, Disclosure, Recipient};
use super::verdict::{DisclosureVerdict, SentMessage};
use crate::event::EventId;

/// Who a message is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Person {
    Client,
    Vendor(String),
}

impl Person {
    /// False if the pack hides who it is: then it may be several.
    fn is_known(&self) -> bool {
        !matches!(self, Self::Vendor(id) if id.is_empty() || is_hidden(Some(id)))
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Client => f.write_str("the client"),
            Self::Vendor(id) => write!(f, "vendor {id}"),
        }
    }
}

/// What one person got.
#[derive(Default)]
pub(super) struct Got {
    pub(super) messages: Vec<(SentMessage, Origin)>,
    pub(super) made: Vec<Made>,
}

/// A disclosure, and the place of its message among those that the person got.
pub(super) struct Made {
    pub(super) shown: Disclosure,
    pub(super) carried_by: Option<usize>,
}

pub(super) fn recipient((person, got): (Person, Got)) -> Recipient {
    let (verdict, first, why) = got.verdict(&person);
    let (role, vendor_id) = match person {
        Person::Client => ("client", None),
        Person::Vendor(id) => ("vendor", Some(id)),
    };
    let first_ai_message = first.map(|at| got.ai_message(at));
    let disclosures = got.made.into_iter().map(|made| made.shown).collect();
    Recipient { role, vendor_id, verdict, why, first_ai_message, disclosures }
}

impl Got {
    /// The verdict, the message that it is about, and why.
    fn verdict(&self, person: &Person) -> (DisclosureVerdict, Option<usize>, String) {
        let Some(first) = self.first(|origin| *origin != Origin::Other) else {
            let why = format!("no message of the AI to {person} is recorded");
            return (DisclosureVerdict::NotNeeded, None, why);
        };
        if !person.is_known() {
            let why = "the pack hides which vendors got these messages".to_owned();
            return (DisclosureVerdict::NotCheckable, Some(first), why);
        }
        let (verdict, at, why) = self.judge(first, |origin| *origin != Origin::Other, person);
        let is_ai = |origin: &Origin| matches!(origin, Origin::Ai { .. });
        let sure = self.first(is_ai);
        if !verdict.is_breach() || sure == Some(first) {
            return (verdict, Some(at), why);
        }
        // The first message may be a person's. What is sure is a breach only if it is one by itself.
        if let Some(sure) = sure
            && let (verdict, at, why) = self.judge(sure, is_ai, person)
            && verdict.is_breach()
        {
            return (verdict, Some(at), why);
        }
        let seq = self.messages[first].0.source.seq;
        let why = format!("the record does not say whether the AI wrote event {seq} to {person}");
        (DisclosureVerdict::NotCheckable, Some(first), why)
    }

    /// The messages of such an origin that may have arrived.
    fn meant(
        &self,
        is_meant: impl Fn(&Origin) -> bool,
    ) -> impl Iterator<Item = (usize, &SentMessage)> {
        let messages = self.messages.iter().enumerate();
        let meant = messages.filter(move |(_, (_, origin))| is_meant(origin));
        meant.map(|(at, (sent, _))| (at, sent)).filter(|(_, sent)| sent.may_have_arrived())
    }

    /// The first message of such an origin.
    fn first(&self, is_meant: impl Fn(&Origin) -> bool) -> Option<usize> {
        self.meant(is_meant).min_by_key(|(_, sent)| sent.began).map(|(at, _)| at)
    }

    fn ai_message(&self, at: usize) -> AiMessage {
        let (sent, origin) = &self.messages[at];
        AiMessage {
            source: sent.source.clone(),
            shown_by: match origin {
                Origin::Ai { shown_by } => Some(*shown_by),
                Origin::Other | Origin::Unknown => None,
            },
            delivery_status: sent.status(),
        }
    }

    /// The verdict, the message of the AI that it is about, and what it says. `first` was sent first; another message of
    /// the AI may have arrived before it.
    fn judge(
        &self,
        first: usize,
        is_meant: impl Fn(&Origin) -> bool,
        person: &Person,
    ) -> (DisclosureVerdict, usize, String) {
        let arrived = self.meant(is_meant).filter_map(|(at, sent)| Some((sent.arrived_at()?, at)));
        let arrived = arrived.min().map(|(_, at)| (self.best(at), at));
        let sent = (self.best(first), first);
        let worse = arrived.filter(|arrived| arrived.0.0 > sent.0.0);
        let ((verdict, carried_by), at) = worse.unwrap_or(sent);
        let first = self.messages[at].0.source.seq;
        let message = match carried_by.map(|at| self.messages[at].0.source.seq) {
            Some(seq) if seq == first => {
                format!("event {first}, the first message of the AI to {person}, carries it")
            }
            Some(seq) => format!(
                "event {seq} carries it, and the first message of the AI to {person} is event {first}"
            ),
            None => format!("the first message of the AI to {person} is event {first}"),
        };
        (verdict, at, format!("{}: {message}", said(verdict, !self.made.is_empty())))
    }

    /// The best verdict of all disclosures before a message, and the place of the message that carried it.
    fn best(&self, before: usize) -> (DisclosureVerdict, Option<usize>) {
        let judged = self.made.iter();
        let judged = judged.filter_map(|made| Some((self.judge_one(made, before)?, made)));
        let best = judged.min_by_key(|(verdict, _)| *verdict);
        best.map_or((DisclosureVerdict::Never, None), |(verdict, made)| (verdict, made.carried_by))
    }

    /// None if it does not count: the host withdrew it, or its message did not go out or has another text.
    fn judge_one(&self, made: &Made, first: usize) -> Option<DisclosureVerdict> {
        if !made.shown.source.succeeded() {
            return None;
        }
        let first = &self.messages[first].0;
        let Some(at) = made.carried_by else {
            let named = made.shown.outbound_event_id.as_deref();
            let named = named.and_then(|id| EventId::from_uuid(id.parse().ok()?).ok());
            let is_later = named.is_some_and(|id| id.created_at() > first.source.at);
            let is_named = named.is_some() || made.shown.provider_message_id.is_some();
            return is_named.then_some(if is_later {
                DisclosureVerdict::Later
            } else {
                DisclosureVerdict::Elsewhere
            });
        };
        let carrying = &self.messages[at].0;
        let differs = made.shown.message.as_ref().is_some_and(|one| one.text_check == "differs");
        (carrying.went_out() && !differs).then(|| carrying.compared_with(first))
    }
}

/// A verdict in words.
fn said(verdict: DisclosureVerdict, is_any_made: bool) -> &'static str {
    match verdict {
        DisclosureVerdict::DeliveredBefore => "the disclosure was delivered in time",
        DisclosureVerdict::SentBefore => {
            "the disclosure was sent in time, and whether it was delivered by then is not recorded"
        }
        DisclosureVerdict::Elsewhere => {
            "the host names a disclosure in an earlier request, which this pack does not show"
        }
        DisclosureVerdict::Later => "the disclosure came late",
        DisclosureVerdict::Never if is_any_made => {
            "the disclosure did not go out, or its message has another text"
        }
        _ => "no disclosure is recorded in this request",
    }
}
