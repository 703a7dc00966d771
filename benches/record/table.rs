//! What is printed at the end.

use std::fmt;

/// What a ratio has to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

pub(crate) struct Table {
    rounds: usize,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    figure: f64,
    unit: &'static str,
    ratio: Option<f64>,
    target: Option<Target>,
}

impl Table {
    pub(crate) fn new(rounds: usize) -> Self {
        Self { rounds, lines: Vec::new() }
    }

    /// A figure that is not judged by itself.
    pub(crate) fn figure(&mut self, name: &str, figure: f64, unit: &'static str) {
        self.lines.push(Line { name: name.to_owned(), figure, unit, ratio: None, target: None });
    }

    /// A figure, and what the line above it is, or it itself is, in proportion.
    pub(crate) fn ratio(
        &mut self,
        name: &str,
        figure: f64,
        unit: &'static str,
        ratio: f64,
        target: Option<Target>,
    ) {
        let name = format!("  {name}");
        self.lines.push(Line { name, figure, unit, ratio: Some(ratio), target });
    }
}

impl Target {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least:.2}"),
            Self::AtMost(most) => write!(f, "<= {most:.2}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(f, "medians of {} rounds, {cores} cores", self.rounds)?;
        writeln!(f, "{:<54} {:>9} {:<8} {:>7} {:>9}  met", "", "figure", "", "ratio", "target")?;
        for Line { name, figure, unit, ratio, target } in &self.lines {
            write!(f, "{name:<54} {figure:>9.0} {unit:<8}")?;
            if let Some(ratio) = ratio {
                write!(f, " {ratio:>7.2}")?;
            }
            if let (Some(ratio), Some(target)) = (ratio, target) {
                let met = if target.is_met(*ratio) { "yes" } else { "NO" };
                write!(f, " {:>9}  {met}", target.to_string())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
