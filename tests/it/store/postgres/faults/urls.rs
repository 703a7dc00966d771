//! What a database URL may say.

use std::time::Duration;

use moltbot_audit::store::{self, PostgresStore, StoreError};
use tokio::net::TcpListener;

use super::said;
use crate::support::cluster::Cluster;

#[tokio::test]
async fn a_wrong_url_is_named_without_its_password() {
    for url in [
        "mysql://audit:s3cret@localhost/audit",
        "postgres://audit:s3cret@localhost:port/audit",
        "postgres://audit:s3cret@localhost/audit?sslmode=sometimes",
        "s3cret",
    ] {
        let error = PostgresStore::connect(url).await.expect_err(url);
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{url}: {error:?}");
        assert!(!said(&error).contains("s3cret"), "{url}: {error:?}");
    }
}

/// What would be ignored might be what keeps a password out of plain text.
#[tokio::test]
async fn a_parameter_that_would_be_ignored_is_an_error_that_names_it() {
    for (parameters, named) in [
        ("ssl=true", "ssl is not known: write sslmode"),
        ("sslMode=require", "sslMode is not known: names are in lower case"),
        ("SSLMODE=verify-full", "SSLMODE is not known"),
        ("statment_timeout=10000", "statment_timeout is not known"),
        ("passwd=s3cret", "passwd is not known"),
        ("target_session_attrs=read-write", "target_session_attrs is not known"),
        ("channel_binding=require", "channel_binding is not known"),
        ("pgbouncer=true", "pooler=transaction"),
        ("Pooler=transaction", "Pooler is not known"),
        ("%73slmode=require", "is not known"),
        ("password=a&s3cret", "has no value"),
        ("password=a&s3cret:s3cret@=b", "with a name of other signs"),
        ("sslmode=require&sslmode=disable", "sslmode is there twice"),
        ("application_name=a#&sslmode=require", "write %23"),
    ] {
        let url = format!("postgres://audit@localhost/audit?{parameters}");
        let error = PostgresStore::connect_lazily(&url).expect_err(parameters);
        assert!(matches!(error, StoreError::InvalidUrl { .. }), "{parameters}: {error:?}");
        let said = error.to_string();
        assert!(said.contains(named) && !said.contains("s3cret"), "{parameters}: {said}");
    }
    for parameters in [
        "",
        "sslmode=prefer&sslrootcert=/ca.pem&application_name=a%26b&options=-c%20geqo%3Doff",
        "options[geqo]=off&statement-cache-capacity=0&pooler=none&connect_timeout=1&statement_timeout=9",
        "host=/run/postgresql&port=5433&user=audit&password=s3cret&dbname=audit",
    ] {
        let url = format!("postgres://audit@localhost/audit?{parameters}");
        PostgresStore::connect_lazily(&url).expect(parameters);
    }
}

/// As libpq takes them.
#[tokio::test]
async fn a_url_may_name_a_user_without_a_host_and_a_scheme_in_capitals() {
    let url = Cluster::shared().create_database().await;
    let (place, parameters) = url.split_once('?').expect("the socket's folder");
    let (_, database) = place.rsplit_once('/').expect("a database");
    for url in [
        format!("postgres://postgres@/{database}?{parameters}"),
        format!("postgres://postgres:a+b&c%20d@/{database}?{parameters}"),
        format!("postgresql:///{database}?{parameters}&user=postgres"),
        format!("Postgres://postgres@localhost/{database}?{parameters}"),
    ] {
        store::open(&url).await.expect(&url);
    }
}

#[tokio::test]
async fn an_address_of_ipv6_is_connected_to() {
    let Ok(server) = TcpListener::bind("[::1]:0").await else { return };
    let port = server.local_addr().expect("an address").port();
    let url = format!("postgres://audit@[::1]:{port}/audit?connect_timeout=1");
    let connecting = tokio::spawn(async move { PostgresStore::connect(&url).await });
    let accepted = tokio::time::timeout(Duration::from_secs(20), server.accept()).await;
    drop(accepted.expect("it is called").expect("a connection"));
    connecting.await.expect("no panic").expect_err("nobody answers");
}
