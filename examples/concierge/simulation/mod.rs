//! A small concierge on top of the library: an orchestrator that follows the rules, and a world of
//! scripted clients, shops, models and providers. The orchestrator reaches them only through the
//! auditor.

pub(crate) mod case;
pub(crate) mod clock;
pub(crate) mod contract;
pub(crate) mod orchestrator;
pub(crate) mod play;
pub(crate) mod price;
pub(crate) mod ranking;
pub(crate) mod replies;
pub(crate) mod rows;
pub(crate) mod scenario;
pub(crate) mod scripted_time;
pub(crate) mod state;
pub(crate) mod story;
pub(crate) mod tally;
#[allow(dead_code, reason = "each example uses some of it")]
#[path = "../../shared/terminal.rs"]
pub(crate) mod terminal;
pub(crate) mod texts;
pub(crate) mod trail;
pub(crate) mod undo;
pub(crate) mod world;
