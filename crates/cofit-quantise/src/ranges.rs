//! Which tensors share a mapping, and the mapping of each.

use std::collections::BTreeMap;

use cofit_ir::{Graph, OperatorId, TensorId};
use cofit_vocab::ElementType;
use cranelift_entity::{EntityRef, SecondaryMap};

use crate::calibration::constant_range;
use crate::mapping::{Mapping, Range, Width};
use crate::operator_rules::{FixedMapping, Treatment, treatment};
use crate::{Calibration, Method, Scheme};

/// How an operator runs: `None` in float, else at a width.
pub(crate) type Modes = SecondaryMap<OperatorId, Option<Width>>;

/// The mapping of every tensor at every width.
pub(crate) struct Mappings {
    parents: Vec<usize>,
    classes: BTreeMap<usize, Mapping>,
}

impl Mappings {
    /// Joins the tensors of operators that move integers, and gives each class a mapping that holds
    /// the ranges of all its members.
    pub fn new(
        graph: &Graph,
        modes: &Modes,
        calibration: &Calibration,
        method: Method,
        scheme: &Scheme,
    ) -> Self {
        let mut joined =
            Self { parents: (0..graph.tensors.len() * 2).collect(), classes: BTreeMap::new() };
        for (id, operator) in &graph.operators {
            let (Some(width), Treatment::Shared) = (modes[id], treatment(&operator.op)) else {
                continue;
            };
            let tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
            let mut data =
                tensors.filter(|&&tensor| graph.tensors[tensor].element == ElementType::Float32);
            if let Some(&first) = data.next() {
                data.for_each(|&other| joined.join(node(first, width), node(other, width)));
            }
        }
        let mut ranges: BTreeMap<usize, Range> = BTreeMap::new();
        for (id, tensor) in &graph.tensors {
            for width in [Width::Eight, Width::Sixteen] {
                let range = match tensor.is_constant() {
                    true if tensor.element == ElementType::Float32 => constant_range(tensor),
                    true => None,
                    false => calibration.range(id, method, width, is_symmetric(scheme, width)),
                };
                let Some(range) = range else { continue };
                let class = joined.class(node(id, width));
                ranges.entry(class).and_modify(|all| *all = all.union(range)).or_insert(range);
            }
        }
        for (&class, &range) in &ranges {
            joined.classes.insert(class, derive(range, width_of(class), scheme));
        }
        joined.adopt_fixed(graph, modes, &ranges);
        joined
    }

    /// A class takes the mapping that a kernel writes in, where all that write it agree and it holds
    /// the whole range; else the kernel's result is requantised.
    fn adopt_fixed(&mut self, graph: &Graph, modes: &Modes, ranges: &BTreeMap<usize, Range>) {
        let mut wanted: BTreeMap<usize, Option<Mapping>> = BTreeMap::new();
        for (id, operator) in &graph.operators {
            let Some(width) = modes[id] else { continue };
            let Treatment::Fixed(fixed) = treatment(&operator.op) else { continue };
            let Some(mapping) = fixed.at(width) else { continue };
            for &output in &operator.outputs {
                let class = self.class(node(output, width));
                wanted
                    .entry(class)
                    .and_modify(|other| *other = other.filter(|other| *other == mapping))
                    .or_insert(Some(mapping));
            }
        }
        for (class, mapping) in wanted {
            let Some(mapping) = mapping else { continue };
            let reach = mapping.reach(width_of(class));
            // A softmax may reach 1, the last integer means one step less.
            let holds = ranges.get(&class).is_none_or(|range| {
                range.low >= reach.low - mapping.scale && range.high <= reach.high + mapping.scale
            });
            if holds {
                self.classes.insert(class, mapping);
            }
        }
    }

    /// The mapping of `tensor` at `width`; `None` where nothing is known about its range.
    pub fn of(&self, tensor: TensorId, width: Width) -> Option<Mapping> {
        let mut class = node(tensor, width);
        while self.parents[class] != class {
            class = self.parents[class];
        }
        self.classes.get(&class).copied()
    }

    /// The mapping that the kernel of `fixed` writes `tensor` in, where it is not the tensor's.
    pub fn differing(
        &self,
        fixed: FixedMapping,
        tensor: TensorId,
        width: Width,
    ) -> Option<Mapping> {
        fixed.at(width).filter(|mapping| self.of(tensor, width) != Some(*mapping))
    }

    fn class(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Joins two classes; the smaller index stands for both, so that the result is deterministic.
    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.class(a), self.class(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

/// Whether activations of `width` have zero point 0.
pub(crate) fn is_symmetric(scheme: &Scheme, width: Width) -> bool {
    match width {
        Width::Eight => scheme.symmetric_activations || scheme.power_of_two,
        Width::Sixteen => true,
    }
}

/// The mapping for a range.
pub(crate) fn derive(range: Range, width: Width, scheme: &Scheme) -> Mapping {
    if scheme.power_of_two {
        Mapping::power_of_two(range, width)
    } else if is_symmetric(scheme, width) {
        Mapping::symmetric(range, width)
    } else {
        Mapping::asymmetric(range, width)
    }
}

fn node(tensor: TensorId, width: Width) -> usize {
    tensor.index() * 2 + usize::from(width == Width::Sixteen)
}

const fn width_of(node: usize) -> Width {
    if node.is_multiple_of(2) { Width::Eight } else { Width::Sixteen }
}
