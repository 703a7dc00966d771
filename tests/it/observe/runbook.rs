//! What an operator copies from the runbook runs.

use sqlx::{AssertSqlSafe, Executor};

use super::alerts::files::{blocks, read};
use crate::support::cluster::Cluster;
use crate::support::stores::{self, migrated};

#[tokio::test]
async fn every_statement_of_the_runbook_runs_on_a_fresh_database() {
    let url = Cluster::shared().create_database().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let statements = blocks(&read("docs/runbook.md"), "sql");
    assert!(statements.len() > 20, "{} were found", statements.len());
    for statement in statements {
        let ran = pool.execute(AssertSqlSafe(statement.clone())).await;
        assert!(ran.is_ok(), "{statement}\n{ran:?}");
    }
}
