//! Parses a pack, cheapest checks first. An input that is not a pack costs little: we find members
//! without building them, and build one event at a time.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::export::shown_digest_of;
use super::fault::printable;
use super::{
    EARLIER_SCHEMA, PackEvent, PackHead, ProfileName, SCHEMA, SECTIONS_VERSION, SetAsideEvent,
    VerifyError, VerifyOptions,
};
use crate::json;
use crate::proof::Digest;
use crate::redact::Profile;

/// The most bytes of a profile, head or checkpoint, which are built before anything is proven.
const SMALL_MAX: usize = 1 << 20;

/// The members of `integrity`.
const INTEGRITY: [&str; 8] = [
    "checkpoint",
    "event_digests",
    "head",
    "profile_digest",
    "sections_version",
    "set_aside_digest",
    "switches_digest",
    "writers_digest",
];

type Members<'a> = BTreeMap<String, &'a str>;

/// A parsed pack. Its sections are not trusted: the verifier compares them with its own.
pub(super) struct Parts<'a> {
    pub(super) request_id: Uuid,
    pub(super) profile: ProfileName,
    pub(super) events: Vec<PackEvent>,
    /// The digest of each event as shown, which `event_digests` must repeat.
    pub(super) shown: Vec<Digest>,
    pub(super) set_aside: Vec<SetAsideEvent>,
    pub(super) set_aside_digest: Digest,
    pub(super) writers: Vec<PackEvent>,
    pub(super) writers_digest: Digest,
    pub(super) flips: Vec<PackEvent>,
    pub(super) flips_digest: Digest,
    pub(super) head: PackHead,
    pub(super) profile_digest: Digest,
    pub(super) event_digests: Vec<Digest>,
    pub(super) checkpoint: &'a str,
    /// All other members of the pack. They must be its sections.
    pub(super) sections: Members<'a>,
    pub(super) signed_note: Option<String>,
    /// Every member but that one: what is signed.
    #[cfg(feature = "signatures")]
    pub(super) signed: Members<'a>,
}

impl<'a> Parts<'a> {
    pub(super) fn parse(json: &'a [u8], options: &VerifyOptions) -> Result<Self, VerifyError> {
        check_input(json, options)?;
        let json = str::from_utf8(json);
        let json = json.map_err(|_| unusable("it is not JSON: it is not UTF-8".to_owned()))?;
        let mut members = members_of(json)?;
        let signed_note = signed_note(&mut members)?;
        #[cfg(feature = "signatures")]
        let signed = members.clone();
        check_schema(members.remove("schema"))?;
        let request_id = take_small(&mut members, "request_id")?;
        let integrity = members.remove("integrity").ok_or_else(|| missing("integrity"))?;
        let mut integrity = members_of(integrity)
            .map_err(|_| malformed("integrity", "it does not have the form of the schema"))?;
        if integrity.keys().any(|name| !INTEGRITY.contains(&name.as_str())) {
            return Err(malformed("integrity", "it has a member that the schema does not have"));
        }
        let sections_version = take_small(&mut integrity, "sections_version")?;
        check_version("its sections have", sections_version, SECTIONS_VERSION)?;
        let profile: ProfileName = take_small(&mut members, "profile")?;
        check_version("its profile has", profile.version, Profile::VERSION)?;
        let head: PackHead = take_small(&mut integrity, "head")?;
        let checkpoint = integrity.remove("checkpoint").ok_or_else(|| missing("checkpoint"))?;
        let (events, shown) = events(members.remove("events"), options)?;
        Ok(Self {
            request_id,
            profile,
            events,
            shown,
            set_aside: take(&mut members, "set_aside")?,
            set_aside_digest: take_small(&mut integrity, "set_aside_digest")?,
            writers: take(&mut members, "writer_events")?,
            writers_digest: take_small(&mut integrity, "writers_digest")?,
            flips: take(&mut members, "switch_events")?,
            flips_digest: take_small(&mut integrity, "switches_digest")?,
            head,
            profile_digest: take_small(&mut integrity, "profile_digest")?,
            event_digests: take(&mut integrity, "event_digests")?,
            checkpoint,
            sections: members,
            signed_note,
            #[cfg(feature = "signatures")]
            signed,
        })
    }
}

/// Refuses an input that is too long, or whose first bytes show that it is not a pack.
fn check_input(json: &[u8], options: &VerifyOptions) -> Result<(), VerifyError> {
    if json.len() > options.bytes_max {
        return Err(unusable(format!(
            "it has {} bytes, and {} are read at most: raise `VerifyOptions::bytes_max`",
            json.len(),
            options.bytes_max
        )));
    }
    let named = match json {
        [0xEF, 0xBB, 0xBF, ..] => "it begins with a byte order mark: save it as UTF-8 without one",
        [0xFF, 0xFE, 0, 0, ..]
        | [0, 0, 0xFE, 0xFF, ..]
        | [b'{', 0, 0, 0, ..]
        | [0, 0, 0, b'{', ..] => "it is UTF-32: save it as UTF-8",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [b'{', 0, ..] | [0, b'{', ..] => {
            "it is UTF-16: save it as UTF-8"
        }
        [0x1F, 0x8B, ..] => "it is compressed with gzip: unpack it first",
        [b'P', b'K', 3, 4, ..] => "it is a ZIP archive: unpack it first",
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "it is compressed with zstd: unpack it first",
        _ => match json.trim_ascii_start().first() {
            Some(b'{') => return Ok(()),
            Some(b'[' | b'"' | b'-' | b'0'..=b'9') => "it is not a JSON object",
            None => "the JSON breaks off: it is empty",
            _ => "it is not JSON",
        },
    };
    Err(unusable(named.to_owned()))
}

/// Finds the members of an object, and keeps each as it is written.
fn members_of(json: &str) -> Result<Members<'_>, VerifyError> {
    let members = json::members(json).map_err(|error| unusable(error.to_string()))?;
    Ok(members.into_iter().collect())
}

fn signed_note(members: &mut Members<'_>) -> Result<Option<String>, VerifyError> {
    let is_signed = members.contains_key("signed_note");
    is_signed.then(|| take_small(members, "signed_note")).transpose()
}

fn check_schema(schema: Option<&str>) -> Result<(), VerifyError> {
    let schema = schema.filter(|schema| schema.len() <= SMALL_MAX);
    let schema = schema.and_then(|schema| serde_json::from_str::<String>(schema).ok());
    match schema.as_deref() {
        Some(SCHEMA) => Ok(()),
        Some(EARLIER_SCHEMA) => Err(unusable(format!(
            "its schema is {EARLIER_SCHEMA:?}, from before format v1 was frozen, and this release reads \
             {SCHEMA:?}: verify it with the release that exported it"
        ))),
        _ => Err(unusable(format!("its schema is not {SCHEMA:?}"))),
    }
}

/// Refuses a pack whose sections or rules this release does not compute.
fn check_version(what: &str, version: u32, ours: u32) -> Result<(), VerifyError> {
    if version == ours {
        return Ok(());
    }
    let release = other_release(version, ours);
    Err(unusable(format!(
        "{what} version {version}, and this release reads version {ours}: {release}"
    )))
}

/// Says which release reads another version. There was no release before this one.
fn other_release(version: u32, ours: u32) -> &'static str {
    if version > ours {
        "a later release made it, and can read it"
    } else {
        "it was made before the first release, and only a build of that time reads it"
    }
}

/// Reads events one at a time, with the digest of each as it is shown.
fn events(
    raw: Option<&str>,
    options: &VerifyOptions,
) -> Result<(Vec<PackEvent>, Vec<Digest>), VerifyError> {
    let raw = raw.ok_or_else(|| missing("events"))?;
    let items = json::items(raw).map_err(|_| malformed("events", "it is not a list"))?;
    let (mut events, mut shown) = (Vec::new(), Vec::new());
    for item in items {
        let place = format!("event {}", events.len() + 1);
        let event = item.map_err(|_| malformed("events", "it is not a list"))?;
        if events.len() == options.events_max {
            return Err(unusable(format!(
                "it has more than {} events: raise `VerifyOptions::events_max`",
                options.events_max
            )));
        }
        let event = strict(event, &place)?;
        events.push(typed(&event, &place)?);
        shown.push(shown_digest_of(&event));
    }
    Ok((events, shown))
}

fn take_small<T: DeserializeOwned + Serialize>(
    members: &mut Members<'_>,
    name: &str,
) -> Result<T, VerifyError> {
    if members.get(name).is_some_and(|member| member.len() > SMALL_MAX) {
        return Err(malformed(name, "it is too long"));
    }
    take(members, name)
}

fn take<T: DeserializeOwned + Serialize>(
    members: &mut Members<'_>,
    name: &str,
) -> Result<T, VerifyError> {
    let member = members.remove(name).ok_or_else(|| missing(name))?;
    // We read it straight into its type first, which refuses another form before anything is built.
    serde_json::from_str::<T>(member)
        .map_err(|_| malformed(name, "it does not have the form of the schema"))?;
    typed(&strict(member, name)?, name)
}

fn strict(part: &str, place: &str) -> Result<Value, VerifyError> {
    json::parse(part).map_err(|error| unusable(format!("{error} of {}", printable(place))))
}

/// Reads a part, and refuses any other way to write it, such as a UUID in capitals.
fn typed<T: DeserializeOwned + Serialize>(part: &Value, place: &str) -> Result<T, VerifyError> {
    let what = "it does not have the form of the schema";
    let read = T::deserialize(part).map_err(|_| malformed(place, what))?;
    if json::is_written_as(&read, part) { Ok(read) } else { Err(malformed(place, what)) }
}

fn missing(name: &str) -> VerifyError {
    malformed(name, "it is missing")
}

fn malformed(place: &str, what: &'static str) -> VerifyError {
    VerifyError::Malformed { place: place.to_owned(), what }
}

fn unusable(reason: String) -> VerifyError {
    VerifyError::Unusable { reason }
}
