//! Reads a database URL: where the database is, and how the store should use it.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use super::connections::STATEMENT_LIMIT;
use super::pooling::Pooling;
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

/// The parameters that the driver understands. It ignores any other, and writes its value into the log.
const DRIVERS: [&str; 19] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
    // And `options[name]`.
    "options[",
];
const SCHEMES: [&str; 2] = ["postgres", "postgresql"];

impl FromStr for Settings {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(invalid("it does not begin with postgres:// or postgresql://"));
        }
        if rest.contains('#') {
            return Err(invalid("a # would cut it off: write %23"));
        }
        let (mut pooling, mut connect_limit, mut statement_limit) = (None, None, None);
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let mut names = BTreeSet::new();
        let (place, mut for_the_driver) = user_as_parameters(place);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            // What has no `=` may be the rest of a password, and is not repeated.
            let (name, value) = parameter.split_once('=').ok_or_else(|| {
                invalid("a parameter has no value: write name=value, and & in a value as %26")
            })?;
            if !names.insert(name) {
                return Err(invalid(&format!("the parameter {} is there twice", shown(name))));
            }
            match name {
                "pooler" => pooling = Some(pooling_named(value)?),
                "connect_timeout" => connect_limit = Some(connect_timeout(value)?),
                "statement_timeout" => statement_limit = Some(statement_timeout(value)?),
                _ if is_for_the_driver(name) => for_the_driver.push(parameter.to_owned()),
                _ => return Err(unknown(name)),
            }
        }
        let options = driver_options(&format!("postgres://{place}?{}", for_the_driver.join("&")))?;
        let by_port = options.get_port() == TRANSACTION_POOLER_PORT;
        Ok(Self {
            pooling: pooling.or(by_port.then_some(Pooling::Transaction)),
            connect_limit: connect_limit.unwrap_or(CONNECT_LIMIT),
            statement_limit: statement_limit.unwrap_or(STATEMENT_LIMIT),
            options,
        })
    }
}

/// A user without a host (`user@/db?host=…`), which libpq takes and the driver's parser does not: handed on as
/// parameters.
fn user_as_parameters(place: &str) -> (String, Vec<String>) {
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let Some(login) = authority.strip_suffix('@') else { return (place.to_owned(), Vec::new()) };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let logins = [("user", user), ("password", password)].into_iter();
    let parameters = logins.filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
        // In a parameter a plus is a space.
        format!("{name}={}", value.replace('+', "%2B").replace('&', "%26"))
    });
    (path.to_owned(), parameters.collect())
}

fn is_for_the_driver(name: &str) -> bool {
    DRIVERS.iter().any(|known| match known.strip_suffix('[') {
        Some(_) => name.starts_with(known) && name.ends_with(']'),
        None => name == *known,
    })
}

fn unknown(name: &str) -> StoreError {
    let lower = name.to_ascii_lowercase();
    let advice = match lower.as_str() {
        "ssl" | "tls" => "write sslmode=verify-full or sslmode=require",
        _ if is_for_the_driver(&lower) => "names are in lower case",
        "pgbouncer" => "write pooler=transaction",
        _ => {
            "it would be ignored. The store takes pooler, connect_timeout and statement_timeout, and of libpq's \
             sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password, \
             application_name and options"
        }
    };
    invalid(&format!("the parameter {} is not known: {advice}", shown(name)))
}

/// A parameter's name, if it looks like one.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 40
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte));
    if is_plain { name } else { "with a name of other signs than letters and digits" }
}

fn driver_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // Not the parser's words: they repeat values, and a password may stand where one is expected.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| invalid("it cannot be parsed: check port, sslmode and percent-encoding"))?
        // A start-up parameter that poolers refuse. Nothing here reads a float.
        .extra_float_digits(None)
        // The driver would log on the task that writes, and a log that hangs must not hold it.
        .disable_statement_logging();
    // The driver would look up the name `[::1]`.
    let host = options.get_host().strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let options = match host.map(str::to_owned) {
        Some(address) => options.host(&address),
        None => options,
    };
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
