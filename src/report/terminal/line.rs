//! Lines of text: their looks, their widths, and where they break.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// From this width on, what belongs together stands side by side.
pub(super) const WIDE: usize = 60;

/// How a piece of a line is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Look {
    Bad,
    Faint,
    Good,
    #[default]
    Plain,
    Strong,
    Title,
    Warning,
}

/// Text of one look. It holds no line break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) look: Look,
    pub(super) text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<Piece>);

impl Look {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Bad => Some("31"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Title => Some("1;36"),
            Self::Warning => Some("33"),
        }
    }
}

impl Piece {
    pub(super) fn new(look: Look, text: impl Into<String>) -> Self {
        Self { look, text: text.into() }
    }
}

impl Line {
    pub(super) fn of(piece: Piece) -> Self {
        Self(vec![piece])
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|piece| piece.text.width()).sum()
    }

    pub(super) fn push(&mut self, piece: Piece) {
        match self.0.last_mut() {
            Some(last) if last.look == piece.look => last.text.push_str(&piece.text),
            _ => self.0.push(piece),
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        other.0.into_iter().for_each(|piece| self.push(piece));
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.text.trim().is_empty())
    }

    /// Writes the line, without blanks at its end.
    pub(super) fn write(self, to: &mut String, colours: bool) {
        let start = to.len();
        for Piece { look, text } in self.0 {
            match look.code().filter(|_| colours && !text.trim().is_empty()) {
                Some(code) => to.extend(["\u{1b}[", code, "m", &text, "\u{1b}[0m"]),
                None => to.push_str(&text),
            }
        }
        to.truncate(start + to[start..].trim_end_matches(' ').len());
        to.push('\n');
    }
}

/// Lays lines out behind `first`, and those that follow it behind as much space. Where there is no room for that, they
/// stand below it.
pub(super) fn hung(first: Piece, width: usize, lay: impl FnOnce(usize) -> Vec<Line>) -> Vec<Line> {
    let columns = first.text.width();
    if columns + 2 > width {
        let mut lines = wrapped(&[first], width);
        lines.extend(lay(width));
        return lines;
    }
    let space = Piece::new(Look::Plain, " ".repeat(columns));
    let mut lines = lay(width - columns);
    if lines.is_empty() {
        lines.push(Line::default());
    }
    let befores = std::iter::once(first).chain(std::iter::repeat(space));
    befores.zip(lines).map(|(before, line)| beside(before, line)).collect()
}

/// Lays lines out behind the same. Where there is no room for that, it is left out.
pub(super) fn behind(
    before: &str,
    width: usize,
    lay: impl FnOnce(usize) -> Vec<Line>,
) -> Vec<Line> {
    let columns = before.width();
    if columns + 2 > width {
        return lay(width);
    }
    let before = Piece::new(Look::Faint, before);
    lay(width - columns).into_iter().map(|line| beside(before.clone(), line)).collect()
}

fn beside(before: Piece, line: Line) -> Line {
    let mut whole = Line::of(before);
    whole.extend(line);
    whole
}

/// Without two empty lines in a row, and without one at the beginning or the end.
pub(super) fn spaced(lines: Vec<Line>) -> Vec<Line> {
    let mut spaced: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        if !line.is_empty() || spaced.last().is_some_and(|before| !before.is_empty()) {
            spaced.push(line);
        }
    }
    while spaced.last().is_some_and(Line::is_empty) {
        spaced.pop();
    }
    spaced
}

/// Breaks text into lines of at most `width` columns: at its own line breaks, else at spaces, and in a word only if that is
/// longer than a line. A width below two counts as two.
pub(super) fn wrapped(pieces: &[Piece], width: usize) -> Vec<Line> {
    let mut wrap = Wrap { width: width.max(2), ..Wrap::default() };
    for piece in pieces {
        for c in piece.text.chars() {
            wrap.add(piece.look, c);
        }
    }
    wrap.end_word();
    if wrap.line.0.is_empty() {
        return wrap.lines;
    }
    wrap.end_line();
    wrap.lines
}

#[derive(Default)]
struct Wrap {
    width: usize,
    lines: Vec<Line>,
    line: Line,
    line_width: usize,
    /// The spaces before the word; they are dropped if it begins a line.
    space: usize,
    word: Line,
    word_width: usize,
}

impl Wrap {
    fn add(&mut self, look: Look, c: char) {
        match c {
            '\n' => {
                self.end_word();
                self.end_line();
            }
            ' ' | '\t' => {
                self.end_word();
                self.space += 1;
            }
            c => {
                let wide = c.width().unwrap_or(0);
                if self.word_width + wide > self.width {
                    self.end_word();
                }
                self.word.push(Piece::new(look, c));
                self.word_width += wide;
            }
        }
    }

    fn end_word(&mut self) {
        if self.word.0.is_empty() {
            return;
        }
        if self.line_width > 0 && self.line_width + self.space + self.word_width > self.width {
            self.end_line();
        }
        if self.line_width > 0 {
            self.line.push(Piece::new(Look::Plain, " ".repeat(self.space)));
            self.line_width += self.space;
        }
        self.line.extend(std::mem::take(&mut self.word));
        self.line_width += self.word_width;
        (self.space, self.word_width) = (0, 0);
    }

    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
        (self.line_width, self.space) = (0, 0);
    }
}
