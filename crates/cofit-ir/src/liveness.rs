//! When tensors occupy memory, for operators that run in the order of the arena.
//!
//! These are the model's own lifetimes, before any fusion, reordering or tiling. They need no
//! chip and bound what a planner can do without changing the graph.

use std::ops::RangeInclusive;

use cofit_vocab::Bytes;
use cranelift_entity::{EntityRef, SecondaryMap};

use crate::{Graph, OperatorId, TensorId, TensorRole};

/// The first and the last operator while which a tensor occupies memory.
pub type Lifetime = RangeInclusive<OperatorId>;

/// The operator at which most bytes are live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Bytes of the live tensors, without padding between them; [`Bytes::MAX`] if they are more.
    pub bytes: Bytes,
    /// The operator; the first one where several are equal.
    pub operator: OperatorId,
    /// The live tensors, in order of id.
    pub tensors: Vec<TensorId>,
}

impl Graph {
    /// When each tensor of a verified graph is live; `None` for constants and for tensors that
    /// nothing uses.
    ///
    /// Graph inputs are live from the first operator, graph outputs up to the last, variables
    /// always. A result is live from its operator to the last one that reads it, scratch space
    /// during its operator. Operands and results of one operator are live together. A graph
    /// without operators has no lifetimes.
    pub fn lifetimes(&self) -> SecondaryMap<TensorId, Option<Lifetime>> {
        let mut lifetimes = SecondaryMap::with_capacity(self.tensors.len());
        let Some(last) = self.operators.last().map(|(id, _)| id) else { return lifetimes };
        let first = OperatorId::new(0);
        let mut extend = |id: TensorId, from: OperatorId, to: OperatorId| {
            // Ids beyond the list are passed over: the map would grow to the largest.
            if self.tensors.get(id).is_some_and(|tensor| !tensor.is_constant()) {
                let known = lifetimes[id].take().unwrap_or(from..=to);
                lifetimes[id] = Some(from.min(*known.start())..=to.max(*known.end()));
            }
        };
        for (id, tensor) in &self.tensors {
            if tensor.role == TensorRole::Variable {
                extend(id, first, last);
            }
        }
        for &input in &self.inputs {
            extend(input, first, first);
        }
        for (id, operator) in &self.operators {
            let used = operator.inputs.iter().flatten().chain(&operator.outputs);
            for &tensor in used.chain(&operator.intermediates) {
                extend(tensor, id, id);
            }
        }
        for &output in &self.outputs {
            extend(output, last, last);
        }
        lifetimes
    }

    /// Where most bytes of activations and variables are live; `None` without operators.
    pub fn peak_live(&self) -> Option<Peak> {
        let lifetimes = self.lifetimes();
        // Wider than a byte count, so that what saturates on the way up is not lost on the way down.
        let mut starting = vec![0u128; self.operators.len()];
        let mut ended = vec![0u128; self.operators.len() + 1];
        for (id, lifetime) in lifetimes.iter() {
            if let Some(lifetime) = lifetime {
                let bytes = u128::from(self.tensors[id].bytes().get());
                starting[lifetime.start().index()] += bytes;
                ended[lifetime.end().index() + 1] += bytes;
            }
        }
        let mut live = 0;
        let mut peak: Option<(u128, OperatorId)> = None;
        for operator in self.operators.keys() {
            live = live + starting[operator.index()] - ended[operator.index()];
            if peak.is_none_or(|(most, _)| live > most) {
                peak = Some((live, operator));
            }
        }
        let (bytes, operator) = peak?;
        let is_live = |lifetime: &Option<Lifetime>| {
            lifetime.as_ref().is_some_and(|lifetime| lifetime.contains(&operator))
        };
        Some(Peak {
            bytes: u64::try_from(bytes).map_or(Bytes::MAX, Bytes),
            operator,
            tensors: lifetimes.iter().filter(|(_, l)| is_live(l)).map(|(id, _)| id).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;

    /// Lifetimes as `label:first-last`, then the peak.
    fn check(graph: &str, lifetimes: &str, peak: &str) {
        let text = format!("model \"m\"\ngraph \"g\" {{\n{graph}\n}}\n");
        let model = parse(&text, None).expect("well-formed text");
        let graph = model.main().expect("one graph");
        let shown: Vec<String> = graph
            .lifetimes()
            .iter()
            .filter_map(|(id, lifetime)| {
                let lifetime = lifetime.as_ref()?;
                Some(format!("{id}:{}-{}", lifetime.start().index(), lifetime.end().index()))
            })
            .collect();
        assert_eq!(shown.join(" "), lifetimes);
        let shown = graph
            .peak_live()
            .map(|Peak { bytes, operator, tensors }| format!("{bytes} at {operator} {tensors:?}"));
        assert_eq!(shown.as_deref().unwrap_or("none"), peak);
    }

    #[test]
    fn a_residual_stays_live_over_its_branch() {
        check(
            "input t0\noutput t4
             tensor t0 \"x\" int8[100]
             tensor t1 \"a\" int8[300]
             tensor t2 \"w\" int8[300,100] const absent
             tensor t3 \"b\" int8[100]
             tensor t4 \"y\" int8[100]
             t1 = custom(t0, t2)
             t3 = custom(t1)
             t4 = add(t0, t3)",
            "t0:0-2 t1:0-1 t3:1-2 t4:2-2",
            "500 B at n1 [t0, t1, t3]",
        );
    }

    #[test]
    fn variables_unread_inputs_scratch_and_dead_results_are_live_too() {
        check(
            "input t0, t1\noutput t0, t3
             tensor t0 \"passed on\" int8[1]
             tensor t1 \"unread\" int8[2]
             tensor t2 \"state\" int8[4] variable
             tensor t3 \"result\" int8[8]
             tensor t4 \"dead\" int8[16]
             tensor t5 \"scratch\" int8[32]
             tensor t6 \"unused\" int8[64]
             t3 = custom(t0)
             t4 = custom(t0) intermediates=[t5]
             custom(t3)",
            "t0:0-2 t1:0-0 t2:0-2 t3:0-2 t4:1-1 t5:1-1",
            "61 B at n1 [t0, t2, t3, t4, t5]",
        );
    }

    #[test]
    fn sizes_beyond_64_bits_saturate() {
        check(
            "tensor t0 \"x\" int8[4294967295,4294967295,4294967295]
             tensor t1 \"y\" int8[1]
             tensor t2 \"z\" int8[4294967295,4294967295,4294967295]
             t1 = custom(t0)
             t2 = custom(t0)",
            "t0:0-1 t1:0-0 t2:1-1",
            "18,446,744,073,709,551,615 B at n1 [t0, t2]",
        );
    }

    #[test]
    fn nothing_is_live_without_operators() {
        check("input t0\ntensor t0 \"x\" int8[4]", "", "none");
    }
}
