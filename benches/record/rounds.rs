//! How two ways of writing are compared on a machine that does other work too.

use super::callers::median;

/// Medians over the rounds.
pub(crate) struct Compared {
    pub(crate) subject: f64,
    /// One for each of the others, in their order.
    pub(crate) others: Vec<Other>,
}

/// One way that the subject was compared with.
pub(crate) struct Other {
    pub(crate) figure: f64,
    /// How many times as much the subject reaches.
    pub(crate) ratio: f64,
}

/// Runs every other way between two runs of the subject, and takes the ratio of each round from these
/// three: a machine that grows slower meanwhile favours neither. Every other round goes backwards.
///
/// `run` gives a figure of which more is better. One round more is run, and not counted: it fills
/// caches and plans.
pub(crate) async fn compare<W: Copy>(
    rounds: usize,
    subject: W,
    others: &[W],
    run: impl AsyncFn(W) -> f64,
) -> Compared {
    let mut subjects = Vec::new();
    let mut figures: Vec<_> = others.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for nth in 0..=rounds {
        let mut order: Vec<usize> = (0..others.len()).collect();
        if nth % 2 == 1 {
            order.reverse();
        }
        let mut before = run(subject).await;
        for other in order {
            let figure = run(others[other]).await;
            let after = run(subject).await;
            if nth > 0 {
                subjects.push(after);
                figures[other].0.push(figure);
                figures[other].1.push(f64::midpoint(before, after) / figure);
            }
            before = after;
        }
    }
    let others = figures
        .into_iter()
        .map(|(figures, ratios)| Other { figure: median(figures), ratio: median(ratios) });
    Compared { subject: median(subjects), others: others.collect() }
}

/// The median of what a way reaches, over rounds of which the first is not counted.
pub(crate) async fn alone(rounds: usize, run: impl AsyncFn() -> f64) -> f64 {
    let mut figures = Vec::new();
    for nth in 0..=rounds {
        let figure = run().await;
        if nth > 0 {
            figures.push(figure);
        }
    }
    median(figures)
}
