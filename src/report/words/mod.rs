//! What the page says in its own words, in three languages: a file each, and another for what its script says.

mod en;
mod fr;
pub(super) mod record;
mod rw;
mod vocabulary;

pub(super) use self::vocabulary::Words;
use crate::event::Language;

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::EN,
            Language::Fr => &fr::FR,
            Language::Rw => &rw::RW,
        }
    }
}

/// What the script says, as JSON: a text for each of its codes.
pub(super) fn messages(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../script/messages_en.json"),
        Language::Fr => include_str!("../script/messages_fr.json"),
        Language::Rw => include_str!("../script/messages_rw.json"),
    }
}
