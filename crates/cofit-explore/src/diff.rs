//! Two results side by side: whether they may be compared, and what changed, layer by layer.
//!
//! A [`Comparison`] works on results as data, [`ResultDocument`]s, so that a file written last year and
//! a model evaluated now are compared in one way. Every change is B less A. The changes of the layers
//! add up to those of the totals, cause by cause, exactly.

pub mod align;
pub mod comparable;
pub mod document;

use cofit_vocab::{Diagnostic, Figure, FigureKind, Severity, Unit};

use align::Match;
pub use document::{CONTRACT, ResultDocument};
use document::{Layer, Moved};

/// How a figure changed from A to B.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The figure of A, where it is known.
    pub a: Option<Figure>,
    /// The figure of B, where it is known.
    pub b: Option<Figure>,
    /// B less A, where both are known. Its interval spans every pair of points of the two.
    pub delta: Option<Figure>,
}

impl Change {
    /// The change between two figures of one unit.
    pub fn of(a: Option<Figure>, b: Option<Figure>) -> Self {
        let delta = a.zip(b).filter(|(a, b)| a.unit == b.unit).map(|(a, b)| Figure {
            value: b.value - a.value,
            unit: a.unit,
            kind: a.kind.max(b.kind),
            low: b.low - a.high,
            high: b.high - a.low,
        });
        Self { a, b, delta }
    }

    /// Whether there is no change.
    pub fn is_none(&self) -> bool {
        self.a == self.b
    }

    /// Whether the change is larger than what both intervals share. A smaller one may be an error of
    /// either figure; two points differ whenever they are not equal.
    pub fn is_told_apart(&self) -> bool {
        let (Some(a), Some(b)) = (self.a, self.b) else { return false };
        let shared = a.high.min(b.high) - a.low.max(b.low);
        let change = (b.value - a.value).abs();
        change > 0.0 && change >= shared
    }

    /// B in parts of A; `None` where either is unknown or A is 0.
    pub fn ratio(&self) -> Option<f64> {
        let (a, b) = (self.a?, self.b?);
        (a.value > 0.0).then(|| b.value / a.value)
    }
}

/// A figure with its name: a memory or a cause.
pub type Named = (String, Change);

/// What happened to a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerState {
    /// Both sides have it, and every value is the same.
    Same,
    /// Both sides have it.
    Changed,
    /// Only A has it.
    Removed,
    /// Only B has it.
    Inserted,
}

impl LayerState {
    /// The word in JSON and CSV.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
        }
    }
}

/// Layers that are the same work on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerChange {
    /// What happened.
    pub state: LayerState,
    /// Indices of A's layers.
    pub a: Vec<usize>,
    /// Indices of B's layers.
    pub b: Vec<usize>,
    /// Multiplications with addition. A side without the layer has 0, here and below.
    pub macs: Change,
    /// Cycles.
    pub cycles: Change,
    /// Cycles by cause, in the totals' order.
    pub causes: Vec<Named>,
    /// Bytes read, by memory.
    pub read: Vec<Named>,
    /// Bytes written, by memory.
    pub written: Vec<Named>,
    /// Bytes alive while it runs; the most of several layers.
    pub peak_live: Change,
}

/// What changed over the whole inference.
#[derive(Clone, Debug, PartialEq)]
pub struct TotalChanges {
    /// Seconds.
    pub latency: Change,
    /// Joules.
    pub energy: Change,
    /// Cycles.
    pub cycles: Change,
    /// Cycles by cause.
    pub causes: Vec<Named>,
    /// Bytes needed, by memory. A memory that one chip lacks has no figure there.
    pub peak: Vec<Named>,
    /// Bytes read, by memory.
    pub read: Vec<Named>,
    /// Bytes written, by memory.
    pub written: Vec<Named>,
    /// Multiplications with addition of the model.
    pub macs: Change,
    /// Parameters of the model.
    pub parameters: Change,
}

/// Two results side by side.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// The first result.
    pub a: &'a ResultDocument,
    /// The second result.
    pub b: &'a ResultDocument,
    /// What blocks the comparison, weakens it or is worth knowing: errors, warnings, notes.
    pub issues: Vec<Diagnostic>,
    /// What changed; `None` where a side follows a contract that is not understood.
    pub totals: Option<TotalChanges>,
    /// The layers, where both sides list them.
    pub layers: Option<Vec<LayerChange>>,
}

impl<'a> Comparison<'a> {
    /// Compares B with A.
    pub fn of(a: &'a ResultDocument, b: &'a ResultDocument) -> Self {
        let is_understood = a.is_understood() && b.is_understood();
        let totals = is_understood.then(|| totals(a, b));
        let layers = a.layers.as_ref().zip(b.layers.as_ref());
        let layers = layers.map(|(of_a, of_b)| {
            let matches = if is_one_model(a, b) {
                align::by_origin(of_a, of_b)
            } else {
                align::by_order(of_a, of_b)
            };
            let causes = names(&a.totals.causes, &b.totals.causes);
            let memories = names(&a.totals.traffic, &b.totals.traffic);
            let change = |found| layer_change(of_a, of_b, found, &causes, &memories);
            matches.into_iter().map(change).collect()
        });
        Self { a, b, issues: comparable::issues(a, b), totals, layers }
    }

    /// Whether comparing would mislead.
    pub fn is_blocked(&self) -> bool {
        self.issues.iter().any(|issue| issue.severity == Severity::Error)
    }

    /// Whether nothing changed at all.
    pub fn is_empty(&self) -> bool {
        let same = |list: &[Named]| list.iter().all(|(_, change)| change.is_none());
        let totals = self.totals.as_ref().is_some_and(|totals| {
            let single = [&totals.latency, &totals.energy, &totals.cycles, &totals.macs];
            single.into_iter().chain([&totals.parameters]).all(Change::is_none)
                && [&totals.causes, &totals.peak, &totals.read, &totals.written]
                    .into_iter()
                    .all(|list| same(list))
        });
        let layers = self.layers.iter().flatten();
        totals && layers.into_iter().all(|layer| layer.state == LayerState::Same)
    }

    /// What B needs more of than A by more than `percent`: time (cycles where there is none), energy,
    /// and each memory that both have. Values decide, not intervals: the errors of two runs of one
    /// cost model go the same way.
    pub fn regressions(&self, percent: f64) -> Vec<(String, Change)> {
        let Some(totals) = &self.totals else { return Vec::new() };
        let time = match totals.latency.delta {
            Some(_) => ("time".to_owned(), totals.latency.clone()),
            None => ("cycles".to_owned(), totals.cycles.clone()),
        };
        let mut judged = vec![time, ("energy".to_owned(), totals.energy.clone())];
        judged
            .extend(totals.peak.iter().map(|(name, peak)| (format!("peak {name}"), peak.clone())));
        let is_worse = |change: &Change| match (change.a, change.b) {
            (Some(a), Some(b)) => b.value > a.value * (1.0 + percent / 100.0),
            _ => false,
        };
        judged.into_iter().filter(|(_, change)| is_worse(change)).collect()
    }
}

/// Whether both results are of one file, read in one way: a sketch's parameters show in its counts.
fn is_one_model(a: &ResultDocument, b: &ResultDocument) -> bool {
    let (a, b) = (&a.model, &b.model);
    let value = |figure: Option<Figure>| figure.map(|figure| figure.value);
    !a.sha256.is_empty()
        && a.sha256 == b.sha256
        && value(a.macs) == value(b.macs)
        && value(a.parameters) == value(b.parameters)
        && (&a.inputs, &a.outputs) == (&b.inputs, &b.outputs)
}

/// The names of both lists: A's order, then what only B has.
fn names<T>(a: &[(String, T)], b: &[(String, T)]) -> Vec<String> {
    let only_b = b.iter().filter(|(name, _)| a.iter().all(|(known, _)| known != name));
    a.iter().chain(only_b).map(|(name, _)| name.clone()).collect()
}

fn find<'a, T>(list: &'a [(String, T)], name: &str) -> Option<&'a T> {
    list.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn totals(a: &ResultDocument, b: &ResultDocument) -> TotalChanges {
    let (of_a, of_b) = (&a.totals, &b.totals);
    let moved = |part: fn(&Moved) -> Figure| -> Vec<Named> {
        let figure = |list: &[(String, Moved)], name: &str| find(list, name).map(part);
        let names = names(&of_a.traffic, &of_b.traffic).into_iter();
        names
            .map(|name| {
                let change = Change::of(figure(&of_a.traffic, &name), figure(&of_b.traffic, &name));
                (name, change)
            })
            .collect()
    };
    let listed = |a: &[(String, Figure)], b: &[(String, Figure)]| -> Vec<Named> {
        let change = |name: &String| Change::of(find(a, name).copied(), find(b, name).copied());
        names(a, b)
            .into_iter()
            .map(|name| {
                let change = change(&name);
                (name, change)
            })
            .collect()
    };
    TotalChanges {
        latency: Change::of(of_a.latency.figure().copied(), of_b.latency.figure().copied()),
        energy: Change::of(of_a.energy.figure().copied(), of_b.energy.figure().copied()),
        cycles: Change::of(of_a.cycles.figure().copied(), of_b.cycles.figure().copied()),
        causes: listed(&of_a.causes, &of_b.causes),
        peak: listed(&of_a.peak, &of_b.peak),
        read: moved(|moved| moved.read),
        written: moved(|moved| moved.written),
        macs: Change::of(a.model.macs, b.model.macs),
        parameters: Change::of(a.model.parameters, b.model.parameters),
    }
}

/// A sum of figures; nothing is exactly 0.
fn sum(figures: impl Iterator<Item = Figure>, unit: Unit) -> Figure {
    let zero = Figure::point(0.0, unit, FigureKind::Exact);
    figures.fold(zero, |sum, one| Figure {
        value: sum.value + one.value,
        unit,
        kind: sum.kind.max(one.kind),
        low: sum.low + one.low,
        high: sum.high + one.high,
    })
}

fn layer_change(
    a: &[Layer],
    b: &[Layer],
    found: Match,
    causes: &[String],
    memories: &[String],
) -> LayerChange {
    let of_a: Vec<&Layer> = found.a.iter().map(|&at| &a[at]).collect();
    let of_b: Vec<&Layer> = found.b.iter().map(|&at| &b[at]).collect();
    let change = |unit: Unit, part: &dyn Fn(&Layer) -> Option<Figure>| {
        let total = |layers: &[&Layer]| sum(layers.iter().filter_map(|layer| part(layer)), unit);
        Change::of(Some(total(&of_a)), Some(total(&of_b)))
    };
    let by_memory = |part: fn(&Moved) -> Figure| -> Vec<Named> {
        let of = |name: &String| {
            change(Unit::Bytes, &|layer: &Layer| find(&layer.traffic, name).map(part))
        };
        memories.iter().map(|name| (name.clone(), of(name))).collect()
    };
    let macs = |layer: &Layer| Some(Figure::point(layer.macs as f64, Unit::One, FigureKind::Exact));
    let most = |layers: &[&Layer]| {
        let zero = Figure::point(0.0, Unit::Bytes, FigureKind::Exact);
        let peaks = layers.iter().map(|layer| layer.peak_live);
        peaks.fold(zero, |most, one| if one.value >= most.value { one } else { most })
    };
    let state = match (of_a.as_slice(), of_b.as_slice()) {
        (_, []) => LayerState::Removed,
        ([], _) => LayerState::Inserted,
        ([one], [other]) if is_same(one, other) => LayerState::Same,
        (of_a, of_b) => {
            let is_same = of_a.len() == of_b.len()
                && of_a.iter().zip(of_b).all(|(one, other)| is_same(one, other));
            if is_same { LayerState::Same } else { LayerState::Changed }
        }
    };
    LayerChange {
        state,
        macs: change(Unit::One, &macs),
        cycles: change(Unit::Cycles, &|layer: &Layer| Some(layer.cycles)),
        causes: causes
            .iter()
            .map(|name| {
                let part = |layer: &Layer| find(&layer.causes, name).copied();
                (name.clone(), change(Unit::Cycles, &part))
            })
            .collect(),
        read: by_memory(|moved| moved.read),
        written: by_memory(|moved| moved.written),
        peak_live: Change::of(Some(most(&of_a)), Some(most(&of_b))),
        a: found.a,
        b: found.b,
    }
}

/// Whether two layers are one in all but their names, their places in the file, and how well their
/// figures are known.
fn is_same(a: &Layer, b: &Layer) -> bool {
    let causes = |layer: &Layer| -> Vec<(String, f64)> {
        layer.causes.iter().map(|(name, cycles)| (name.clone(), cycles.value)).collect()
    };
    let traffic = |layer: &Layer| -> Vec<(String, f64, f64)> {
        let moved = layer.traffic.iter();
        moved.map(|(name, it)| (name.clone(), it.read.value, it.written.value)).collect()
    };
    (&a.op, &a.engine, &a.shape, a.macs) == (&b.op, &b.engine, &b.shape, b.macs)
        && (a.cycles.value, a.peak_live.value) == (b.cycles.value, b.peak_live.value)
        && causes(a) == causes(b)
        && traffic(a) == traffic(b)
}
