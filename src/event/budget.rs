//! The names of budgets and of kill switches.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::EventError;

/// Longest name, in bytes. It is a column and a metric label.
const NAME_MAX: usize = 40;

/// Declares a name that is open, well-formed, and written as its text.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal {
        $($(#[$cdoc:meta])* $constant:ident = $text:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Cow<'static, str>);

        impl $name {
            $($(#[$cdoc])* pub const $constant: Self = Self(Cow::Borrowed($text));)*

            /// Checks a name of the host's own.
            ///
            /// # Errors
            /// [`EventError::MalformedName`] if it is not `snake_case`.
            pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, EventError> {
                let name = name.into();
                if is_name(&name) {
                    Ok(Self(name))
                } else {
                    Err(EventError::MalformedName { what: $what })
                }
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// A resource of which a request or a day may use only so much.
    ///
    /// ```
    /// use moltbot_audit::Budget;
    /// assert_eq!(Budget::new("sms").unwrap().as_str(), "sms");
    /// assert!(Budget::new("SMS messages").is_err());
    /// ```
    Budget, "budget" {
        /// Calls to Moltbot.
        MOLTBOT_CALLS = "moltbot_calls";
        /// Photos that are read.
        OCR_JOBS = "ocr_jobs";
        /// Batches of vendors that are messaged.
        VENDOR_BATCHES = "vendor_batches";
        /// Vendors that are messaged, over all batches.
        VENDORS = "vendors";
        /// Tokens, read and written.
        TOKENS = "tokens";
        /// Money, in millionths of a US dollar.
        COST_MICROUSD = "cost_microusd";
    }
}

name! {
    /// A kill switch. While it is engaged, no effect that it governs is admitted.
    ///
    /// A switch that was never reset is engaged.
    Switch, "switch" {
        /// The AI concierge: Moltbot, and what it plans.
        AI = "ai";
        /// Calls.
        CALLING = "calling";
        /// Reading photos.
        OCR = "ocr";
    }
}

#[cfg(feature = "recorder")]
impl Switch {
    /// Prefix of the names of self-test switches, which a host may reset without an operator.
    pub(crate) const SELF_TEST_PREFIX: &str = "self_test_";
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        // It stands in the open: no phone number may hide in it.
        && name.bytes().filter(u8::is_ascii_digit).count() <= 4
}
