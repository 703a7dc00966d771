//! Colours, which are used only on a terminal, and its width.

use std::io::IsTerminal;

/// How a text is shown.
#[derive(Clone, Copy)]
pub(crate) enum Look {
    Bad,
    Faint,
    Good,
    Strong,
    Warn,
}

/// Puts colours around texts, or leaves them as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// On if standard output is a terminal, and `NO_COLOR` is unset or empty (<https://no-color.org>).
    pub(crate) fn of_stdout() -> Self {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_on: std::io::stdout().is_terminal() && !is_refused }
    }

    pub(crate) fn is_on(self) -> bool {
        self.is_on
    }

    pub(crate) fn paint(self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Bad => 31,
            Look::Faint => 2,
            Look::Good => 32,
            Look::Strong => 1,
            Look::Warn => 33,
        };
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The columns of the terminal on standard output; 80 if it is none.
pub(crate) fn columns() -> usize {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(80, |(width, _)| usize::from(width.0).max(2))
}
