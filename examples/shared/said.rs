//! Prints errors.

use std::error::Error;

/// An error and its causes, outermost first. A cause that the error names in its own text is not repeated.
pub(crate) fn all_of(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.map(ToString::to_string).fold(error.to_string(), |said, cause| {
        if said.contains(&cause) { said } else { format!("{said}: {cause}") }
    })
}
