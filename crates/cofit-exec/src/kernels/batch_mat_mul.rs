//! `batch_mat_mul`: inner products of the rows of one operand and the columns of the other.

use cofit_ir::Shape;
use cofit_ir::ops::BatchMatMul;
use cofit_vocab::ElementType;

use super::dot::{dot, dot_float, dot_wide};
use super::weights::widened;
use crate::arithmetic::Multiplier;
use crate::call::{Call, Fault, Kernel};
use crate::site::{Affine, Refusal, Site};

/// int8 with sums of 32 bits, int16 with sums of 64 bits, and float32.
pub(crate) fn prepare(op: &BatchMatMul, site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (x, y, output) = (site.input(0)?, site.input(1)?, site.output(0)?);
    let odd = || site.refuse("its shapes do not multiply", "check the exporter");
    let matrices =
        Matrices::new(&x.shape, &y.shape, &output.shape, op.adj_x, op.adj_y).ok_or_else(odd)?;
    if (x.element, y.element, output.element)
        == (ElementType::Float32, ElementType::Float32, ElementType::Float32)
    {
        return Ok(Box::new(move |call: &mut Call<'_>| {
            let (x, y) = (call.inputs.get::<f32>(0)?, call.inputs.get::<f32>(1)?);
            matrices.multiply(x, y, call.outputs.get(0)?, dot_float)
        }));
    }
    let [of_x, of_y, of_output] = [site.affine(x)?, site.affine(y)?, site.affine(output)?];
    let factor = f64::from(of_x.scale * of_y.scale) / f64::from(of_output.scale);
    let multiplier = Multiplier::new(factor);
    let rounding = site.rounding;
    let zeros = move |call: &Call<'_>| -> Result<(Vec<i16>, Vec<i16>), Fault> {
        let less = |index: usize, affine: Affine| {
            call.inputs.any(index).map(|values| widened(values, affine.zero_point as i16))
        };
        Ok((less(0, of_x)?, less(1, of_y)?))
    };
    match (x.element, y.element, output.element) {
        (ElementType::Int8, ElementType::Int8 | ElementType::Int4, ElementType::Int8) => {
            Ok(Box::new(move |call: &mut Call<'_>| {
                let (x, y) = zeros(call)?;
                matrices.multiply(&x, &y, call.outputs.get::<i8>(0)?, |a, b| {
                    let scaled = multiplier.apply(dot(a, b), rounding);
                    scaled.wrapping_add(of_output.zero_point).clamp(-128, 127) as i8
                })
            }))
        }
        (ElementType::Int16, ElementType::Int16, ElementType::Int16) => {
            Ok(Box::new(move |call: &mut Call<'_>| {
                let (x, y) = zeros(call)?;
                matrices.multiply(&x, &y, call.outputs.get::<i16>(0)?, |a, b| {
                    // Products of two int16 numbers leave no room for sums of several in 32 bits.
                    let pairs = a.iter().zip(b);
                    let sum = pairs.map(|(&a, &b)| i64::from(i32::from(a) * i32::from(b))).sum();
                    let scaled = multiplier.apply_wide(sum);
                    scaled.wrapping_add(of_output.zero_point).clamp(-32768, 32767) as i16
                })
            }))
        }
        (ElementType::Int16, ElementType::Int8, ElementType::Int16) => {
            Ok(Box::new(move |call: &mut Call<'_>| {
                let (x, y) = zeros(call)?;
                matrices.multiply(&x, &y, call.outputs.get::<i16>(0)?, |a, b| {
                    let scaled = multiplier.apply_wide(dot_wide(a, b));
                    scaled.wrapping_add(of_output.zero_point).clamp(-32768, 32767) as i16
                })
            }))
        }
        _ => Err(site.unsupported()),
    }
}

/// Matrices over broadcast outer axes.
struct Matrices {
    rows: usize,
    columns: usize,
    depth: usize,
    is_x_transposed: bool,
    is_y_transposed: bool,
    /// For every matrix of the result, the matrices of both operands that it comes from.
    pairs: Vec<(usize, usize)>,
}

impl Matrices {
    /// The matrices of two operands, or `None` where their shapes do not multiply to the result's.
    fn new(x: &Shape, y: &Shape, output: &Shape, adj_x: bool, adj_y: bool) -> Option<Self> {
        let split = |shape: &Shape| -> Option<(Shape, usize, usize)> {
            let (outer, &[a, b]) = shape.dimensions().split_last_chunk::<2>()?;
            Some((Shape::new(outer), a as usize, b as usize))
        };
        let (outer_x, a, b) = split(x)?;
        let (rows, depth) = if adj_x { (b, a) } else { (a, b) };
        let (outer_y, a, b) = split(y)?;
        let (depth_y, columns) = if adj_y { (b, a) } else { (a, b) };
        let outer = outer_x.broadcast(&outer_y)?;
        let wanted = outer.dimensions().iter().copied().chain([rows as u32, columns as u32]);
        if depth != depth_y || wanted.collect::<Shape>() != *output {
            return None;
        }
        let count = usize::try_from(outer.elements()).ok()?;
        let pairs =
            (0..count).map(|at| (source(&outer, &outer_x, at), source(&outer, &outer_y, at)));
        let pairs = pairs.collect();
        let (is_x_transposed, is_y_transposed) = (adj_x, adj_y);
        Some(Self { rows, columns, depth, is_x_transposed, is_y_transposed, pairs })
    }

    /// Fills the result with `product` of every row and column.
    fn multiply<T: Copy, O>(
        &self,
        x: &[T],
        y: &[T],
        output: &mut [O],
        product: impl Fn(&[T], &[T]) -> O,
    ) -> Result<(), Fault> {
        let (rows, columns, depth) = (self.rows, self.columns, self.depth);
        if rows == 0 || columns == 0 || depth == 0 {
            return Err(Fault::new("a matrix is empty"));
        }
        let wrong = || Fault::new("its tensors do not have the lengths that it was prepared for");
        for (output, &(at_x, at_y)) in output.chunks_exact_mut(rows * columns).zip(&self.pairs) {
            let x = x.get(at_x * rows * depth..).and_then(|x| x.get(..rows * depth));
            let y = y.get(at_y * columns * depth..).and_then(|y| y.get(..columns * depth));
            let (x, y) = x.zip(y).ok_or_else(wrong)?;
            let x = if self.is_x_transposed { transposed(x, rows) } else { x.to_vec() };
            // Columns must lie together, which they do where the operand is stored transposed.
            let y = if self.is_y_transposed { y.to_vec() } else { transposed(y, columns) };
            for (row, output) in x.chunks_exact(depth).zip(output.chunks_exact_mut(columns)) {
                for (column, result) in y.chunks_exact(depth).zip(output) {
                    *result = product(row, column);
                }
            }
        }
        Ok(())
    }
}

/// A matrix with `columns` columns, turned so that its columns are rows.
fn transposed<T: Copy>(matrix: &[T], columns: usize) -> Vec<T> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied()).collect()
}

/// The element of `operand` that element `at` of the broadcast shape comes from.
fn source(broadcast: &Shape, operand: &Shape, at: usize) -> usize {
    let skipped = broadcast.rank() - operand.rank();
    let mut rest = at;
    let mut stride = 1;
    let mut found = 0;
    for (axis, &length) in broadcast.dimensions().iter().enumerate().rev() {
        let length = length.max(1) as usize;
        let index = rest % length;
        rest /= length;
        if let Some(own) = axis.checked_sub(skipped).and_then(|axis| operand.get(axis)) {
            found += if own == 1 { 0 } else { index * stride };
            stride *= own as usize;
        }
    }
    found
}
