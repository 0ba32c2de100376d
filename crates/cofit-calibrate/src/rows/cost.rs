//! What a layer costs, and sums over the layers of one kind.

use std::collections::BTreeMap;

use cofit_vocab::Seconds;

use super::reading::{Reading, all_of_kind, name};
use super::{Level, Row};

/// The most kinds of layers of one network that are told apart.
const MOST_KINDS: usize = 1000;

/// Time, cycles or both.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// The time.
    pub(super) latency: Option<Seconds>,
    /// How exactly the time was written down.
    pub(super) resolution: Seconds,
    /// Cycles.
    pub(super) cycles: Option<f64>,
}

impl Cost {
    /// Cycles alone.
    pub(super) fn of_cycles(cycles: f64) -> Self {
        Self { cycles: Some(cycles), ..Self::default() }
    }

    /// A time as it was written down.
    pub(super) fn of_time((latency, resolution): (Seconds, Seconds)) -> Self {
        Self { latency: Some(latency), resolution, cycles: None }
    }

    /// Both together; what only one of them states is not known of the sum.
    pub(super) fn plus(self, other: Self) -> Self {
        let latency = self.latency.zip(other.latency);
        Self {
            latency: latency.map(|(a, b)| Seconds(a.get() + b.get())),
            resolution: Seconds(self.resolution.get() + other.resolution.get()),
            cycles: self.cycles.zip(other.cycles).map(|(a, b)| a + b),
        }
    }

    /// `row` with this cost.
    pub(super) fn on(self, row: Row) -> Row {
        Row { latency: self.latency, resolution: self.resolution, cycles: self.cycles, ..row }
    }
}

/// Layers added up by kind.
#[derive(Default)]
pub(super) struct Kinds(BTreeMap<String, Sum>);

struct Sum {
    line: u32,
    cost: Cost,
    layers: usize,
}

impl Kinds {
    /// Adds a layer; past [`MOST_KINDS`] kinds a new one is passed over.
    pub(super) fn add(&mut self, kind: &str, line: u32, cost: Cost, reading: &mut Reading<'_>) {
        let kind = name(kind);
        if let Some(sum) = self.0.get_mut(&kind) {
            sum.cost = sum.cost.plus(cost);
            sum.layers += 1;
        } else if self.0.len() < MOST_KINDS {
            self.0.insert(kind, Sum { line, cost, layers: 1 });
        } else {
            reading.pass_over(line, &format!("{MOST_KINDS} kinds are told apart, and no more"));
        }
    }

    /// A row for each kind, in the order of first lines; `row` makes one of a line, and `note` says
    /// what so many are.
    pub(super) fn rows(
        self,
        network: &str,
        row: impl Fn(u32) -> Row,
        note: impl Fn(usize) -> String,
        reading: &mut Reading<'_>,
    ) {
        let mut kinds: Vec<_> = self.0.into_iter().collect();
        kinds.sort_by_key(|(_, sum)| sum.line);
        for (kind, sum) in kinds {
            let mut row = sum.cost.on(row(sum.line));
            row.level = Level::Layer;
            row.model = all_of_kind(network, &kind);
            row.note = note(sum.layers);
            reading.row(row);
        }
    }
}
