//! The parts of the page, one file each, in the order in which a person reads them.

pub(super) mod agreement;
pub(super) mod budgets;
pub(super) mod calls;
pub(super) mod chart;
pub(super) mod chat;
pub(super) mod controls;
pub(super) mod decisions;
pub(super) mod events;
pub(super) mod findings;
pub(super) mod hidden;
pub(super) mod step;
pub(super) mod structured;
pub(super) mod summary;
pub(super) mod timeline;
pub(super) mod undo;
pub(super) mod vendors;
pub(super) mod verdicts;
pub(super) mod verify;
pub(super) mod writers;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Serialize;
use uuid::Uuid;

use super::text::{said, span};
use super::words::{Words, record};
use crate::event::Language;
use crate::pack::sections::Source;
use crate::pack::{
    PackEvent, RequestPack, Section, VerifiedPack, VerifyError, VerifyOptions,
    verify_request_pack_with,
};

/// A pack, with what every part of its page needs.
pub(super) struct Page<'a> {
    pub(super) pack: &'a RequestPack,
    /// The pack as it is embedded.
    pub(super) json: String,
    /// What the library's verifier says of that.
    pub(super) verified: Result<VerifiedPack, VerifyError>,
    pub(super) language: Language,
    pub(super) words: &'static Words,
    start: Option<DateTime<Utc>>,
    by_id: HashMap<Uuid, &'a PackEvent>,
}

impl<'a> Page<'a> {
    pub(super) fn of(pack: &'a RequestPack, language: Language) -> Self {
        let json = serde_json::to_string(pack).unwrap_or_default();
        // A pack that was just exported is not too large to be read.
        let options = VerifyOptions { bytes_max: usize::MAX, ..VerifyOptions::default() };
        let options = VerifyOptions { events_max: usize::MAX, ..options };
        Self {
            verified: verify_request_pack_with(json.as_bytes(), &options),
            json,
            pack,
            language,
            words: Words::of(language),
            start: pack.events.first().map(|event| event.header.created_at),
            by_id: pack.events.iter().map(|event| (event.header.id, event)).collect(),
        }
    }

    /// The time since the request's first event.
    pub(super) fn offset(&self, at: DateTime<Utc>) -> Markup {
        let since = self.start.map_or_else(String::new, |start| span(start, at));
        let exact = at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        html! { time datetime=(exact) title=(exact) { (since) } }
    }

    /// A link to an event's raw form.
    pub(super) fn event(&self, seq: i64) -> Markup {
        html! { a href={ "#e" (seq) } { (self.words.event) " " (seq) } }
    }

    pub(super) fn source(&self, source: &Source) -> Markup {
        html! { (self.offset(source.at)) " · " (self.event(source.seq)) }
    }

    /// The event at a place of the stream; none if it is set aside.
    pub(super) fn event_at(&self, seq: i64) -> Option<&'a PackEvent> {
        let events = &self.pack.events;
        events.binary_search_by_key(&seq, |event| event.seq).ok().map(|at| &events[at])
    }

    /// What led to an event. What happens inside an effect is caused by its admission, which says nothing to a person:
    /// the cause behind it does.
    pub(super) fn cause(&self, event: &PackEvent) -> Option<&'a PackEvent> {
        let mut cause = *self.by_id.get(&event.header.caused_by?)?;
        while cause.header.event_type == "effect.admitted" {
            cause = *self.by_id.get(&cause.header.caused_by?)?;
        }
        // An effect's outcome may follow from its own admission only.
        (cause.seq < event.seq).then_some(cause)
    }

    /// A person as the pack names them, and how they are known. If the name is hidden, whether it was a person at all.
    pub(super) fn person(&self, who: Option<&str>, how: Option<&str>, seq: i64) -> Markup {
        let w = self.words;
        let is_program = || self.event_at(seq).is_some_and(|event| event.header.actor == "system");
        html! {
            @match who.filter(|who| !is_masked(who)) {
                Some(who) => (said(who)),
                None if is_program() => (w.a_program),
                None => (w.name_hidden),
            }
            @if let Some(how) = how { " (" (w.known_by) " " (self.code(how)) ")" }
        }
    }

    /// A part of the page: its heading, and what its section holds, or why it holds nothing.
    pub(super) fn part<T>(
        &self,
        id: &str,
        heading: &str,
        section: &Section<T>,
        content: impl FnOnce(&T) -> Markup,
    ) -> Markup {
        html! {
            section aria-labelledby={ "h-" (id) } {
                h2 #{ "h-" (id) } { (heading) }
                @match section.content() {
                    Some(found) => (content(found)),
                    None => p.none { (self.why_empty(section)) },
                }
            }
        }
    }

    fn why_empty<T>(&self, section: &Section<T>) -> Markup {
        let w = self.words;
        match section {
            Section::Empty | Section::Recorded { .. } => html! { (w.none) },
            Section::Erased { reason } => html! { (w.erased) " " (english(reason)) },
            Section::NotRecorded { reason } => html! { (w.not_recorded) " " (english(reason)) },
            Section::Unreadable { reason } => html! { (w.unreadable) " " (english(reason)) },
        }
    }

    /// The kind of an event in words; as it is recorded if there are none.
    pub(super) fn event_word<'t>(&self, event_type: &'t str) -> &'t str {
        record::of(record::EVENTS, event_type, self.language).unwrap_or(event_type)
    }

    /// The same, where markup may stand.
    pub(super) fn event_name(&self, event_type: &str) -> Markup {
        let word = self.event_word(event_type);
        html! { @if word == event_type { code { (said(word)) } } @else { (word) } }
    }

    /// A word of the host's or of the library's: in the page's language if it is known, or else as it is recorded, with
    /// a space for each underscore.
    pub(super) fn word(&self, word: &str) -> String {
        let found = record::of(record::CODES, word, self.language);
        found.map_or_else(|| word.replace('_', " "), str::to_owned)
    }

    /// The same, isolated.
    pub(super) fn code(&self, word: &str) -> Markup {
        said(&self.word(word))
    }
}

/// True if a mask stands for all of a text.
pub(super) fn is_masked(text: &str) -> bool {
    text == "[hidden]"
}

/// A shop's name, or its id if the name is not shown: two hidden names cannot be told apart.
pub(super) fn shop<'a>(name: Option<&'a str>, id: &'a str) -> &'a str {
    name.filter(|name| !is_masked(name)).unwrap_or(id)
}

/// What the library says in English only.
pub(super) fn english(text: &str) -> Markup {
    html! { span lang="en" { (said(text)) } }
}

/// Something that may be of any form, as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    super::text::visible(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// How something stands, by a sign and a word as well as by a colour.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Unknown,
    Warning,
    Bad,
}

impl Tone {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Bad => "✕",
            Self::Good => "✓",
            Self::Unknown => "?",
            Self::Warning => "!",
        }
    }
}
