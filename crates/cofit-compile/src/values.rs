//! Which tensors share bytes: a view and what it is a view of are one value, and so are a result
//! and the input that it overwrites.

use cofit_ir::{Graph, TensorId, TensorRole};
use cranelift_entity::SecondaryMap;
use smallvec::SmallVec;

use crate::plan::{Placement, Plan, StepSchedule};

/// Tensors grouped into values; each value gets one buffer.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// The value of each tensor; `None` for constants and tensors that no step touches.
    pub of: SecondaryMap<TensorId, Option<usize>>,
    /// The tensors of each value, the one that is written first.
    pub tensors: Vec<SmallVec<[TensorId; 1]>>,
    /// Whether each value is seen in more than one shape.
    pub is_viewed: Vec<bool>,
}

impl Values {
    /// Groups the activations and variables of a plan whose views are known.
    pub fn of(plan: &Plan) -> Self {
        let mut values = Self::default();
        for &input in &plan.graph.inputs {
            values.add(&plan.graph, input);
        }
        for step in plan.steps.values() {
            let shared = match (&step.placement, step.inputs.first(), &step.schedule) {
                (Placement::View, Some(&input), _) => {
                    let value = values.add(&plan.graph, input);
                    if let Some(value) = value {
                        values.is_viewed[value] = true;
                    }
                    value
                }
                (_, _, StepSchedule::EthosU { overwrites: Some(input), .. }) => {
                    values.add(&plan.graph, *input)
                }
                _ => None,
            };
            for &input in &step.inputs {
                values.add(&plan.graph, input);
            }
            for &output in &step.outputs {
                match shared {
                    Some(value) if values.of[output].is_none() => {
                        values.of[output] = Some(value);
                        values.tensors[value].push(output);
                    }
                    _ => {
                        values.add(&plan.graph, output);
                    }
                }
            }
        }
        for &output in &plan.graph.outputs {
            values.add(&plan.graph, output);
        }
        values
    }

    /// The value of `tensor`, made where it has none yet.
    fn add(&mut self, graph: &Graph, tensor: TensorId) -> Option<usize> {
        if graph.tensors[tensor].is_constant() {
            return None;
        }
        if self.of[tensor].is_none() {
            self.of[tensor] = Some(self.tensors.len());
            self.tensors.push(SmallVec::from_slice(&[tensor]));
            self.is_viewed.push(false);
        }
        self.of[tensor]
    }

    /// Whether any tensor of the value is fed from outside or keeps state.
    pub fn is_live_in(&self, graph: &Graph, value: usize) -> bool {
        self.tensors[value].iter().any(|&tensor| {
            graph.inputs.contains(&tensor) || graph.tensors[tensor].role == TensorRole::Variable
        })
    }

    /// Whether any tensor of the value is read outside or keeps state.
    pub fn is_live_out(&self, graph: &Graph, value: usize) -> bool {
        self.tensors[value].iter().any(|&tensor| {
            graph.outputs.contains(&tensor) || graph.tensors[tensor].role == TensorRole::Variable
        })
    }
}
