//! What an example says of an error.

use std::error::Error;

/// An error and what caused it, outermost first. What an error has in its own text is not said again.
pub(crate) fn all_of(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.map(ToString::to_string).fold(error.to_string(), |said, cause| {
        if said.contains(&cause) { said } else { format!("{said}: {cause}") }
    })
}
