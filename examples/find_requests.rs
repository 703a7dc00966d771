//! Lists requests of a database: by when they began, the state they are in, the host's ids, and what their events name.

#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "shared/existing.rs"]
mod existing;
#[path = "shared/said.rs"]
mod said;
#[path = "shared/key.rs"]
mod shared_key;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Parser;
use moltbot_audit::store::{
    self, AuditStore, FindError, FoundRequest, RequestCursor, RequestPage, RequestQuery,
    find_requests,
};

/// List requests, the most recent first.
#[derive(Parser)]
#[command(after_help = "Exit code: 0 found, 1 nothing found, 2 the search failed.\n\
                        MOLTBOT_AUDIT_KEY: the deployment's key, 64 hex digits; --id, --phone, --vendor and --key need it.")]
struct Arguments {
    /// The audit database: `sqlite://path/to/file.sqlite` or `postgres://user@host/database`
    #[arg(long, value_name = "URL")]
    database: String,
    /// Only requests that began at this time or later, such as `2026-03-02T07:15:00Z`
    #[arg(long, value_name = "TIME")]
    from: Option<DateTime<Utc>>,
    /// Only requests that began before this time
    #[arg(long, value_name = "TIME")]
    before: Option<DateTime<Utc>>,
    /// Only requests in this state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only requests that name this phone number, a client's or a vendor's, in any spelling
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Only requests that name this vendor: the host's id, or the id that an external pack shows
    #[arg(long, value_name = "ID")]
    vendor: Option<String>,
    /// Only requests with this idempotency key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Only requests in which an effect of the AI was refused
    #[arg(long)]
    ai_refused: bool,
    /// Only requests with an effect that is in doubt now
    #[arg(long)]
    in_doubt: bool,
    /// Only the request with this id, or the requests of the conversation with this id: a UUID, or the host's own name
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    page: u32,
    /// Go on where the last list ended: the cursor that it printed
    #[arg(long, value_name = "CURSOR", value_parser = cursor)]
    after: Option<RequestCursor>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(page) => told(&page),
        Err(error) => {
            eprintln!("error: {}", said::all_of(&*error));
            if matches!(error.downcast_ref(), Some(FindError::OtherKey { .. })) {
                eprintln!("hint: set MOLTBOT_AUDIT_KEY to the key that the host records with");
            }
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<RequestPage, Box<dyn Error>> {
    let mut query = named(RequestQuery::new().page(arguments.page), arguments)?;
    if let Some(from) = arguments.from {
        query = query.began_from(from);
    }
    if let Some(before) = arguments.before {
        query = query.began_before(before);
    }
    if let Some(state) = &arguments.state {
        query = query.state(state);
    }
    if let Some(after) = arguments.after {
        query = query.after(after);
    }
    let store = store::connect(&existing::only(&arguments.database)).await?;
    let page = find(&*store, query, arguments.id.as_deref()).await;
    store.close().await;
    page
}

/// Adds what the requests' events must name or show.
fn named(mut query: RequestQuery, arguments: &Arguments) -> Result<RequestQuery, Box<dyn Error>> {
    if arguments.ai_refused {
        query = query.ai_refused();
    }
    if arguments.in_doubt {
        query = query.in_doubt();
    }
    let Arguments { phone, vendor, key: idempotency_key, .. } = arguments;
    if phone.is_none() && vendor.is_none() && idempotency_key.is_none() {
        return Ok(query);
    }
    let key = shared_key::redaction_key()?;
    if let Some(phone) = phone {
        query = query.phone(&key, phone).map_err(|error| format!("--phone: {error}"))?;
    }
    if let Some(vendor) = vendor {
        query = query.vendor(&key, vendor.trim());
    }
    Ok(match idempotency_key {
        Some(text) => query.idempotency_key(&key, text),
        None => query,
    })
}

/// Finds requests by an id, which may be that of a request or of a conversation.
async fn find(
    store: &dyn AuditStore,
    query: RequestQuery,
    id: Option<&str>,
) -> Result<RequestPage, Box<dyn Error>> {
    let Some(id) = id.map(str::trim) else { return Ok(find_requests(store, &query).await?) };
    let key = shared_key::redaction_key()?;
    let request = key.request_id(id).map_err(|error| format!("--id {id:?}: {error}"))?;
    let found = find_requests(store, &query.clone().request(&request)).await?;
    if !found.requests.is_empty() {
        return Ok(found);
    }
    let conversation = key.conversation_id(id).map_err(|error| format!("--id {id:?}: {error}"))?;
    Ok(find_requests(store, &query.conversation(&conversation)).await?)
}

fn told(page: &RequestPage) -> ExitCode {
    say(&format!(
        "{:<36}  {:<26}  {:>6}  {:<20}  {:<20}",
        "request", "state", "events", "began", "last event"
    ));
    page.requests.iter().for_each(|request| say(&line(request)));
    if let Some(next) = &page.next {
        say(&format!("there may be more: --after {next}"));
    }
    ExitCode::from(u8::from(page.requests.is_empty()))
}

fn line(request: &FoundRequest) -> String {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let state: String = request.state.as_deref().unwrap_or("-").escape_debug().collect();
    let (began, last) = (time(request.began_at), time(request.last_at));
    format!("{}  {state:<26}  {:>6}  {began:<20}  {last:<20}", request.request_id, request.events)
}

fn cursor(text: &str) -> Result<RequestCursor, String> {
    text.parse().map_err(|error: store::FindError| error.to_string())
}

fn say(line: &str) {
    // If the output is closed, the exit code still tells the result.
    let _unread = writeln!(std::io::stdout(), "{}", line.trim_end());
}
