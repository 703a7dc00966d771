//! Exact numbers, so that equal scores are equal.

use std::ops::{Add, Mul, Sub};

use serde::{Serialize, Serializer};

/// A number in whole millionths. Sums saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact(i128);

const ONE: i128 = 1_000_000;

impl Exact {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// The smallest step.
    pub const STEP: Self = Self(1);

    /// A whole number.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        // 64 bits times a million fit into 128.
        Self(number as i128 * ONE)
    }

    /// A number of millionths.
    #[must_use]
    pub const fn millionths(number: i64) -> Self {
        Self(number as i128)
    }

    /// A number of thousandths.
    #[must_use]
    pub const fn thousandths(number: i64) -> Self {
        Self(number as i128 * (ONE / 1_000))
    }

    /// Reads a recorded number to a millionth, halves away from zero.
    #[must_use]
    pub fn read(number: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "a number out of range saturates")]
        Self((number * 1e6).round() as i128)
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a score has far fewer than 15 digits")]
        let number = self.0 as f64;
        number / 1e6
    }

    /// The half of it, rounded down.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0.div_euclid(2))
    }

    /// The nearest whole number, halves up.
    #[must_use]
    pub const fn rounded(self) -> Self {
        Self(self.0.saturating_add(ONE / 2)).floor()
    }

    /// The largest whole number that is not above it.
    #[must_use]
    pub const fn floor(self) -> Self {
        Self(self.0.div_euclid(ONE).saturating_mul(ONE))
    }

    /// It, divided by a whole number and rounded down. By zero, it is zero.
    #[must_use]
    pub const fn divided_by(self, number: i64) -> Self {
        match self.0.checked_div_euclid(number as i128) {
            Some(quotient) => Self(quotient),
            None => Self::ZERO,
        }
    }
}

impl Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Exact {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<i64> for Exact {
    type Output = Self;

    fn mul(self, number: i64) -> Self {
        Self(self.0.saturating_mul(i128::from(number)))
    }
}

impl std::iter::Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

crate::json::schema_of!(Exact, { "type": "number" });

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::json::number(&self.to_f64(), serializer)
    }
}
