//! What a database URL says: where the database is, and how the store is to use it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::pooling::Pooling;
use super::statement::STATEMENT_LIMIT;
use crate::store::StoreError;

const APPLICATION_NAME: &str = "moltbot-audit";
/// How long a connection may take to come up, unless the URL says otherwise.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Supabase's transaction pooler.
const TRANSACTION_POOLER_PORT: u16 = 6543;
/// The longest statement time-out that Postgres can be told, in milliseconds.
const MILLISECONDS_MAX: u64 = i32::MAX as u64;

// Without `Debug`: the driver's options print the password.
pub(super) struct Settings {
    pub(super) options: PgConnectOptions,
    /// As told, by the parameter or by the port.
    pub(super) pooling: Option<Pooling>,
    pub(super) connect_limit: Duration,
    pub(super) statement_limit: Duration,
}

impl FromStr for Settings {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(invalid("it does not begin with postgres:// or postgresql://"));
        }
        let (mut pooling, mut connect_limit, mut statement_limit) = (None, None, None);
        // The store's own parameters are taken out: the driver writes unknown ones into the log.
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        let mut for_the_driver = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=').unwrap_or((parameter, "")) {
                ("pooler", value) => pooling = Some(pooling_named(value)?),
                ("connect_timeout", value) => connect_limit = Some(connect_timeout(value)?),
                ("statement_timeout", value) => statement_limit = Some(statement_timeout(value)?),
                _ => for_the_driver.push(parameter),
            }
        }
        let options = driver_options(&format!("{place}?{}", for_the_driver.join("&")))?;
        let by_port = options.get_port() == TRANSACTION_POOLER_PORT;
        Ok(Self {
            pooling: pooling.or(by_port.then_some(Pooling::Transaction)),
            connect_limit: connect_limit.unwrap_or(CONNECT_LIMIT),
            statement_limit: statement_limit.unwrap_or(STATEMENT_LIMIT),
            options,
        })
    }
}

fn driver_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // Not the parser's words: they repeat values, and a password may stand where one is expected.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| invalid("it cannot be parsed: check port, sslmode and percent-encoding"))?
        // A start-up parameter that poolers refuse. Nothing here reads a float.
        .extra_float_digits(None)
        // The driver would log on the task that writes, and a log that hangs must not hold it.
        .disable_statement_logging();
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION_NAME),
    })
}

fn pooling_named(value: &str) -> Result<Pooling, StoreError> {
    match value {
        "transaction" => Ok(Pooling::Transaction),
        "session" | "none" => Ok(Pooling::Session),
        _ => Err(invalid("pooler is transaction, session or none")),
    }
}

fn connect_timeout(value: &str) -> Result<Duration, StoreError> {
    whole_number(value)
        .filter(|seconds| *seconds <= MILLISECONDS_MAX / 1_000)
        .map(Duration::from_secs)
        .ok_or_else(|| invalid("connect_timeout is a whole number of seconds, 1 or more"))
}

fn statement_timeout(value: &str) -> Result<Duration, StoreError> {
    whole_number(value)
        .filter(|milliseconds| *milliseconds <= MILLISECONDS_MAX)
        .map(Duration::from_millis)
        .ok_or_else(|| invalid("statement_timeout is a whole number of milliseconds, 1 or more"))
}

/// Not zero, which would mean "for ever".
fn whole_number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|number| *number > 0)
}

fn invalid(reason: &str) -> StoreError {
    StoreError::InvalidUrl { reason: reason.to_owned() }
}
