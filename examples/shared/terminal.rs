//! Colours, which are used only on a terminal.

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
