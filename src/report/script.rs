//! The page's script and style, and their digests for its Content-Security-Policy.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// In this order, because a later file uses what an earlier one defines.
pub(super) const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("script/canonical.js"),
    include_str!("script/digest.js"),
    include_str!("script/view.js"),
    include_str!("script/event.js"),
    include_str!("script/note.js"),
    include_str!("script/pack.js"),
    include_str!("script/page.js"),
);

pub(super) const STYLE: &str = include_str!("style.css");

/// Nothing is loaded, sent or framed; only this script and this style run.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let source = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        source(SCRIPT),
        source(STYLE)
    )
});

/// A pack as the page carries it: it is a third as long then, and no markup can begin in it. The same pack gives the same
/// text, because a gzip header without a time does not change.
pub(super) fn packed(json: &str) -> String {
    // The default level takes twice as long, for a tenth less.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(3));
    // Writing to memory does not fail.
    let packed = gzip.write_all(json.as_bytes()).and_then(|()| gzip.finish());
    STANDARD.encode(packed.unwrap_or_default())
}

/// JSON that cannot end the element that it stands in: `<` stands only in its texts, and is escaped there.
pub(super) fn embedded(json: &str) -> String {
    json.replace('<', "\\u003c")
}
