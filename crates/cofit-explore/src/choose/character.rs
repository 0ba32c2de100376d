//! What of a model decides which chip suits it.

use cofit_chip::OperatorClass;
use cofit_compile::layer::Layer;
use cofit_ir::{Graph, Model};
use cofit_sim::class_of;
use cofit_vocab::{Bytes, Macs, OperatorKind};

/// The operators of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassShare {
    /// The class; a convolution with a 1x1 kernel counts as pointwise.
    pub class: OperatorClass,
    /// Operators of it.
    pub operators: usize,
    /// Their multiply-accumulates.
    pub macs: Macs,
    /// Of all multiply-accumulates, 0 to 1.
    pub share: f64,
}

/// An operator that keeps state or decides what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// Its kind.
    pub kind: OperatorKind,
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub name: String,
}

/// What of a model decides which chip suits it.
#[derive(Clone, Debug, PartialEq)]
pub struct Character {
    /// Classes that multiply, by their multiply-accumulates, the most first.
    pub classes: Vec<ClassShare>,
    /// All multiply-accumulates.
    pub macs: Macs,
    /// Operators that keep state, loop or call, by kind.
    pub recurrence: Vec<Recurrence>,
    /// Bytes of weights and other constants, as the file has them.
    pub weights: Bytes,
}

impl Character {
    /// Reads it off the model. Bodies of loops count once.
    pub fn of(model: &Model) -> Self {
        let mut classes: Vec<ClassShare> = Vec::new();
        let mut recurrence: Vec<Recurrence> = Vec::new();
        for graph in model.graphs.values() {
            for id in graph.operators.keys() {
                count(&mut classes, graph, id);
                let kind = graph.operators[id].kind();
                if !is_recurrent(kind) {
                    continue;
                }
                match recurrence.iter_mut().find(|known| known.kind == kind) {
                    Some(known) => known.count += 1,
                    None => recurrence.push(Recurrence {
                        kind,
                        count: 1,
                        name: graph.operator_name(id),
                    }),
                }
            }
        }
        let macs: Macs =
            Macs(classes.iter().map(|one| one.macs.get()).fold(0, u64::saturating_add));
        for one in &mut classes {
            one.share = one.macs.as_f64() / macs.as_f64().max(1.0);
        }
        classes.sort_by_key(|one| std::cmp::Reverse(one.macs));
        let weights = model.graphs.values().map(Graph::constant_bytes).sum();
        Self { classes, macs, recurrence, weights }
    }

    /// The classes that make up most of the work: the first ones, until nine tenths are covered.
    pub fn dominant(&self) -> &[ClassShare] {
        let mut covered = 0.0;
        let mut count = 0;
        for one in &self.classes {
            if covered >= 0.9 {
                break;
            }
            covered += one.share;
            count += 1;
        }
        &self.classes[..count]
    }
}

fn count(classes: &mut Vec<ClassShare>, graph: &Graph, id: cofit_ir::OperatorId) {
    let layer = Layer::of(graph, id);
    if layer.macs == Macs(0) {
        return;
    }
    // A short row of channels fills no vector, which is a matter of a processor's kernels.
    let class = match class_of(&layer) {
        OperatorClass::Shallow => OperatorClass::Convolution,
        class => class,
    };
    match classes.iter_mut().find(|known| known.class == class) {
        Some(known) => {
            known.operators += 1;
            known.macs = Macs(known.macs.get().saturating_add(layer.macs.get()));
        }
        None => classes.push(ClassShare { class, operators: 1, macs: layer.macs, share: 0.0 }),
    }
}

/// Whether operators of a kind keep state between inferences or steps, or decide what runs.
fn is_recurrent(kind: OperatorKind) -> bool {
    match OperatorClass::of(kind) {
        OperatorClass::Recurrent | OperatorClass::Control => true,
        OperatorClass::Convolution
        | OperatorClass::Pointwise
        | OperatorClass::Shallow
        | OperatorClass::Depthwise
        | OperatorClass::Transposed
        | OperatorClass::Dense
        | OperatorClass::MatrixProduct
        | OperatorClass::Pooling
        | OperatorClass::Elementwise
        | OperatorClass::Clamp
        | OperatorClass::Nonlinear
        | OperatorClass::Exponential
        | OperatorClass::Reduction
        | OperatorClass::Movement
        | OperatorClass::View
        | OperatorClass::Resampling
        | OperatorClass::Requantisation => false,
    }
}
