//! Ids of the host's rows: what a host may name them, and what those names become.

use moltbot_audit::event::HostIdFault;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::{ConversationId, EventError, RequestId};
use serde_json::Value;
use uuid::Uuid;

use crate::support::records::{KEY, named_conversation, named_request};

const UUID: &str = "7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11";

fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/v1/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON")
}

fn fault_of(name: &str) -> Option<HostIdFault> {
    let fault = |kind, error| match error {
        EventError::MalformedHostId { kind: named, fault } if named == kind => fault,
        other => panic!("{other:?}"),
    };
    let of_request = KEY.request_id(name).err().map(|error| fault("request", error));
    let of_conversation = KEY.conversation_id(name).err().map(|e| fault("conversation", e));
    assert_eq!(of_request, of_conversation, "{name:?}");
    of_request
}

#[test]
fn ids_of_names_are_those_of_the_vectors() {
    let cases = vectors("host_id");
    let cases = cases.as_array().expect("a list");
    assert!(cases.len() >= 20);
    for case in cases {
        let text = |name: &str| case[name].as_str().expect("text");
        let key = RedactionKey::from_hex(text("key")).expect("a key");
        let (uuid, original) = if text("kind") == "request" {
            let id = key.request_id(text("name")).expect("a name");
            (id.uuid(), id.original().map(str::to_owned))
        } else {
            let id = key.conversation_id(text("name")).expect("a name");
            (id.uuid(), id.original().map(str::to_owned))
        };
        assert_eq!(
            (uuid.to_string().as_str(), original.as_deref()),
            (text("id"), Some(text("name")))
        );
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, uuid::Variant::RFC4122));
    }
}

#[test]
fn an_id_of_a_name_is_nothing_without_the_key() {
    let name = "+250788123456";
    let other = RedactionKey::from_bytes([8; 32]);
    assert_ne!(named_request(name), other.request_id(name).unwrap());
    assert_ne!(named_request(name).uuid(), named_conversation(name).uuid());
}

#[test]
fn a_uuid_is_itself_in_each_of_its_written_forms() {
    let uuid = Uuid::parse_str(UUID).unwrap();
    let simple = UUID.replace('-', "");
    for form in [
        UUID.to_owned(),
        UUID.to_uppercase(),
        simple.clone(),
        simple.to_uppercase(),
        format!("{{{UUID}}}"),
        format!("{{{simple}}}"),
        format!("({UUID})"),
        format!("\"{UUID}\""),
        format!("urn:uuid:{UUID}"),
        format!("URN:UUID:{UUID}"),
        format!("urn:uuid:{{{UUID}}}"),
        format!("{{urn:uuid:{UUID}}}"),
        format!("uuid:{simple}"),
    ] {
        assert_eq!(KEY.request_id(&form), RequestId::from_uuid(uuid), "{form}");
        assert_eq!(KEY.conversation_id(&form), ConversationId::from_uuid(uuid), "{form}");
        assert_eq!(named_request(&form).original(), None, "{form}");
    }
}

#[test]
fn what_strangers_would_share_is_refused() {
    let cases = vectors("refused_host_id");
    let mut count = 0;
    for (fault, names) in cases.as_object().expect("lists") {
        for name in names.as_array().expect("a list") {
            let name = name.as_str().expect("text").replace("${257 times x}", &"x".repeat(257));
            let expected = match fault.as_str() {
                "blank" => HostIdFault::Blank,
                "untrimmed" => HostIdFault::Untrimmed,
                "invisible" => HostIdFault::Invisible,
                "too_long" => HostIdFault::TooLong,
                "missing" => HostIdFault::Missing,
                "template" => HostIdFault::Template,
                "zero" => HostIdFault::Zero,
                "nil_uuid" => HostIdFault::NilUuid,
                "max_uuid" => HostIdFault::MaxUuid,
                other => panic!("{other}"),
            };
            assert_eq!(fault_of(&name), Some(expected), "{name:?}");
            count += 1;
        }
    }
    assert!(count > 100);
    for uuid in [Uuid::nil(), Uuid::max()] {
        assert!(RequestId::from_uuid(uuid).is_err() && ConversationId::from_uuid(uuid).is_err());
    }
}

#[test]
fn names_that_hosts_do_use_are_taken() {
    for name in [
        "1",
        "7",
        "42",
        "10",
        "-7",
        "req-7",
        "req_007",
        "fallback",
        "conv_001",
        "test",
        "a",
        "r",
        "250788123456",
        "+250 788 123 456",
        "250788123456@s.whatsapp.net",
        "tenant/7/request/9",
        "wamid.HBgLMjUwNzg4MTIzNDU2FQIAEhg=",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "V1StGXR8_Z5jdHi6B-myT",
        "V1StGXR8_Z5jdHi6B-NaN",
        "annulled-3",
        "nullable",
        "Nile-7",
        "noneXt",
        "naNce",
        "idea",
        "request-7",
        "Béatrice Uwase",
        "ikiganiro-🙏",
        "<CAF=1@mail.example>",
        "100%",
        "100%sure",
        "50%-off",
        "a%20b",
        "pack:x",
        "2026-07-20T10:00:00Z",
        "5f8d0d55b54764421b7156d9",
        "sha256:ab12",
        "a[1]",
        "key=value",
        "C#-7",
        "x",
        "xxx",
        "100",
    ] {
        assert_eq!(fault_of(name), None, "{name:?}");
        assert_eq!(named_request(name).original(), Some(name));
    }
}

#[test]
fn two_texts_are_two_ids() {
    let ids: std::collections::HashSet<_> =
        ["req-7", "Req-7", "req_7", "req 7", "req-07", "req-7/", "réq-7", "re\u{301}q-7"]
            .map(named_request)
            .into();
    assert_eq!(ids.len(), 8);
}

#[test]
fn a_refusal_says_why_and_never_what() {
    let error = KEY.request_id(" +250788123456").unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("begins or ends with a blank"), "{said}");
    assert!(!said.contains("788"), "{said}");
    let error = KEY.conversation_id("req-{{phone}}").unwrap_err().to_string();
    assert!(error.starts_with("the id of the conversation is a template"), "{error}");
    assert!(!error.contains("phone"), "{error}");
}

#[test]
fn debug_of_a_host_id_does_not_show_the_name() {
    let id = named_request("+250788123456");
    assert_eq!(format!("{id:?}"), format!("RequestId({})", id.uuid()));
    assert!(!format!("{:?}", named_conversation("+250788123456")).contains("250788"));
}
