//! Profiles are data: what a host adds to one stands in the pack, and the rules are hashed into it.

use moltbot_audit::pack::verify_request_pack;
use moltbot_audit::redact::{FieldKind, Profile};
use moltbot_audit::testing::assert_no_personal_data;
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::{Value, json};

use super::{KEY, export, story};
use crate::support::stores;

/// A pack of one event, as JSON.
async fn pack(profile: &Profile) -> Value {
    let fresh = stores::sqlite().await;
    let teller = story::Teller::new(fresh.store.clone());
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client);
    let input = json!({
        "message_type": "text", "zone": "kigali-2", "rider": { "phone": "0788123456" },
        "wa_id": 447_946_095_812_u64, "from_number": "447946095812",
        "to": "447946095812", "author": 447_946_095_812_u64, "user_id": "20261124",
    });
    teller.tell(event.input(input)).await;
    let json = export(&*fresh.store, &teller.request, profile).await.to_json_pretty();
    drop(fresh.keep);
    verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
    serde_json::from_str(&json).expect("a pack is JSON")
}

fn input(pack: &Value) -> &Value {
    &pack["events"][0]["input"]["value"]
}

fn fault(mut pack: Value, change: impl FnOnce(&mut Value)) -> String {
    change(&mut pack);
    let digest = moltbot_audit::proof::tagged_digest("shown", &pack["profile"]);
    pack["integrity"]["profile_digest"] = json!(digest);
    verify_request_pack(pack.to_string().as_bytes()).expect_err("it was changed").to_string()
}

#[tokio::test]
async fn a_host_hides_more_and_shows_more_only_by_a_dangerous_name() {
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let plain = pack(&profile).await;
        let hidden = pack(&profile.clone().hide("message_type")).await;
        assert_eq!(input(&plain)["message_type"], "text");
        assert_eq!(input(&hidden)["message_type"], "[hidden]");
        assert_eq!(hidden["profile"]["additions"]["hidden"], json!(["message_type"]));
    }
    let external = Profile::external(&KEY);
    assert_eq!(input(&pack(&external).await)["zone"], "[hidden]");
    let open = external.danger_show("zone", FieldKind::Open);
    assert_eq!(input(&pack(&open).await)["zone"], "[hidden]");
    let shown = open.list_words("zone", ["kigali-2"]);
    assert_eq!(input(&pack(&shown).await)["zone"], "kigali-2");
    assert_eq!(input(&pack(&shown.hide("zone")).await)["zone"], "[hidden]");
}

#[tokio::test]
async fn a_shown_field_still_shows_no_number() {
    let profile = Profile::external(&KEY)
        .danger_show("rider", FieldKind::Container)
        .danger_show("phone", FieldKind::Open)
        .danger_show("wa_id", FieldKind::Open);
    let pack = pack(&profile).await;
    assert_eq!(input(&pack)["rider"]["phone"], "[hidden]");
    assert_eq!(input(&pack)["wa_id"], "[hidden]");
    assert_no_personal_data(&input(&pack).to_string());
}

#[tokio::test]
async fn numbers_of_the_world_are_known_by_their_field_in_an_internal_pack_too() {
    let pack = pack(&Profile::internal()).await;
    assert_eq!(input(&pack)["from_number"], "***812");
    // Names that hold other things too: digits alone, and nothing like a date.
    assert_eq!(input(&pack)["to"], "***812");
    assert_eq!(input(&pack)["author"], "[hidden]");
    assert_eq!(input(&pack)["user_id"], "20261124");
    assert!(!pack.to_string().contains("447946095812"));
}

#[tokio::test]
async fn other_rules_than_the_verifiers_own_are_noticed() {
    let pack = pack(&Profile::external(&KEY).hide("zone")).await;
    let said = fault(pack.clone(), |pack| {
        pack["profile"]["rules_digest"] = pack["integrity"]["profile_digest"].clone();
    });
    assert!(said.starts_with("profile: "), "{said}");
    let said = fault(pack.clone(), |pack| pack["profile"]["version"] = json!(1));
    assert!(said.contains("profile has version 1"), "{said}");
    // Hidden by a rule that no addition is there for.
    let said = fault(pack, |pack| pack["profile"]["additions"]["hidden"] = json!([]));
    assert!(said.contains("/input/zone"), "{said}");
}
