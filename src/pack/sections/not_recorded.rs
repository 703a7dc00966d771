//! Sections that this version does not fill. Their types have no value yet, but their names are
//! fixed.

use serde::Serialize;

/// Declares types without a value.
macro_rules! not_recorded {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Serialize)]
        #[non_exhaustive]
        pub enum $name {}

        crate::json::schema_of!($name, { "not": {} });
    )*};
}

not_recorded! {
    /// What was erased, and on whose behalf.
    Erasures;
}
