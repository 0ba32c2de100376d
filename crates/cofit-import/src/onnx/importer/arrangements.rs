//! Views brought into the arrangement that an operator needs.

use cofit_ir::{Shape, TensorId, ops};

use super::Importer;
use crate::onnx::refusal::{Imported, Refusal};
use crate::onnx::view::{Arrangement, Reading, View, in_order};

impl Importer {
    /// The view's tensor in an arrangement. A transpose appears only where memory has to move.
    ///
    /// # Errors
    /// The model breaks an operator's rules.
    pub fn arrange(&mut self, view: &View, order: &[Option<usize>]) -> Imported<TensorId> {
        let shape = view.stored_shape(order);
        let sequence = view.sequence(order);
        if sequence.is_sorted() {
            return self.reshaped(view.tensor, &shape);
        }
        let key = (view.tensor, sequence.clone(), shape.clone());
        if let Some(&tensor) = self.arranged.get(&key) {
            return Ok(tensor);
        }
        // Neighbours that stay together move as one axis.
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for &factor in &sequence {
            match runs.last_mut() {
                Some(run) if run.end == factor => run.end += 1,
                _ => runs.push(factor..factor + 1),
            }
        }
        let mut places: Vec<usize> = (0..runs.len()).collect();
        places.sort_by_key(|&run| runs[run].start);
        let length = |run: &std::ops::Range<usize>| {
            view.factors[run.clone()]
                .iter()
                .fold(1u32, |product, &length| product.saturating_mul(length))
        };
        let name = self.graph.tensors[view.tensor].name.clone();
        // A tensor of four axes stays one of four axes, which is what kernels know.
        let own = self.graph.tensors[view.tensor].shape.clone();
        let is_plain = own.rank() == shape.rank()
            && view.natural(&own).is_some_and(|natural| {
                view.stored_shape(&natural) == own && own.rank() == view.rank()
            });
        let tensor = if is_plain {
            let natural = view.natural(&own).unwrap_or_default();
            let place = |axis: &Option<usize>| natural.iter().position(|other| other == axis);
            let permutation: Option<Vec<i64>> = order
                .iter()
                .map(|axis| place(axis).and_then(|at| i64::try_from(at).ok()))
                .collect();
            let permutation = permutation.ok_or_else(|| Refusal::node("an axis has no place"))?;
            let rank = shape.dimensions().len() as u32;
            let permutation = self.integers(&format!("{name}/order"), &permutation, &[rank])?;
            self.emit(
                ops::Transpose::default(),
                &[view.tensor, permutation],
                &format!("{name}/moved"),
            )?
        } else {
            let whole: Shape = places.iter().map(|&run| length(&runs[run])).collect();
            let permutation: Vec<i64> = (0..runs.len())
                .filter_map(|run| places.iter().position(|&other| other == run))
                .filter_map(|place| i64::try_from(place).ok())
                .collect();
            let rank = permutation.len() as u32;
            let divided = self.reshaped(view.tensor, &whole)?;
            let permutation = self.integers(&format!("{name}/order"), &permutation, &[rank])?;
            let moved = self.emit(
                ops::Transpose::default(),
                &[divided, permutation],
                &format!("{name}/moved"),
            )?;
            self.reshaped(moved, &shape)?
        };
        self.arranged.insert(key, tensor);
        Ok(tensor)
    }

    /// A tensor under another shape.
    pub fn reshaped(&mut self, tensor: TensorId, shape: &Shape) -> Imported<TensorId> {
        if self.graph.tensors[tensor].shape == *shape {
            return Ok(tensor);
        }
        let key = (tensor, Vec::new(), shape.clone());
        if let Some(&made) = self.arranged.get(&key) {
            return Ok(made);
        }
        let name = self.graph.tensors[tensor].name.clone();
        let lengths: Vec<i64> =
            shape.dimensions().iter().map(|&length| i64::from(length)).collect();
        let operand = self.integers(&format!("{name}/shape"), &lengths, &[lengths.len() as u32])?;
        let made =
            self.emit(ops::Reshape::default(), &[tensor, operand], &format!("{name}/reshaped"))?;
        self.arranged.insert(key, made);
        Ok(made)
    }

    /// The view's tensor in an arrangement with a stored axis for every one of the file: one that
    /// moves nothing, or the file's order where there is none.
    ///
    /// # Errors
    /// The model breaks an operator's rules.
    pub fn complete(&mut self, view: &View) -> Imported<(TensorId, Arrangement)> {
        let stored = &self.graph.tensors[view.tensor].shape;
        let order = view.natural(stored).unwrap_or_else(|| in_order(view.rank()));
        if (0..view.rank()).all(|axis| order.contains(&Some(axis))) {
            return Ok((self.arrange(view, &order)?, order));
        }
        // The missing ones have length 1 and may stand outside.
        let missing = (0..view.rank()).filter(|&axis| !order.contains(&Some(axis))).map(Some);
        let order: Arrangement =
            missing.chain(order.iter().copied().filter(Option::is_some)).collect();
        let file = in_order(view.rank());
        let order = if view.lies_in(&file) { file } else { order };
        Ok((self.arrange(view, &order)?, order))
    }

    /// The view of an operator's result that has the given arrangement.
    pub fn result_view(&self, tensor: TensorId, order: &[Option<usize>], rank: usize) -> View {
        let reading = if self.target.is_some() { Reading::Dequantised } else { Reading::Plain };
        View { reading, ..View::arranged(tensor, &self.graph.tensors[tensor].shape, order, rank) }
    }
}
