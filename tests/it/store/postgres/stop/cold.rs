//! A session that is new knows no table yet, and looks each up under a lock. It waits for the tables that its work
//! needs, and for no other, as one does that has done the work before.

use moltbot_audit::event::{Budget, Period};
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Charge, Conclusion, Lease, OpenKind, OpenPage, Scope};
use moltbot_audit::{ErrorCode, Outcome};

use super::*;
use crate::support::claims::outcome;
use crate::support::records::{KEY, event, records, sealed, stream};

#[derive(Clone, Copy, Debug)]
enum Work {
    Admit,
    AdmitAgainstSwitch,
    AdmitChargedToRequest,
    AdmitChargedToDay,
    Append,
    AppendBatch,
    Conclude,
    Engage,
    ForgetSwitch,
    ListOpenEffects,
    ListSwitches,
    ReadStream,
    ReadUsage,
    RenewLeases,
    Reset,
    Settle,
    SettleCancelled,
    UseKey,
}

impl Work {
    /// The tables without which it cannot be done, by name.
    fn needs(self) -> Vec<&'static str> {
        const ADMIT: &[&str] = &[
            "audit_effects",
            "audit_events",
            "audit_keys",
            "audit_limits",
            "audit_streams",
            "audit_switches",
        ];
        let mut needs = match self {
            Self::Admit | Self::AdmitAgainstSwitch => ADMIT.to_vec(),
            Self::AdmitChargedToRequest => [ADMIT, &["audit_budgets"]].concat(),
            Self::AdmitChargedToDay => [ADMIT, &["audit_day_budgets"]].concat(),
            Self::Append | Self::AppendBatch | Self::ReadStream => {
                vec!["audit_events", "audit_streams"]
            }
            Self::Conclude | Self::Settle | Self::SettleCancelled => {
                vec!["audit_effects", "audit_events", "audit_streams"]
            }
            Self::Engage | Self::ForgetSwitch | Self::ListSwitches => vec!["audit_switches"],
            Self::ListOpenEffects | Self::RenewLeases => vec!["audit_effects"],
            Self::ReadUsage => vec!["audit_budgets"],
            Self::Reset => vec!["audit_events", "audit_streams", "audit_switches"],
            Self::UseKey => vec!["audit_keys"],
        };
        needs.sort_unstable();
        needs
    }

    /// Does it by a store whose sessions are new, for a request whose stream has begun.
    async fn run(self, case: &Case, running: &Claim) -> Result<(), StoreError> {
        let admission = case.admission();
        let admit = async |claim: Claim| admission.admit(&told(&claim)).await.map(drop);
        let charged = |period| {
            case.charged([Charge { budget: Budget::VENDORS, period, amount: 1, limit: 1_000_000 }])
        };
        let flip = async |is_engaged| {
            let (state, record) = flip(Switch::AI, is_engaged);
            admission.set_switch(&state, &record).await.map(drop)
        };
        let settle = async |outcome: Outcome, code| {
            let record = self::outcome(running, &case.request, |event| event.ended(outcome, code));
            case.store.append(&[record]).await.map(drop)
        };
        match self {
            Self::Admit => admit(case.claim()).await,
            Self::AdmitAgainstSwitch => {
                admit(Claim { switches: vec![Switch::OCR], ..case.claim() }).await
            }
            Self::AdmitChargedToRequest => admit(charged(Period::Request)).await,
            Self::AdmitChargedToDay => admit(charged(Period::Day)).await,
            Self::Append => case.store.append(&[sealed(event(&case.request))]).await.map(drop),
            Self::AppendBatch => case.store.append(&records(&case.request, 3)).await.map(drop),
            Self::Conclude => {
                let expired = Conclusion::Expired;
                let record = case.conclusion(running, expired);
                admission.conclude(running.effect_id, expired, &record).await.map(drop)
            }
            Self::Engage => flip(true).await,
            Self::ForgetSwitch => admission.forget_switch(&Switch::CALLING).await.map(drop),
            Self::ListOpenEffects => admission
                .open_effects(OpenPage { of: OpenKind::All, after: None, max: 10 })
                .await
                .map(drop),
            Self::ListSwitches => admission.switches().await.map(drop),
            Self::ReadStream => case.store.read_stream(stream(&case.request)).await.map(drop),
            Self::ReadUsage => admission.usage(Scope::Request(case.request.uuid())).await.map(drop),
            Self::RenewLeases => {
                let lease = Lease { effect_id: running.effect_id, length: Duration::from_mins(1) };
                admission.renew_leases(&[lease]).await
            }
            Self::Reset => flip(false).await,
            Self::Settle => settle(Outcome::Failed, ErrorCode::Unavailable).await,
            Self::SettleCancelled => settle(Outcome::Cancelled, ErrorCode::Cancelled).await,
            Self::UseKey => admission.use_key(KEY.fingerprint()).await.map(drop),
        }
    }

    /// Tries it while each of the tables is held, and compares what it had to wait for.
    async fn try_it(self) {
        let database = Database::new().await;
        let waited = async |table: &str| {
            // The effect has nothing that an end would have to give back.
            let case =
                Case { request: crate::support::records::fresh_request(), ..database.case.clone() };
            let running = Claim { lease: Duration::ZERO, ..case.claim() };
            case.admit(&running).await;
            let held = format!("lock table moltbot_audit.{table} in access exclusive mode");
            let mut session = database.idle_after(&held).await;
            let store = PostgresStore::connect(&database.url).await.expect("it connects");
            let store = store.with_statement_limit(Duration::from_secs(4));
            let case = Case { store: Arc::new(store), ..case };
            let done = timeout(Duration::from_mins(1), self.run(&case, &running)).await;
            session.execute("rollback").await.expect("it ends");
            match done.expect("it is bounded") {
                Ok(()) => false,
                // Reads have the limit of their statement alone.
                Err(StoreError::Locked { .. } | StoreError::Unavailable { .. }) => true,
                Err(error) => panic!("{self:?}, {held}: {error:?}"),
            }
        };
        let mut needed = Vec::new();
        for table in super::locks::tables(&database).await {
            if !table.starts_with("audit_events_") && waited(&table).await {
                needed.push(table);
            }
        }
        assert_eq!(needed, self.needs(), "{self:?}");
    }
}

macro_rules! works {
    ($($name:ident: $work:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                Work::$work.try_it().await;
            }
        )*
    };
}

works! {
    an_admission: Admit
    an_admission_against_a_switch: AdmitAgainstSwitch
    an_admission_that_is_charged_to_its_request: AdmitChargedToRequest
    an_admission_that_is_charged_to_its_day: AdmitChargedToDay
    an_event: Append
    a_batch: AppendBatch
    a_conclusion: Conclude
    a_switch_that_is_engaged: Engage
    a_switch_that_is_forgotten: ForgetSwitch
    a_list_of_open_effects: ListOpenEffects
    a_list_of_switches: ListSwitches
    a_stream_that_is_read: ReadStream
    a_look_at_budgets: ReadUsage
    a_lease_that_is_renewed: RenewLeases
    a_switch_that_is_reset: Reset
    an_outcome: Settle
    an_outcome_that_leaves_a_doubt: SettleCancelled
    a_look_at_the_key: UseKey
}
