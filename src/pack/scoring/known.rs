//! The rules that a reader knows.

use std::fmt;
use std::sync::Arc;

use super::rule::ScoringRule;
use super::selection::VendorSelection;
use super::shortlist::ShortlistRanking;

/// The rules that a reader knows. A shortlist or a selection that names another rule is not computed again.
#[derive(Clone)]
pub struct ScoringRules(Vec<Arc<dyn ScoringRule>>);

impl ScoringRules {
    /// The rules of the Moltbot host: [`VendorSelection`] and [`ShortlistRanking`].
    #[must_use]
    pub fn built_in() -> Self {
        Self(vec![Arc::new(VendorSelection), Arc::new(ShortlistRanking)])
    }

    /// Adds a rule. If another has its version, the one that was added last counts.
    #[must_use]
    pub fn with(mut self, rule: impl ScoringRule + 'static) -> Self {
        self.0.insert(0, Arc::new(rule));
        self
    }

    /// The rule with a version.
    #[must_use]
    pub fn get(&self, version: &str) -> Option<&dyn ScoringRule> {
        self.0.iter().find(|rule| rule.version() == version).map(|rule| &**rule)
    }
}

impl Default for ScoringRules {
    fn default() -> Self {
        Self::built_in()
    }
}

impl fmt::Debug for ScoringRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|rule| rule.version())).finish()
    }
}
