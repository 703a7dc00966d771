//! The golden vectors of format v1, which an independent implementation computed. A test that fails
//! here says that the code no longer writes the format that is stored; the files are never changed.

use chrono::DateTime;
use moltbot_audit::event::{EventId, StreamId};
use moltbot_audit::json::parse;
use moltbot_audit::proof::{
    Digest, Salt, canonical, chain_hash, commit, leaf_salt, part_salt, sanitise, stream_start,
};
use moltbot_audit::record::{Commitments, Header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn vectors<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the vectors are readable")
}

#[derive(Deserialize)]
struct CanonicalCase {
    name: String,
    json: String,
    canonical: String,
}

#[test]
fn canonical_json_is_that_of_the_vectors() {
    let cases: Vec<CanonicalCase> = vectors(include_str!("../../vectors/v1/canonical.json"));
    assert!(cases.len() >= 10);
    for case in cases {
        let value: Value = serde_json::from_str(&case.json).unwrap();
        assert_eq!(canonical(&value), case.canonical, "{}", case.name);
    }
}

#[derive(Deserialize)]
struct SanitiseCase {
    name: String,
    json: String,
    canonical: String,
    commitment: Digest,
}

#[test]
fn what_is_kept_is_that_of_the_vectors() {
    let cases: Vec<SanitiseCase> = vectors(include_str!("../../vectors/v1/sanitise.json"));
    assert!(cases.len() >= 20);
    for case in cases {
        let kept = sanitise(parse(&case.json).unwrap());
        assert_eq!(canonical(&kept), case.canonical, "{}", case.name);
        let commitment = commit(&kept, SALT, "/input");
        assert_eq!(commitment, case.commitment, "{}", case.name);
        // As a reader has it, who knows the canonical form.
        let read = parse(&case.canonical).unwrap();
        assert_eq!(commit(&read, SALT, "/input"), commitment, "{}", case.name);
        assert_eq!(sanitise(read.clone()), read, "{}", case.name);
    }
}

/// The bytes 0 to 15, as the vectors have them.
const SALT: Salt = Salt::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

#[derive(Deserialize)]
struct NumberCase {
    is: String,
    number: String,
    canonical: String,
}

#[test]
fn numbers_are_kept_as_the_vectors_have_it() {
    let cases: Vec<NumberCase> = vectors(include_str!("../../vectors/v1/numbers.json"));
    assert!(cases.len() >= 20);
    for NumberCase { is, number, canonical: expected } in cases {
        let value: Value = match (is.as_str(), number.parse::<i64>(), number.parse::<u64>()) {
            ("integer", Ok(integer), _) => integer.into(),
            ("integer", _, Ok(integer)) => integer.into(),
            _ => number.parse::<f64>().unwrap().into(),
        };
        assert_eq!(canonical(&sanitise(value)), expected, "{is} {number}");
    }
}

#[derive(Deserialize)]
struct SaltCase {
    salt: Salt,
    pointer: String,
    derived: Salt,
}

#[test]
fn salts_are_derived_as_the_vectors_have_it() {
    let cases: Vec<SaltCase> = vectors(include_str!("../../vectors/v1/salt.json"));
    assert!(cases.len() >= 8);
    for case in cases {
        assert_eq!(part_salt(case.salt, &case.pointer), case.derived, "{}", case.pointer);
        assert_eq!(leaf_salt(case.salt, &case.pointer), case.derived, "{}", case.pointer);
    }
}

#[derive(Deserialize)]
struct CommitmentCase {
    salt: Salt,
    root: String,
    value: Value,
    commitment: Digest,
}

#[test]
fn commitments_are_those_of_the_vectors() {
    let cases: Vec<CommitmentCase> = vectors(include_str!("../../vectors/v1/commitment.json"));
    assert!(cases.len() >= 40);
    for case in cases {
        assert_eq!(commit(&case.value, case.salt, &case.root), case.commitment, "{}", case.value);
        // What the vectors commit to is what would be stored.
        assert_eq!(sanitise(case.value.clone()), case.value);
    }
}

#[derive(Deserialize)]
struct EventCase {
    header: Header,
    salt: Salt,
    parts: Parts,
    canonical_header: String,
    event_hash: Digest,
}

#[derive(Deserialize)]
struct Parts {
    input: Option<Value>,
    output: Option<Value>,
    idempotency_key: Option<String>,
    host_ids: Option<Value>,
}

#[test]
fn event_hashes_are_those_of_the_vectors() {
    let cases: Vec<EventCase> = vectors(include_str!("../../vectors/v1/event.json"));
    assert!(cases.len() >= 2);
    for EventCase { header, salt, parts, canonical_header, event_hash } in cases {
        let commitments = Commitments::to(
            salt,
            parts.input.as_ref(),
            parts.output.as_ref(),
            parts.idempotency_key.as_deref(),
            parts.host_ids.as_ref(),
        );
        assert_eq!(header.canonical(), canonical_header);
        assert_eq!(commitments.event_hash(&header), event_hash);
    }
}

#[derive(Deserialize)]
struct WriterCase {
    input_commitment: Digest,
    at_us: i64,
    event_id: EventId,
}

#[test]
fn a_writers_id_is_that_of_the_vectors() {
    let cases: Vec<WriterCase> = vectors(include_str!("../../vectors/v1/writer_event_id.json"));
    assert!(cases.len() >= 4);
    for case in cases {
        let at = DateTime::from_timestamp_micros(case.at_us).unwrap();
        let bits = case.input_commitment.as_bytes().first_chunk().copied().unwrap();
        assert_eq!(EventId::new(at, u64::from_be_bytes(bits)), Ok(case.event_id));
    }
}

#[derive(Deserialize)]
struct Chain {
    stream_id: StreamId,
    start: Digest,
    events: Vec<ChainLink>,
}

#[derive(Deserialize)]
struct ChainLink {
    event_hash: Digest,
    recorded_at_us: i64,
    chain_hash: Digest,
}

#[test]
fn the_chain_is_that_of_the_vectors() {
    let chain: Chain = vectors(include_str!("../../vectors/v1/chain.json"));
    let mut head = stream_start(*chain.stream_id.uuid().as_bytes());
    assert_eq!(head, chain.start);
    assert!(chain.events.len() >= 3);
    for (seq, link) in (1..).zip(chain.events) {
        let recorded_at = DateTime::from_timestamp_micros(link.recorded_at_us).unwrap();
        head = chain_hash(head, link.event_hash, seq, recorded_at);
        assert_eq!(head, link.chain_hash);
    }
}
