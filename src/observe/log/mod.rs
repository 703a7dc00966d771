//! Log lines: one JSON object in each, with personal data masked.

mod fields;
mod json;
mod layer;
mod limits;
mod line;
mod lost;
mod non_blocking;
mod plan;
mod scratch;
mod stamp;
mod visit;

pub use self::layer::JsonLayer;
pub use self::lost::LostLines;
#[cfg(feature = "recorder")]
pub(crate) use self::lost::lost_lines;
pub use self::non_blocking::{LogGuard, NonBlocking};

/// Most bytes of a value that are read. The rest is neither masked nor written.
const RAW_MAX: usize = 64 * 1024;
/// Most bytes of a field's name.
const NAME_MAX: usize = 256;
