//! The story in a terminal: the page's own parts, laid out in lines of text.
//!
//! Page and story share one form, the markup that `page/` makes. It says what is a heading, a message, a bar or a value,
//! so the words, the facts and their order are written once. What a style sheet does for a browser, `layout.rs` does here.
//! The markup is ours and well-formed, so `markup.rs` reads it with a few lines.
//!
//! Values come from strangers. No character of theirs reaches the terminal that could do more than stand there: control
//! characters become their pictures, and those without a glyph, or that turn the direction of text, their numbers. The only
//! escape sequences are the colours that `line.rs` writes.

mod inline;
mod layout;
mod line;
mod markup;
mod shape;

use maud::Markup;

use self::layout::Layout;

/// How the terminal shows a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether escape sequences for colours are written. Nothing is said by a colour alone. Default: false.
    pub colours: bool,
    /// Whether the data of the AI's calls and answers and of photos is shown, and not only that it is there. Default: false.
    pub unfolded: bool,
    /// How many columns a line has at most, at least two. Default: 80.
    pub width: usize,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { colours: false, unfolded: false, width: 80 }
    }
}

/// Lays parts of the page out.
pub(super) fn laid_out(markup: &Markup, terminal: &Terminal) -> String {
    let layout = Layout { unfolded: terminal.unfolded };
    // A wide character takes two columns.
    let lines = layout.blocks(&markup::parsed(&markup.0), terminal.width.max(2));
    let mut text = String::new();
    for line in line::spaced(lines) {
        line.write(&mut text, terminal.colours);
    }
    text
}
