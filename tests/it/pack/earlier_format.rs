//! Packs and databases from before format v1 was frozen are refused by name, and not called tampered with.

use moltbot_audit::pack::{VerifyError, verify_request_pack};

#[test]
fn a_pack_from_before_the_freeze_is_refused_by_name() {
    let pack = include_bytes!("../../packs/before_the_freeze.json");
    let error = verify_request_pack(pack).expect_err("no release reads both forms");
    assert!(matches!(error, VerifyError::Unusable { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("moltbot-audit/request-pack/v1"), "{said}");
    assert!(said.contains("verify it with the release that exported it"), "{said}");
}
