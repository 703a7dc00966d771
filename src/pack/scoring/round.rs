//! What goes into a rule, and what comes out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::exact::Exact;

/// What is recorded of one factor of one vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fact {
    /// The record says that there is none, such as a reply without a price.
    Absent,
    /// A number.
    Number(Exact),
    /// The record does not say, or hides it. The recorded points of the factor are taken as they are.
    #[default]
    Unknown,
    /// A word.
    Word(String),
}

impl Fact {
    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<Exact> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// One vendor that a rule compares with others. A vendor that replied twice is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entrant {
    /// The vendor, as the events show it.
    pub vendor_id: String,
    /// What is recorded, by factor.
    pub facts: BTreeMap<Cow<'static, str>, Fact>,
    /// The recorded points, by factor.
    pub points: BTreeMap<Cow<'static, str>, Exact>,
    /// What the host's parser noticed in its reply.
    pub warnings: Vec<String>,
    /// How many seconds after the first reply its own came, if that is known.
    pub after_first: Option<Exact>,
    /// The recorded order, in a pack that shows pseudonyms instead of vendors' ids. A rule whose last tie-break is the
    /// vendor's id compares this first.
    pub recorded_order: Option<usize>,
}

impl Entrant {
    /// What decides if nothing else does: the lower is first.
    #[must_use]
    pub fn last_tie_break(&self) -> (Option<usize>, &str) {
        (self.recorded_order, &self.vendor_id)
    }

    /// What is recorded of a factor.
    #[must_use]
    pub fn fact(&self, factor: &str) -> &Fact {
        self.facts.get(factor).unwrap_or(&Fact::Unknown)
    }
}

/// Vendors that a rule compares, in the order in which they replied, or were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The client's budget, in whole Rwandan francs.
    pub budget_max: Option<Exact>,
    /// How many it may list; the rule's own number if the record does not say.
    pub places: Option<usize>,
    /// The place in `entrants` of the reply that came first.
    pub first: Option<usize>,
    /// Who is compared.
    pub entrants: Vec<Entrant>,
}

/// A score with its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// The sum.
    pub total: Exact,
    /// The points, by factor.
    pub points: Vec<(Cow<'static, str>, Exact)>,
}

impl Score {
    /// Adds up the points.
    #[must_use]
    pub fn of(points: Vec<(Cow<'static, str>, Exact)>) -> Self {
        Self { total: points.iter().map(|(_, points)| *points).sum(), points }
    }
}

/// An entrant that a rule does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place in the round's entrants.
    pub entrant: usize,
    /// Why, in the words of `shortlist.generated`.
    pub reason: Cow<'static, str>,
}

/// What a rule makes of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranking {
    /// The scores, in the order of the entrants.
    pub scores: Vec<Score>,
    /// Places in the round's entrants, best first.
    pub listed: Vec<usize>,
    /// All others.
    pub left_out: Vec<LeftOut>,
}

/// What a factor would have to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "bound", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bound {
    /// A number or more.
    AtLeast(Exact),
    /// A number or less.
    AtMost(Exact),
    /// A word.
    Is(Cow<'static, str>),
    /// Less than a number.
    LessThan(Exact),
    /// More than a number.
    MoreThan(Exact),
    /// Any number at all.
    Named,
}

impl Bound {
    /// The value inside the bound that is closest to its edge.
    #[must_use]
    pub fn edge(&self) -> Fact {
        match self {
            Self::AtLeast(number) | Self::AtMost(number) => Fact::Number(*number),
            Self::Is(word) => Fact::Word(word.clone().into_owned()),
            Self::LessThan(number) => Fact::Number(*number - Exact::STEP),
            Self::MoreThan(number) => Fact::Number(*number + Exact::STEP),
            // No price is as high.
            Self::Named => Fact::Number(Exact::whole(i64::MAX)),
        }
    }
}
