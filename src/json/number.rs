//! Numbers as canonical JSON writes them: 105, not 105.0.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

/// The largest integer that a double can tell from its neighbours.
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

/// Serializes doubles as events hold them: whole numbers as integers.
pub(crate) fn number<N: Doubles, S: Serializer>(
    number: &N,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    number.serialize_plainly(serializer)
}

/// A value whose numbers are doubles.
pub(crate) trait Doubles {
    fn serialize_plainly<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

impl Doubles for f64 {
    fn serialize_plainly<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.fract() == 0.0 && self.abs() <= SAFE_MAX {
            #[allow(clippy::cast_possible_truncation, reason = "it is an integer below 2^53")]
            serializer.serialize_i64(*self as i64)
        } else {
            serializer.serialize_f64(*self)
        }
    }
}

impl Doubles for Option<f64> {
    fn serialize_plainly<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(number) => number.serialize_plainly(serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl Doubles for BTreeMap<String, Option<f64>> {
    fn serialize_plainly<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, number)| (name, Plain(*number))))
    }
}

struct Plain(Option<f64>);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_plainly(serializer)
    }
}
