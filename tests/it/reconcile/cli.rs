//! The example `reconcile` as an operator runs it.

use std::process::Command;

use chrono::SecondsFormat;
use moltbot_audit::testing::assert_no_personal_data;

use super::planted::Trail;
use super::world::World;
use crate::cli::program;

fn reconcile(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(program("reconcile"))
        .args(["--database", &world.url])
        .args(arguments)
        .env("MOLTBOT_AUDIT_KEY", "07".repeat(32))
        .env("USER", "aline")
        .output()
        .expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_a_report_and_exits_1_on_errors_and_2_if_it_could_not_compare() {
    let world = World::new().await;
    let case = world.plant(1, Trail::AsItWas, "").await;
    let (from, before) = world.period();
    let time =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (from, before) = (time(from), time(before));
    let period = ["--from", &from, "--before", &before];

    let (code, out, err) = reconcile(&world, &period);
    assert_eq!((code, out.contains("0 errors, 0 warnings")), (Some(0), true), "{out}{err}");
    assert!(out.contains("compared 1 requests"), "{out}");

    let sql = "update moltbot_conversation_messages set body = 'Ni 0788 123 456' where provider_message_id = '{outbound}';
        alter table moltbot_ocr_jobs drop column confidence";
    world.run(&case, sql).await;
    let (code, out, err) = reconcile(&world, &period);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.contains(
            "ERROR   differs: the message: its text is 18 in the trail and 15 in the tables"
        ),
        "{out}"
    );
    assert!(out.contains("NOT COMPARED: moltbot_ocr_jobs.confidence"), "{out}");
    assert!(out.contains("1 errors, 0 warnings"), "{out}");
    assert_no_personal_data(&out);

    let request = ["--request", &case.id("request"), "--json"];
    let (code, out, _) = reconcile(&world, &request);
    assert_eq!(code, Some(1));
    for line in out.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    }

    let folder = tempfile::tempdir().expect("a folder");
    let bill = folder.path().join("bill.csv");
    std::fs::write(&bill, format!("id,time,cost_usd\nresp_1,{from},free\n")).expect("a file");
    let bill = bill.to_str().expect("UTF-8");
    let (code, out, _) = reconcile(&world, &[&period[..], &["--bill", bill]].concat());
    assert_eq!(code, Some(1));
    assert!(out.contains("bill: "), "{out}");

    for wrong in [
        &["--request", "undefined"][..],
        &["--request", "d1a1c9de-52f6-4f0b-9f0a-3a1f6f0c9b77"],
        &["--bill", "/nowhere.csv"],
        &["--from", &before, "--before", &from],
        &["--day", "yesterday"],
    ] {
        let (code, _, err) = reconcile(&world, wrong);
        assert_eq!(code, Some(2), "{wrong:?}");
        assert!(err.contains("error"), "{err}");
    }
    let told: i64 = crate::support::stores::scalar(
        &world.url,
        "select count(*) from moltbot_audit.audit_events where event_type = 'audit.reconciled'",
    )
    .await;
    assert_eq!(told, 3);
}
