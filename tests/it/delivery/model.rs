//! Random steps of callers, databases and processes, and what must hold after each of them.
//!
//! `MOLTBOT_AUDIT_STEPS` is how many steps are made, `MOLTBOT_AUDIT_FIRST_SEED` where the seeds begin. A run that
//! fails is made again with fewer and fewer steps, and the shortest that fails is printed. Time is Tokio's own and
//! stands still while anybody has something to do.

mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::world::World;

const STEPS: &str = "MOLTBOT_AUDIT_STEPS";
const FIRST_SEED: &str = "MOLTBOT_AUDIT_FIRST_SEED";
/// Steps of one run.
const RUN: usize = 200;

/// One step.
#[derive(Clone, Debug)]
enum Step {
    /// So many callers record an event each of this stream.
    Record {
        stream: u8,
        callers: u8,
    },
    /// The last caller goes away without its answer.
    GiveUp,
    /// Another transaction takes a stream, or gives it back.
    Lock(u8),
    Unlock(u8),
    /// The sink panics over a stream, or no longer.
    Panic(u8),
    Calm(u8),
    /// The database refuses calls, or says nothing, or takes its time; the calls that go unanswered may land.
    Refuse {
        lands: bool,
    },
    Silence {
        lands: bool,
    },
    Slow {
        millis: u16,
    },
    Heal,
    /// Time goes by.
    Pass {
        millis: u16,
    },
    /// The runtime does nothing for a while: answers and deadlines are ready together.
    Stall {
        millis: u16,
    },
    /// The process is gone from one moment to the next; another opens its folder.
    Kill,
    /// The process ends well.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let stream = 0..4_u8;
    let step = prop_oneof![
        8 => (stream.clone(), 1..6_u8).prop_map(|(stream, callers)| Step::Record { stream, callers }),
        1 => Just(Step::GiveUp),
        1 => stream.clone().prop_map(Step::Lock),
        2 => stream.clone().prop_map(Step::Unlock),
        1 => stream.clone().prop_map(Step::Panic),
        2 => stream.prop_map(Step::Calm),
        1 => any::<bool>().prop_map(|lands| Step::Refuse { lands }),
        1 => any::<bool>().prop_map(|lands| Step::Silence { lands }),
        1 => (1..3_000_u16).prop_map(|millis| Step::Slow { millis }),
        3 => Just(Step::Heal),
        6 => (1..3_000_u16).prop_map(|millis| Step::Pass { millis }),
        1 => (1..3_000_u16).prop_map(|millis| Step::Stall { millis }),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, RUN)
}

fn drawn(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    steps().new_tree(&mut runner).expect("steps can always be drawn").current()
}

/// Whether the steps end as they should.
fn passes(seed: u64, steps: &[Step]) -> bool {
    catch_unwind(AssertUnwindSafe(|| World::new(seed).play(steps))).is_ok()
}

/// Leaves out what is not needed to fail: halves first, single steps last.
fn shrunk(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + size).min(steps.len()));
            if passes(seed, &fewer) {
                start += size;
            } else {
                steps = fewer;
            }
        }
        size /= 2;
    }
    steps
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

#[test]
fn nothing_acknowledged_is_lost_doubled_or_reordered_and_nobody_waits_longer_than_told() {
    let first = number(FIRST_SEED, 0);
    let runs = number(STEPS, 20_000).div_ceil(u64::try_from(RUN).expect("a small number"));
    for seed in first..first + runs {
        let steps = drawn(seed);
        if !passes(seed, &steps) {
            let shortest = shrunk(seed, steps);
            // Says what is wrong.
            eprintln!("{FIRST_SEED}={seed} {STEPS}={RUN} makes these steps again: {shortest:#?}");
            World::new(seed).play(&shortest);
            panic!("seed {seed} fails, but not each time");
        }
    }
}

/// A model that finds nothing proves nothing: each of these worlds breaks one promise.
#[test]
fn a_world_that_breaks_a_promise_is_found_out() {
    let record = Step::Record { stream: 0, callers: 3 };
    let pass = Step::Pass { millis: 1_000 };
    let steps =
        [record.clone(), pass.clone(), Step::Refuse { lands: false }, record, pass, Step::Heal];
    let steps: Vec<_> = steps.into_iter().chain([Step::Pass { millis: 2_999 }]).collect();
    assert!(passes(1, &steps));
    for flaw in [world::Flaw::Loses, world::Flaw::Reorders, world::Flaw::Dawdles] {
        let played = catch_unwind(AssertUnwindSafe(|| World::flawed(1, flaw).play(&steps)));
        assert!(played.is_err(), "{flaw:?} is not noticed");
    }
}
