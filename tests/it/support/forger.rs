//! A forger who knows the format: edits a pack, and computes again whatever a pack says of itself.

use moltbot_audit::pack::sections::Sections;
use moltbot_audit::pack::{
    PackEvent, SetAsideEvent, VerifiedPack, VerifyError, verify_request_pack,
};
use moltbot_audit::proof::{
    Digest, Salt, ValueKind, array_digest, chain_hash, commit_nothing, commitment, event_hash,
    leaf_digest, member_digest, object_digest, push_pointer, stream_start, tagged_digest,
};
use serde_json::{Map, Value, json};

/// The committed parts of an event, in the order they are hashed.
pub(crate) const PARTS: [&str; 4] = ["input", "output", "idempotency_key", "host_ids"];

/// What the forger leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// Commitments, event hashes and chain: nothing but the file is needed.
    Untouched,
    /// Nothing: what a database's owner can do, too.
    Rebuilt,
}

#[derive(Clone)]
pub(crate) struct Forger {
    pub(crate) pack: Value,
}

impl Forger {
    pub(crate) fn of(pack: &Value) -> Self {
        Self { pack: pack.clone() }
    }

    /// The place in the list of the first event of a type.
    #[track_caller]
    pub(crate) fn first(&self, event_type: &str) -> usize {
        let events = self.pack["events"].as_array().expect("a list");
        let found = events.iter().position(|event| event["header"]["event_type"] == event_type);
        found.unwrap_or_else(|| panic!("there is no {event_type}"))
    }

    /// Calls what stands at a pointer hidden: its digest follows from the salts that were shown.
    #[track_caller]
    pub(crate) fn hide(&mut self, event: usize, pointer: &str, rule: &str, masked: Value) {
        let part = pointer.split('/').nth(1).expect("a part");
        let view = &mut self.pack["events"][event][part];
        let root = format!("/{part}");
        let below = pointer.strip_prefix(&root).expect("below its root").to_owned();
        let value = view["value"].pointer(&below).expect("something stands there").clone();
        let (digest, kind) =
            (digest(&value, &mut pointer.to_owned(), view), kind(&value, pointer, view));
        let is_at = |other: &str| {
            other.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for proofs in ["salts", "hidden"] {
            view[proofs].as_object_mut().expect("an object").retain(|other, _| !is_at(other));
        }
        view["hidden"][pointer] = json!({ "digest": digest, "kind": kind, "rule": rule });
        *view["value"].pointer_mut(&below).expect("something stands there") = masked;
    }

    /// Changes what a writer said, and computes its commitment and hash again.
    pub(crate) fn rewrite_writer(&mut self, writer: usize, change: impl FnOnce(&mut Value)) {
        let event = &mut self.pack["writer_events"][writer];
        change(&mut event["input"]["value"]);
        event["input"]["commitment"] = json!(recommit("input", &event["input"]));
        let read: PackEvent = serde_json::from_value(event.clone()).expect("an event");
        let commitments = PARTS.map(|part| {
            serde_json::from_value::<Digest>(event[part]["commitment"].clone()).expect("a digest")
        });
        event["event_hash"] = json!(event_hash(&read.header.canonical(), commitments));
    }

    /// Sets an event aside.
    pub(crate) fn set_aside(&mut self, event: usize, reason: &str) {
        let event = self.pack["events"].as_array_mut().expect("a list").remove(event);
        let mut entry = Map::new();
        for name in ["seq", "recorded_at", "event_hash", "chain_hash"] {
            entry.insert(name.to_owned(), event[name].clone());
        }
        entry.insert("id".to_owned(), event["header"]["id"].clone());
        entry.insert("reason".to_owned(), reason.into());
        let list = self.pack["set_aside"].as_array_mut().expect("a list");
        list.push(entry.into());
        list.sort_by_key(|entry| entry["seq"].as_i64());
    }

    /// Computes again what follows from the edits, and asks the verifier.
    pub(crate) fn verify(self, chain: Chain) -> Result<VerifiedPack, VerifyError> {
        verify_request_pack(self.forged(chain).to_string().as_bytes())
    }

    /// The pack with what follows from the edits.
    pub(crate) fn forged(mut self, chain: Chain) -> Value {
        if chain == Chain::Rebuilt {
            self.rebuild();
        }
        self.resealed()
    }

    /// The pack with what follows from the edits, the chain untouched.
    pub(crate) fn resealed(mut self) -> Value {
        self.reseal();
        self.pack
    }

    /// Sections and digests over what is shown.
    fn reseal(&mut self) {
        let events: Result<Vec<PackEvent>, _> = serde_json::from_value(self.pack["events"].clone());
        let set_aside: Result<Vec<SetAsideEvent>, _> =
            serde_json::from_value(self.pack["set_aside"].clone());
        let writers: Result<Vec<PackEvent>, _> =
            serde_json::from_value(self.pack["writer_events"].clone());
        let flips: Result<Vec<PackEvent>, _> =
            serde_json::from_value(self.pack["switch_events"].clone());
        // What has no form of an event is refused before sections are looked at.
        if let (Ok(events), Ok(set_aside), Ok(writers), Ok(flips)) =
            (events, set_aside, writers, flips)
        {
            let sections = Sections::of(&events, &set_aside, &writers, &flips);
            let sections = serde_json::to_value(sections);
            let Ok(Value::Object(sections)) = sections else { panic!("sections are an object") };
            self.pack.as_object_mut().expect("an object").extend(sections);
        }
        let digests: Vec<_> = self.pack["events"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| tagged_digest("shown", event))
            .collect();
        self.pack["integrity"]["event_digests"] = json!(digests);
        for (part, name) in [
            ("profile", "profile_digest"),
            ("set_aside", "set_aside_digest"),
            ("writer_events", "writers_digest"),
            ("switch_events", "switches_digest"),
        ] {
            self.pack["integrity"][name] = json!(tagged_digest("shown", &self.pack[part]));
        }
    }

    /// Commitments, event hashes, chain and head.
    fn rebuild(&mut self) {
        let stream = self.pack["events"][0]["header"]["stream_id"].clone();
        let stream: uuid::Uuid = serde_json::from_value(stream).expect("an id");
        let mut chain = stream_start(*stream.as_bytes());
        let mut last = Value::Null;
        let events = self.pack["events"].as_array_mut().expect("a list");
        for (event, seq) in events.iter_mut().zip(1..) {
            event["seq"] = json!(seq);
            let mut commitments = [chain; 4];
            for (commitment, part) in commitments.iter_mut().zip(PARTS) {
                let view = &mut event[part];
                *commitment = recommit(part, view);
                view["commitment"] = json!(commitment);
            }
            let read: PackEvent = serde_json::from_value(event.clone()).expect("an event");
            let hash = event_hash(&read.header.canonical(), commitments);
            chain = chain_hash(chain, hash, seq, read.recorded_at);
            event["event_hash"] = json!(hash);
            event["chain_hash"] = json!(chain);
            last = json!({ "seq": seq, "at": event["recorded_at"], "first": last["first"] });
            if seq == 1 {
                last["first"] = event["recorded_at"].clone();
            }
        }
        self.pack["integrity"]["head"] = json!({
            "seq": last["seq"], "chain_hash": chain, "started_at": last["first"], "last_at": last["at"],
        });
    }
}

/// The commitment to a shown part, from the salts and digests of its view.
pub(crate) fn recommit(part: &str, view: &Value) -> Digest {
    let root = format!("/{part}");
    let value = &view["value"];
    let is_hidden = view["hidden"].as_object().is_some_and(|hidden| !hidden.is_empty());
    if value.is_null() && !is_hidden {
        return commit_nothing();
    }
    let digest = digest(value, &mut root.clone(), view);
    commitment(&root, kind(value, &root, view), digest)
}

fn kind(value: &Value, pointer: &str, view: &Value) -> ValueKind {
    let hidden = view["hidden"].get(pointer);
    let said = hidden.and_then(|hidden| serde_json::from_value(hidden["kind"].clone()).ok());
    said.unwrap_or_else(|| ValueKind::of(value))
}

/// The digest of a shown value, from the salts and digests of its view.
pub(crate) fn digest(value: &Value, pointer: &mut String, view: &Value) -> Digest {
    if let Some(hidden) = view["hidden"].get(&*pointer) {
        return serde_json::from_value(hidden["digest"].clone()).expect("a digest");
    }
    let at = pointer.len();
    let mut below = |token: &str, value: &Value| {
        push_pointer(pointer, token);
        let below = (kind(value, pointer, view), digest(value, pointer, view));
        pointer.truncate(at);
        below
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().enumerate();
            let children: Vec<_> =
                items.map(|(index, item)| below(&index.to_string(), item)).collect();
            array_digest(&children)
        }
        Value::Object(members) if !members.is_empty() => {
            let members = members.iter().map(|(name, member)| {
                let (kind, digest) = below(name, member);
                member_digest(name, kind, digest)
            });
            object_digest(&mut members.collect::<Vec<_>>())
        }
        leaf => {
            let salt: Result<Salt, _> = serde_json::from_value(view["salts"][&*pointer].clone());
            leaf_digest(leaf, salt.unwrap_or(Salt::from_bytes([0; 16])))
        }
    }
}
