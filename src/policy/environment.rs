//! Switches that a process's environment engages.
//!
//! They are looked at before the database is asked, because they must also hold while the database is away.

use crate::event::Switch;

/// The variables, and the switches that they are about. They say what is on.
const VARIABLES: [(&str, Switch); 3] = [
    ("FEATURE_AI_CONCIERGE", Switch::AI),
    ("FEATURE_OCR", Switch::OCR),
    ("FEATURE_CALLING", Switch::CALLING),
];

/// How the environment sets a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// It is engaged, and the database is overruled.
    Engaged,
    /// Its value is unknown, so it is engaged too.
    Unreadable,
    /// The database decides.
    NotEngaged,
}

/// The settings as they were when the auditor was built.
#[derive(Clone, Debug)]
pub(crate) struct Environment([Setting; 3]);

impl Environment {
    /// Reads the variables; `read` gives `None` where one is not set.
    pub(crate) fn read(read: impl Fn(&str) -> Option<String>) -> Self {
        Self(
            VARIABLES
                .map(|(name, _)| read(name).map_or(Setting::NotEngaged, |text| setting(&text))),
        )
    }

    /// What it says of a switch.
    pub(crate) fn of(&self, switch: &Switch) -> Setting {
        let place = VARIABLES.iter().position(|(_, known)| known == switch);
        place.map_or(Setting::NotEngaged, |place| self.0[place])
    }

    /// The switches that it engages, each with its variable.
    pub(crate) fn engaged(&self) -> impl Iterator<Item = (&'static str, Switch)> {
        let variables = VARIABLES.into_iter().zip(self.0);
        variables
            .filter(|(_, setting)| *setting != Setting::NotEngaged)
            .map(|(variable, _)| variable)
    }
}

fn setting(text: &str) -> Setting {
    match text.trim().to_ascii_lowercase().as_str() {
        "false" | "0" | "off" | "no" => Setting::Engaged,
        "true" | "1" | "on" | "yes" => Setting::NotEngaged,
        _ => Setting::Unreadable,
    }
}
