//! Whatever was accepted can be read, drained, exported and verified.

mod effects;
mod generator;
mod jsonb;
mod parser;
mod random;
mod reserved_names;

use moltbot_audit::RequestId;
use moltbot_audit::pack::{RequestPack, export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;

use crate::support::records::KEY;

/// So many are written and drained together.
const CHUNK: u64 = 40;

/// How many random trails each test makes, and of which seed.
fn settings() -> (u64, u64) {
    let setting = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect(name));
    let count = setting("MOLTBOT_AUDIT_TRAILS").unwrap_or(CHUNK);
    (count, setting("MOLTBOT_AUDIT_SEED").unwrap_or(1))
}

/// Exports a request for both readers; each pack verifies.
async fn verified_packs(store: &dyn AuditStore, request: &RequestId) -> [RequestPack; 2] {
    let mut packs = Vec::new();
    for profile in [Profile::internal(), Profile::external(&KEY)] {
        let pack = export_request_pack(store, request, &profile).await.expect("it is exported");
        let json = pack.to_json_pretty();
        let verified = verify_request_pack(json.as_bytes());
        verified.unwrap_or_else(|error| panic!("{}: {error}", profile.name()));
        packs.push(pack);
    }
    packs.try_into().expect("two packs")
}
