//! `holds` decides which way an event goes: a wrong "no" would put it before those that wait.

use moltbot_audit::RequestId;
use proptest::prelude::*;

use super::{Folder, waiting};
use crate::support::records::{fresh_request, records, stream};

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<usize>),
    Remove(usize),
    Reopen,
    SetAside(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(0..6_usize, 1..5).prop_map(Step::Push),
        2 => (0..8_usize).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
        1 => (0..8_usize).prop_map(Step::SetAside),
    ]
}

async fn check(steps: Vec<Step>) {
    let folder = Folder::new();
    let mut spool = folder.open().await;
    let requests: Vec<RequestId> = (0..6).map(|_| fresh_request()).collect();
    for step in steps {
        match step {
            Step::Push(streams) => {
                let batch = streams.iter().flat_map(|nth| records(&requests[*nth], 1));
                spool.push(batch.collect::<Vec<_>>()).await.expect("it is kept");
            }
            Step::Remove(nth) => {
                let places: Vec<u64> = waiting(&spool).await.iter().map(|row| row.place).collect();
                spool.remove(places.into_iter().skip(nth).take(2)).await.expect("they are removed");
            }
            Step::Reopen => {
                drop(spool);
                spool = folder.open().await;
            }
            Step::SetAside(nth) => {
                if let Some(row) = waiting(&spool).await.get(nth) {
                    spool.set_aside([(row.place, "refused")]).await.expect("it is set aside");
                }
            }
        }
        let rows = waiting(&spool).await;
        for row in &rows {
            assert!(spool.holds(row.record.stream_id()));
        }
        assert_eq!(spool.depth().events, rows.len() as u64);
        let mut gone = requests.iter().map(stream);
        let is_there = |id| rows.iter().any(|row| row.record.stream_id() == id);
        assert!(gone.all(|id| spool.holds(id) == is_there(id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_stream_is_held_as_long_as_an_event_of_it_waits(steps in prop::collection::vec(step(), 1..10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(steps));
    }
}
