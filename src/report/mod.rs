//! A request's pack for people: as one HTML page, and as a text for a terminal.
//!
//! The page is one file without a network, a framework or a font of its own. It holds the pack too, and its Verify
//! button computes every hash again in the browser, offline, by a second implementation of the format (`script/`).
//! Without JavaScript all but that button and the search works.
//!
//! The templates are [maud](https://maud.lambda.xyz)'s: Rust functions whose HTML is checked when it is compiled. It
//! escapes every value unless it is called `PreEscaped`, which only `document.rs` does, with what we wrote or escaped
//! ourselves. It adds two crates of its own to a build; askama parses templates of another syntax with ten, and
//! minijinja finds a misspelt name only when a page is made.
//!
//! The page says only what the pack's sections say, and its first verdict is that of the library's verifier over the
//! very bytes that it embeds.

mod document;
mod page;
mod script;
mod terminal;
mod text;
mod words;

pub use self::terminal::Terminal;

use crate::event::Language;
use crate::pack::RequestPack;

/// The page of a pack, in one language, as one self-contained HTML file.
///
/// ```
/// # fn host(pack: &moltbot_audit::pack::RequestPack) -> std::io::Result<()> {
/// use moltbot_audit::event::Language;
///
/// std::fs::write("report.html", moltbot_audit::report::render(pack, Language::Fr))?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn render(pack: &RequestPack, language: Language) -> String {
    document::whole(&page::Page::of(pack, language))
}

/// The story of a pack, in one language, as lines for a terminal: what the [page](render) says, in its words and its order,
/// without the button and the raw events.
///
/// ```
/// # fn host(pack: &moltbot_audit::pack::RequestPack) {
/// use moltbot_audit::event::Language;
/// use moltbot_audit::report::{Terminal, story};
///
/// print!("{}", story(pack, Language::En, &Terminal { width: 100, ..Terminal::default() }));
/// # }
/// ```
#[must_use]
pub fn story(pack: &RequestPack, language: Language, terminal: &Terminal) -> String {
    terminal::laid_out(&document::story(&page::Page::of(pack, language)), terminal)
}
