//! Request packs: what they tell, what they hide, and that nothing about them can be changed.

mod admitted;
mod budgets;
mod causes;
mod closed_words;
mod contradictions;
mod controls;
mod earlier_format;
mod effects;
mod explanation;
mod export;
mod forged_masks;
mod forgeries;
mod profile;
mod redaction;
mod schema;
mod scoring;
mod sections;
mod signatures;
mod standard_tools;
mod stops;
pub(crate) mod story;
mod tamper_pack;
mod tamper_store;
mod unsigned;
mod writers;

use moltbot_audit::RequestId;
use moltbot_audit::pack::{RequestPack, export_request_pack, verify_request_pack};
use moltbot_audit::redact::{Profile, RedactionKey};
use moltbot_audit::store::AuditStore;
use serde_json::Value;

const KEY: RedactionKey = RedactionKey::from_bytes([5; 32]);

pub(crate) async fn export(
    store: &dyn AuditStore,
    request: &RequestId,
    profile: &Profile,
) -> RequestPack {
    export_request_pack(store, request, profile).await.expect("the request is known")
}

/// Exports both packs, verified, as JSON.
pub(crate) async fn both_packs(store: &dyn AuditStore, request: &RequestId) -> [Value; 2] {
    let mut packs = [Value::Null, Value::Null];
    for (pack, profile) in packs.iter_mut().zip([Profile::internal(), Profile::external(&KEY)]) {
        let json = export(store, request, &profile).await.to_json_pretty();
        verify_request_pack(json.as_bytes()).expect("an untouched pack verifies");
        *pack = serde_json::from_str(&json).expect("a pack is JSON");
    }
    packs
}
