//! The finished graph.

use std::collections::HashMap;

use cofit_ir::{Graph, Op, OperatorId, Shape, Tensor, TensorId};
use cofit_vocab::ElementType;

use super::{Importer, bias_quantisation};

impl Importer {
    /// Gives convolutions without a bias one of zeros: TFLite's kernels take none without
    /// (`tensorflow/lite/kernels/conv.cc`).
    fn add_biases(&mut self) {
        let bare: Vec<OperatorId> = self
            .graph
            .operators
            .iter()
            .filter(|(_, operator)| {
                matches!(operator.op, Op::Conv2d(_)) && operator.inputs.len() == 2
            })
            .map(|(id, _)| id)
            .collect();
        for id in bare {
            let operator = &self.graph.operators[id];
            let (Some(input), Some(weights)) = (operator.input(0), operator.input(1)) else {
                continue;
            };
            let (input, weights) = (&self.graph.tensors[input], &self.graph.tensors[weights]);
            let outputs = weights.shape.get(0).unwrap_or(0);
            let element = match weights.element {
                ElementType::Int8 => ElementType::Int32,
                other => other,
            };
            let data =
                vec![0; usize::try_from(element.bytes_for(outputs.into()).get()).unwrap_or(0)];
            let name = format!("{}/bias", weights.name);
            let mut bias = Tensor::constant(name, element, Shape::new(&[outputs]), data);
            let scales = input.quantisation.as_ref().zip(weights.quantisation.as_ref());
            bias.quantisation = scales.map(|(input, weights)| bias_quantisation(input, weights));
            let bias = self.graph.tensor(bias);
            self.graph.operators[id].inputs.push(Some(bias));
        }
    }

    /// The finished graph, without operators whose results nothing reads and tensors that nothing
    /// refers to.
    pub fn finish(mut self) -> Graph {
        self.add_biases();
        let mut used = vec![false; self.graph.tensors.len()];
        let at = |id: TensorId| id.as_u32() as usize;
        for &id in self.graph.inputs.iter().chain(&self.graph.outputs) {
            used[at(id)] = true;
        }
        let mut kept = vec![false; self.graph.operators.len()];
        for (id, operator) in self.graph.operators.iter().rev() {
            let is_read = operator.outputs.iter().any(|&output| used[at(output)]);
            if is_read {
                kept[id.as_u32() as usize] = true;
                let all = operator.inputs.iter().flatten().chain(&operator.outputs);
                all.for_each(|&id| used[at(id)] = true);
            }
        }
        let mut graph = Graph { name: self.graph.name, ..Graph::default() };
        let mut places = HashMap::new();
        for (id, tensor) in self.graph.tensors {
            if used[at(id)] {
                places.insert(id, graph.tensor(tensor));
            }
        }
        for (id, mut operator) in self.graph.operators {
            if !kept[id.as_u32() as usize] {
                continue;
            }
            let inputs = operator.inputs.iter_mut().flatten();
            for id in inputs.chain(&mut operator.outputs) {
                *id = places[id];
            }
            graph.operator(operator);
        }
        graph.inputs = self.graph.inputs.iter().map(|id| places[id]).collect();
        graph.outputs = self.graph.outputs.iter().map(|id| places[id]).collect();
        graph
    }
}
