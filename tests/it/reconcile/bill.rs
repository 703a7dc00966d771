//! The provider's bill beside the calls of the trail.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::proof::Salt;
use moltbot_audit::reconcile::{Bill, BillError, BillReconciled, Finding, reconcile_bill};
use moltbot_audit::record::seal;
use moltbot_audit::store::AuditSink as _;
use moltbot_audit::testing::{MemoryStore, assert_no_personal_data};
use moltbot_audit::{Actor, AuditEvent, ErrorCode, EventId, EventType, Outcome};
use serde_json::{Value, json};

use super::told;
use crate::support::records::{KEY, fresh_request, unique};

/// A trail with calls of models, all within a minute of `at`.
struct Trail {
    store: Arc<MemoryStore>,
    at: DateTime<Utc>,
}

impl Trail {
    async fn of(calls: &[Value]) -> Self {
        let at = SystemClock::new().now().trunc_subsecs(0);
        let trail = Self { store: Arc::new(MemoryStore::new()), at };
        let request = fresh_request();
        for (nth, output) in calls.iter().enumerate() {
            let began = trail.at + TimeDelta::seconds(i64::try_from(nth).expect("a few"));
            let number = unique();
            let mut event = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot)
                .request(&request)
                .id(EventId::new(began, number).expect("a time of this century"))
                .input(json!({ "model": "m-1" }))
                .output(output.clone())
                .duration(Duration::from_secs(2));
            if output["failed"] == true {
                event = event.ended(Outcome::Failed, ErrorCode::ProviderError);
            }
            let mut salt = [0; 16];
            salt[..8].copy_from_slice(&number.to_be_bytes());
            let record =
                seal(event, at + TimeDelta::minutes(1), number, Salt::from_bytes(salt), &KEY);
            trail.store.append(&[record.expect("valid")]).await.expect("kept");
        }
        trail
    }

    /// A time on a bill.
    fn time(&self, seconds: i64) -> String {
        (self.at + TimeDelta::seconds(seconds)).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    async fn reconciled(&self, csv: &str) -> (BillReconciled, Vec<Finding>) {
        let bill = Bill::read(csv.as_bytes()).expect("a bill");
        let period = (self.at - TimeDelta::hours(1), self.at + TimeDelta::hours(1));
        let mut found = Vec::new();
        let report =
            reconcile_bill(&*self.store, &bill, period, |finding| found.push(finding)).await;
        (report.expect("readable"), found)
    }
}

fn call(id: Option<&str>, input: u64, output: u64, cost: u64) -> Value {
    json!({
        "response_id": id, "model": "m-1", "input_tokens": input, "output_tokens": output,
        "cost_microusd": cost,
    })
}

const HEADER: &str = "id,time,model,input_tokens,output_tokens,cost_usd";

#[tokio::test]
async fn lines_are_matched_by_id_and_else_by_time_and_tokens_and_it_is_said() {
    let trail = Trail::of(&[
        call(Some("resp_1"), 100, 10, 2_100),
        call(None, 200, 20, 4_200),
        call(None, 300, 30, 6_300),
        call(None, 300, 30, 6_300),
    ])
    .await;
    let csv = format!(
        "{HEADER}\nresp_1,{},m-1,100,10,0.0021\n,{},m-1,200,20,0.0042\n,{},m-1,300,30,0.0063\n,{},m-1,300,30,0.0063\n",
        trail.time(0),
        trail.time(1),
        trail.time(2),
        trail.time(3)
    );
    let (report, found) = trail.reconciled(&csv).await;
    let told: Vec<_> = found.iter().map(told).collect();
    // Two lines fit the third call. The fourth is left with one.
    assert_eq!(told, [("uncertain", "model_call", "", "warning")]);
    assert_eq!((report.lines, report.calls), (4, 4));
    assert_eq!((report.matched_by_id, report.matched_by_time), (1, 3));
    assert_eq!((report.billed_microusd, report.recorded_microusd), (18_900, 18_900));
    assert_eq!((report.errors, report.warnings, report.unreadable), (0, 1, 0));
}

#[tokio::test]
async fn each_difference_of_a_bill_is_found_with_its_code() {
    let trail = Trail::of(&[
        call(Some("resp_1"), 100, 10, 2_100),
        call(Some("resp_2"), 200, 20, 4_200),
        json!({ "response_id": "resp_3", "model": "m-1" }),
        json!({ "failed": true }),
    ])
    .await;
    let csv = |lines: &str| {
        format!("{HEADER}\n{lines}").replace("T0", &trail.time(0)).replace("T1", &trail.time(1))
    };
    let (two, three) = ("resp_2,T1,m-1,200,20,0.0042\n", "resp_3,T1,m-1,,,\n");
    for (first, expected) in [
        ("resp_1,T0,m-1,100,10,0.0021\n", &[][..]),
        ("", &[("missing_in_bill", "model_call", "", "error")]),
        ("resp_1,T0,m-1,101,10,0.0021\n", &[("differs", "model_call", "input_tokens", "error")]),
        ("resp_1,T0,m-1,100,9,0.0021\n", &[("differs", "model_call", "output_tokens", "error")]),
        ("resp_1,T0,m-1,100,10,0.21\n", &[("differs", "model_call", "cost", "error")]),
        ("resp_1,T0,other,100,10,0.0021\n", &[("differs", "model_call", "model", "warning")]),
        ("resp_1,T0,m-1,,10,0.0021\n", &[]),
        (
            "resp_1,T0,m-1,-100,10,0.0021\n",
            &[("unreadable", "model_call", "input_tokens", "error")],
        ),
        ("resp_1,T0,m-1,100,10,free\n", &[("unreadable", "model_call", "cost", "error")]),
        (
            "resp_1,T0,m-1,100,10,0.0021\nresp_1,T0,m-1,100,10,0.0021\n",
            &[("billed_twice", "bill_line", "", "error")],
        ),
        (
            "resp_1,T0,m-1,100,10,0.0021\nresp_9,T0,m-1,1,1,0.1\n",
            &[("missing_in_trail", "bill_line", "", "error")],
        ),
        (
            "resp_1,T0,m-1,100,10,0.0021\nresp_9,soon,m-1,1,1,0.1\n",
            &[("unreadable", "bill_line", "time", "error")],
        ),
        (
            "resp_1,T0,m-1,100,10,0.0021\nresp_9,T0,m-1\n",
            &[("unreadable", "bill_line", "", "error")],
        ),
    ] {
        let (_, found) = trail.reconciled(&csv(&format!("{first}{two}{three}"))).await;
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected, "{first}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_never_zero() {
    let trail = Trail::of(&[call(Some("resp_1"), 100, 10, 2_100)]).await;
    for cost in [
        "-1",
        "nan",
        "inf",
        "1e300",
        "0,0021",
        "12.3.4",
        "0x10",
        "١٢",
        "1 000",
        "9007199254740993000",
    ] {
        let csv = format!("{HEADER}\nresp_1,{},m-1,100,10,\"{cost}\"\n", trail.time(0));
        let (report, found) = trail.reconciled(&csv).await;
        assert_eq!((report.unreadable, report.billed_microusd), (1, 0), "{cost}");
        assert_eq!(found[0].code.as_str(), "unreadable", "{cost}");
        assert_eq!(found[0].other.to_string(), "unreadable", "{cost}");
    }
    for tokens in ["-5", "1.5", "1e3", "+100", "99999999999999999999", "100 "] {
        let csv = format!("{HEADER}\nresp_1,{},m-1,{tokens},10,0.0021\n", trail.time(0));
        let (report, _) = trail.reconciled(&csv).await;
        assert_eq!(report.unreadable, u64::from(tokens != "100 "), "{tokens}");
    }
    for (time, is_read) in [
        ("2026-03-02T07:15:00", false),
        ("2026-03-02", false),
        ("03/02/2026 07:15", false),
        ("2026-02-30T07:15:00Z", false),
        ("1e9", false),
        ("2026-03-02T09:15:00+02:00", true),
        ("2026-03-02 07:15:00 UTC", true),
        ("1772435700", true),
    ] {
        let csv = format!(
            "{HEADER}\nresp_1,{},m-1,100,10,0.0021\nresp_9,{time},m-1,1,1,1\n",
            trail.time(0)
        );
        let (report, _) = trail.reconciled(&csv).await;
        // A line of another day is none of this period's.
        assert_eq!(report.unreadable, u64::from(!is_read), "{time}");
    }
}

#[tokio::test]
async fn a_bill_may_come_from_any_spreadsheet() {
    let trail = Trail::of(&[call(Some("resp_1"), 100, 10, 2_100)]).await;
    let time = trail.time(0);
    for csv in [
        format!("\u{feff}{HEADER}\r\nresp_1,{time},m-1,100,10,0.0021\r\n"),
        format!(
            "id;time;model;input_tokens;output_tokens;cost_usd\nresp_1;{time};m-1;100;10;0.0021"
        ),
        format!(
            "\"COST_USD\",\" Id \",\"team, or so\",time\n\"$0.0021\",\"resp_1\",\"a \"\"b\"\"\nc, d\",\"{time}\"\n"
        ),
        format!("response_id,timestamp,cost_microusd\nresp_1,{time},2100\n\n"),
        format!("id,time,cost\rresp_1,{time},2.1e-3\r"),
    ] {
        let (report, found) = trail.reconciled(&csv).await;
        assert_eq!((report.matched_by_id, report.billed_microusd), (1, 2_100), "{csv}");
        assert!(found.is_empty(), "{csv}: {found:?}");
    }
}

#[tokio::test]
async fn what_is_no_bill_is_refused_and_nothing_of_it_is_told() {
    for (bytes, said) in [
        (&b""[..], "no column id"),
        (b"name,phone\nMarie MUKIZA,+250788123456\n", "no column id"),
        (b"id,ID\n1,2\n", "two columns id"),
        (b"\xff\xfei\0d\0", "not UTF-8"),
        (b"id\n\0\n", "not UTF-8"),
        (b"\xff\xfe\xfd,id\n", "not UTF-8"),
    ] {
        let error = Bill::read(bytes).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
        assert_no_personal_data(&error);
    }
    assert!(matches!(Bill::read(&b"a\n"[..]), Err(BillError::NoColumn { .. })));
    // A line that is not text is a finding, and the lines around it count.
    let trail = Trail::of(&[]).await;
    let mut csv = format!("id,time,note\nresp_1,{},\"", trail.time(0)).into_bytes();
    csv.extend(b"\xff\xfe\"\n+250788123456,soon,Marie\n");
    let bill = Bill::read(&csv[..]).expect("a bill");
    assert_eq!(bill.len(), 2);
    assert_no_personal_data(&format!("{bill:?}"));
    let mut found = Vec::new();
    let period = (trail.at - TimeDelta::hours(1), trail.at + TimeDelta::hours(1));
    let report = reconcile_bill(&*trail.store, &bill, period, |finding| found.push(finding)).await;
    assert_eq!(report.expect("readable").unreadable, 2);
    assert_no_personal_data(&format!("{found:?}"));
}
