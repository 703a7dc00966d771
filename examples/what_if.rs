//! What other limits, or an engaged switch, would have refused in a time.

#[path = "shared/existing.rs"]
mod existing;
#[path = "shared/said.rs"]
mod said;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Parser;
use moltbot_audit::policy::Limits;
use moltbot_audit::reconcile::{Alternative, Replayed, what_if};
use moltbot_audit::{Budget, Switch, store};

/// Replay the admissions of a time under other limits. It starts from the library's default limits.
#[derive(Parser)]
#[command(
    after_help = "Exit code: 0 nothing would have been refused, 1 something would, 2 not replayed."
)]
struct Arguments {
    /// The audit database: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: String,
    /// Requests that began at this time or later, such as `2026-02-01T00:00:00Z`
    #[arg(long, value_name = "TIME")]
    from: DateTime<Utc>,
    /// Requests that began before this time
    #[arg(long, value_name = "TIME")]
    before: DateTime<Utc>,
    /// The limit of a budget for each request, such as `moltbot_calls=6`; repeat the option for several
    #[arg(long, value_name = "BUDGET=LIMIT", value_parser = limit)]
    limit: Vec<(Budget, i64)>,
    /// The longest that a request without a shortlist may take, in seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// A switch that is engaged all the time, such as `ai`; repeat the option for several
    #[arg(long, value_name = "SWITCH")]
    switch: Vec<String>,
    /// Print each admission that would have been refused
    #[arg(long)]
    list: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(report) => ExitCode::from(u8::from(report.refused > 0)),
        Err(error) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Replayed, Box<dyn Error>> {
    let mut limits = Limits::default();
    for (budget, limit) in &arguments.limit {
        limits = limits.per_request(budget.clone(), *limit)?;
    }
    if let Some(seconds) = arguments.seconds {
        let max = Duration::from_secs(seconds);
        limits = limits.time(max, max)?;
    }
    let switches = arguments.switch.iter().map(|switch| Switch::new(switch.clone()));
    let engaged = switches.collect::<Result<_, _>>()?;
    let alternative = Alternative { limits, engaged };
    let store = store::connect(&existing::only(&arguments.database)).await?;
    let period = (arguments.from, arguments.before);
    let report = what_if(&*store, &alternative, period, |refused| {
        if arguments.list {
            say(&refused.to_string());
        }
    });
    let report = report.await;
    store.close().await;
    let report = report?;
    tell(&report);
    Ok(report)
}

fn tell(report: &Replayed) {
    let parts = report.not_replayable.iter().map(|(why, count)| format!("{count} {why}"));
    let parts: Vec<_> = parts.collect();
    let parts = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    say(&format!("not replayed, and taken as admitted: {parts}"));
    say(&format!("{} requests, {} admissions", report.requests, report.admissions));
    let why = report.refused_by.iter().map(|(why, count)| format!("{count} {why}"));
    let budgets =
        report.refused_by_budget.iter().map(|(budget, count)| format!("{count} {budget}"));
    let why: Vec<_> = why.chain(budgets).collect();
    say(&format!(
        "would have been refused: {} in {} requests ({})",
        report.refused,
        report.requests_refused,
        why.join(", ")
    ));
    say(&format!(
        "admitted all the same after a refusal: {}; refusals that would not have been: {}",
        report.admitted_after_refusal, report.refusals_lifted
    ));
}

fn limit(text: &str) -> Result<(Budget, i64), String> {
    let (budget, limit) =
        text.split_once('=').ok_or("a budget, an equals sign and a limit are needed")?;
    let budget = Budget::new(budget.to_owned()).map_err(|error| error.to_string())?;
    Ok((budget, limit.parse().map_err(|_| "the limit is not a number")?))
}

fn say(line: &str) {
    // If the output is closed, the exit code still tells the result.
    let _unread = writeln!(std::io::stdout(), "{line}");
}
