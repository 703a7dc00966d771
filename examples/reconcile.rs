//! Compares the trail with the host's own tables, and with the provider's bill: the operator's morning report.

#[path = "shared/existing.rs"]
mod existing;
#[path = "shared/said.rs"]
mod said;
#[path = "shared/key.rs"]
mod shared_key;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Parser;
use moltbot_audit::Auditor;
use moltbot_audit::auditor::{Clock as _, Host, SystemClock};
use moltbot_audit::event::Severity;
use moltbot_audit::reconcile::{
    Bill, BillReconciled, Finding, Reconciled, reconcile_bill, reconcile_period, reconcile_request,
    record_reconciled,
};
use moltbot_audit::store::{AuditStore as _, MoltbotTables, PostgresStore};

/// Compare the trail with the host's moltbot_* tables, for a day, a time or one request.
#[derive(Parser)]
#[command(
    after_help = "Exit code: 0 nothing, or warnings only; 1 findings of severity error; 2 not compared.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key for ids, 64 hex digits."
)]
struct Arguments {
    /// The audit database: `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: String,
    /// The host's database, if it is another one
    #[arg(long, value_name = "URL")]
    host_database: Option<String>,
    /// The schema of the host's tables
    #[arg(long, value_name = "NAME", default_value = "public")]
    schema: String,
    /// A day in UTC, such as `2026-03-02`. Default: yesterday
    #[arg(long, value_name = "DAY", conflicts_with_all = ["from", "before", "request"])]
    day: Option<NaiveDate>,
    /// Requests that began at this time or later, such as `2026-03-02T07:15:00Z`
    #[arg(long, value_name = "TIME", requires = "before", conflicts_with = "request")]
    from: Option<DateTime<Utc>>,
    /// Requests that began before this time
    #[arg(long, value_name = "TIME", requires = "from", conflicts_with = "request")]
    before: Option<DateTime<Utc>>,
    /// One request only: its UUID, or the host's own name for it
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// The provider's bill of that time: a CSV file
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    bill: Option<std::path::PathBuf>,
    /// Do not record that it was compared, and what was found. The alert then does not learn of it
    #[arg(long)]
    unrecorded: bool,
    /// Print one JSON object a finding, and one at the end
    #[arg(long)]
    json: bool,
}

/// Everything that was found.
#[derive(Default)]
struct Told {
    errors: u64,
    warnings: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(told) => {
            let (errors, warnings) = (told.errors, told.warnings);
            if arguments.json {
                say(&serde_json::json!({ "errors": errors, "warnings": warnings }).to_string());
            } else {
                say(&format!("{errors} errors, {warnings} warnings"));
            }
            ExitCode::from(u8::from(told.errors > 0))
        }
        Err(error) => {
            eprintln!("error: {}", said::all_of(&*error));
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Told, Box<dyn Error>> {
    // Before anything else, because a comparison without its bill would be another one.
    let bill = arguments.bill.as_ref().map(|path| {
        let file =
            std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Bill::read(file).map_err(|error| format!("{}: {error}", path.display()))
    });
    let bill = bill.transpose()?;
    let url = existing::only(&arguments.database);
    if !url.starts_with("postgres") {
        return Err(
            "--database: the host's tables are in Postgres: postgres://user@host/database".into()
        );
    }
    let store = PostgresStore::connect(&url).await?;
    let host = match &arguments.host_database {
        Some(url) => PostgresStore::connect(url).await?.host_tables(),
        None => store.host_tables(),
    };
    let host = host.schema(&arguments.schema);
    let told = compare(arguments, &store, &host, bill.as_ref()).await;
    store.close().await;
    told
}

async fn compare(
    arguments: &Arguments,
    store: &PostgresStore,
    host: &MoltbotTables,
    bill: Option<&Bill>,
) -> Result<Told, Box<dyn Error>> {
    let now = SystemClock::new().now();
    let mut told = Told::default();
    if let Some(typed) = arguments.request.as_deref().map(str::trim) {
        let key = shared_key::redaction_key()?;
        let request =
            key.request_id(typed).map_err(|error| format!("--request {typed:?}: {error}"))?;
        let (report, findings) = reconcile_request(store, host, &request, now).await?;
        for finding in &findings {
            arguments.tell(finding);
        }
        told.add(report.errors, report.warnings);
        arguments.tell_report(&report);
        return Ok(told);
    }
    let period = arguments.period(now);
    let report =
        reconcile_period(store, host, period, now, |finding| arguments.tell(&finding)).await?;
    told.add(report.errors, report.warnings);
    arguments.tell_report(&report);
    if let Some(bill) = bill {
        let billed =
            reconcile_bill(store, bill, period, |finding| arguments.tell(&finding)).await?;
        told.add(billed.errors, billed.warnings);
        arguments.tell_bill(&billed);
    }
    if !arguments.unrecorded {
        record(store, period, &report, &told).await?;
    }
    Ok(told)
}

/// Records that it was compared, so that the auditors' gauge shows it.
async fn record(
    store: &PostgresStore,
    period: (DateTime<Utc>, DateTime<Utc>),
    report: &Reconciled,
    told: &Told,
) -> Result<(), Box<dyn Error>> {
    let key = shared_key::redaction_key()?;
    let host = Host::new("reconcile", env!("CARGO_PKG_VERSION"));
    let auditor = Auditor::builder(std::sync::Arc::new(store.clone()), key).host(host).build();
    // The environment says who runs this: a claim, and recorded as one.
    let by = std::env::var("USER").unwrap_or_else(|_| "reconcile".to_owned());
    let mut report = report.clone();
    (report.errors, report.warnings) = (told.errors, told.warnings);
    let recorded = record_reconciled(&auditor, period, &report, by).await;
    auditor.shutdown(Duration::from_secs(10)).await.ok();
    recorded?;
    Ok(())
}

impl Told {
    fn add(&mut self, errors: u64, warnings: u64) {
        self.errors += errors;
        self.warnings += warnings;
    }
}

impl Arguments {
    fn period(&self, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        if let (Some(from), Some(before)) = (self.from, self.before) {
            return (from, before);
        }
        let yesterday = (now - TimeDelta::days(1)).date_naive();
        let from = self.day.unwrap_or(yesterday).and_time(chrono::NaiveTime::MIN).and_utc();
        (from, from + TimeDelta::days(1))
    }

    fn tell(&self, finding: &Finding) {
        if self.json {
            return say(&json(finding).to_string());
        }
        let mark = match finding.severity {
            Severity::Error => "ERROR  ",
            _ => "warning",
        };
        let place = [
            finding.request_id.map(|id| format!("request {id}")),
            finding.conversation_id.map(|id| format!("conversation {id}")),
            finding.event_id.map(|id| format!("event {id}")),
            finding.row_id.map(|id| format!("row {id}")),
            finding.line.map(|line| format!("line {line}")),
        ];
        let place: Vec<_> = place.into_iter().flatten().collect();
        say(&format!("{mark} {}: {} [{}]", finding.code, finding.sentence(), place.join(", ")));
    }

    fn tell_bill(&self, billed: &BillReconciled) {
        if self.json {
            return say(&serde_json::json!({
                "lines": billed.lines, "calls": billed.calls, "matched_by_id": billed.matched_by_id,
                "matched_by_time": billed.matched_by_time, "unknown": billed.unknown,
                "unreadable": billed.unreadable, "billed_microusd": billed.billed_microusd,
                "recorded_microusd": billed.recorded_microusd,
            })
            .to_string());
        }
        say(&format!(
            "bill: {} lines, {} calls; {} matched by response id, {} by time and tokens only",
            billed.lines, billed.calls, billed.matched_by_id, billed.matched_by_time
        ));
        say(&format!(
            "bill: {} billed as far as it can be read, {} recorded; {} values unknown to one side, {} unreadable",
            dollars(billed.billed_microusd),
            dollars(billed.recorded_microusd),
            billed.unknown,
            billed.unreadable
        ));
    }

    fn tell_report(&self, report: &Reconciled) {
        let matched: Vec<_> =
            report.matched.iter().map(|(subject, count)| format!("{count} {subject}")).collect();
        let not: Vec<_> = report.not_checkable.iter().map(ToString::to_string).collect();
        if self.json {
            return say(&serde_json::json!({
                "requests": report.requests, "errors": report.errors, "warnings": report.warnings,
                "not_checkable": not,
            })
            .to_string());
        }
        say(&format!(
            "compared {} requests; on both sides: {}",
            report.requests,
            matched.join(", ")
        ));
        for what in not {
            say(&format!("NOT COMPARED: {what}"));
        }
    }
}

fn json(finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "code": finding.code, "severity": finding.severity, "subject": finding.subject,
        "aspect": finding.aspect, "sentence": finding.sentence(), "request_id": finding.request_id,
        "conversation_id": finding.conversation_id, "event_id": finding.event_id,
        "row_id": finding.row_id, "line": finding.line, "trail": finding.trail.to_string(),
        "other": finding.other.to_string(),
    })
}

fn dollars(microusd: i64) -> String {
    format!("{}.{:06} USD", microusd / 1_000_000, microusd % 1_000_000)
}

fn say(line: &str) {
    // If the output is closed, the exit code still tells the result.
    let _unread = writeln!(std::io::stdout(), "{line}");
}
