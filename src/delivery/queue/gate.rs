//! Whether the database is taken to be there.

use crate::store::log_line::log_line;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// Open while the database answers. Shut by whoever got no answer, opened by a drain that did.
#[derive(Debug, Default)]
pub(super) struct Gate {
    is_shut: AtomicBool,
}

impl Gate {
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }

    /// Everything goes to the spool from now on.
    pub(super) fn shut(&self, why: &(dyn Error + 'static)) {
        if !self.is_shut.swap(true, Ordering::SeqCst) {
            let why = chain(why);
            log_line!(warn, why, "the database does not take events: they go to the spool");
        }
    }

    /// The database is tried again.
    pub(super) fn open(&self) {
        if self.is_shut.swap(false, Ordering::SeqCst) {
            log_line!(info, "the database takes events again");
        }
    }
}

/// An error and its causes, outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |said, cause| {
        let cause = cause.to_string();
        // Most errors name their cause in their own text.
        if said.ends_with(&cause) { said } else { format!("{said}: {cause}") }
    })
}
