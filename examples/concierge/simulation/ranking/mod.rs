//! The rules that choose: which vendors to ask, and which replies to put before the client.

mod selection;
mod shortlist;

pub(crate) use self::{
    selection::{Need, SELECTION_RULE, select},
    shortlist::{Ranked, Reply, SHORTLIST_RULE, TIE_BREAKS, rank},
};
use moltbot_audit::event::payload::ScoreFactor;

fn factor(
    code: &str,
    score_delta: f64,
    measured: Option<f64>,
    description: impl Into<String>,
) -> ScoreFactor {
    let description = Some(description.into());
    ScoreFactor { code: code.into(), score_delta, measured, description, ..Default::default() }
}

fn total(factors: &[ScoreFactor]) -> f64 {
    factors.iter().map(|factor| factor.score_delta).sum()
}
