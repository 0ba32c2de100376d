//! `low-rank-dense`: a dense layer becomes two of a lower rank.
//!
//! A matrix of `n x m` weights is replaced by the product of one of `n x r` and one of `r x m`, which
//! has fewer weights where `r < n m / (n + m)`. The product is the closest of that rank (C. Eckart and
//! G. Young, "The approximation of one matrix by another of lower rank", 1936); how far it is from the
//! weights is shown. Float weights become the product's; integer ones would need the range of what lies
//! between, which is not known here, and are absent.

use cofit_ir::{Activation, ConstantData, Graph, Op, Operator, OperatorId, Shape, TensorRole, ops};
use cofit_vocab::ElementType;

use super::super::edit;
use crate::advise::{Candidate, Edit, Found, Keeps, Kind, Setting, Weights};

/// Layers that are tried.
const MOST_SITES: usize = 4;
/// Shares of the weights that are to be left.
const SHARES: [f64; 3] = [0.5, 0.25, 0.125];
/// Largest matrix that is decomposed; a larger one would take minutes.
const MOST_WEIGHTS: u64 = 1 << 17;
/// Passes over the columns after which they are taken for orthogonal.
const MOST_SWEEPS: usize = 16;

pub(crate) fn find(setting: &Setting, found: &mut Found) {
    let graph = setting.model.main_graph();
    for site in edit::sites(graph, MOST_SITES, |it| matches!(it.op, Op::FullyConnected(_))) {
        let Some(weights) = graph.operators[site].input(1) else { continue };
        let weights = &graph.tensors[weights];
        let &[outputs, depth] = weights.shape.dimensions() else { continue };
        let is_small = weights.shape.elements() <= MOST_WEIGHTS;
        let values = edit::reals(weights).filter(|_| is_small);
        let matrix = values.map(|values| Decomposed::of(&values, outputs as usize, depth as usize));
        for share in SHARES {
            let whole = f64::from(outputs) * f64::from(depth);
            let rank = (whole * share / (f64::from(outputs) + f64::from(depth))) as u32;
            if rank == 0 || rank >= outputs.min(depth) {
                continue;
            }
            let mut changed = graph.clone();
            if lower(&mut changed, site, rank, matrix.as_ref()).is_none() {
                continue;
            }
            let Some(model) = edit::verified(&setting.model, changed) else { continue };
            let error = matrix.as_ref().map(|it| it.error(rank as usize));
            let is_float = weights.element == ElementType::Float32;
            let mut notes = Vec::new();
            if let Some(error) = error.filter(|_| !is_float) {
                notes
                    .push(format!("the closest weights of this rank are {:.1} % off", error * 1e2));
            }
            found.candidates.push(Candidate {
                kind: Kind::LowRankDense,
                place: graph.operator_name(site),
                change: format!("dense {depth} -> {outputs} by way of {rank}"),
                keeps: Keeps::Nothing(match error.filter(|_| is_float) {
                    Some(error) => Weights::Approximated(error),
                    None => Weights::Absent,
                }),
                notes,
                edit: Edit::Model(model),
            });
        }
    }
}

/// Puts two dense layers in the place of one.
fn lower(
    graph: &mut Graph,
    site: OperatorId,
    rank: u32,
    matrix: Option<&Decomposed>,
) -> Option<()> {
    let operator = graph.operators[site].clone();
    let Op::FullyConnected(dense) = operator.op.clone() else { return None };
    let weights = graph.tensors[operator.input(1)?].clone();
    let &[outputs, depth] = weights.shape.dimensions() else { return None };
    let output = *operator.outputs.first()?;
    let name = graph.operator_name(site);
    let rows = graph.tensors[output].shape.elements() / u64::from(outputs.max(1));
    if !weights.is_constant() || outputs == 0 {
        return None;
    }
    let factors = matrix.filter(|_| weights.element == ElementType::Float32);
    let factors = factors.map(|matrix| matrix.factors(rank as usize));
    let constant = |graph: &mut Graph, part: &str, lengths: [u32; 2], values: Option<&[f64]>| {
        let mut new = edit::absent_like(&weights, format!("{name}/{part}"), Shape::new(&lengths));
        if let Some(values) = values {
            let data: Vec<u8> =
                values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
            new.role = TensorRole::Constant(ConstantData::Present(data.into()));
        }
        graph.tensor(new)
    };
    let first = constant(graph, "down", [rank, depth], factors.as_ref().map(|it| &*it.1));
    let second = constant(graph, "up", [outputs, rank], factors.as_ref().map(|it| &*it.0));
    let between = if dense.keep_axes {
        let mut shape = graph.tensors[output].shape.clone();
        *shape.dimensions_mut().last_mut()? = rank;
        shape
    } else {
        Shape::new(&[u32::try_from(rows).ok()?, rank])
    };
    let between = edit::like(&graph.tensors[output].clone(), format!("{name}/between"), between);
    let between = graph.tensor(between);
    let down = ops::FullyConnected { activation: Activation::None, ..dense.clone() };
    let mut inputs = vec![between, second];
    inputs.extend(operator.input(2));
    let operators = vec![
        Operator::new(down.into(), &[operator.input(0)?, first], &[between]),
        Operator::new(dense.into(), &inputs, &[output]),
    ];
    edit::replace_operator(graph, site, operators);
    Some(())
}

/// A matrix as a sum of products of a column and a row, the largest first.
struct Decomposed {
    /// Columns of `outputs` elements, by singular value.
    left: Vec<Vec<f64>>,
    /// Rows of `depth` elements of length 1.
    right: Vec<Vec<f64>>,
    /// Squares of the singular values, the largest first.
    squares: Vec<f64>,
}

impl Decomposed {
    /// Decomposes a matrix of `outputs` rows by one-sided Jacobi rotations (M. R. Hestenes, "Inversion
    /// of matrices by biorthogonalization and related results", 1958): pairs of rows of the shorter
    /// side are rotated until all are orthogonal.
    fn of(values: &[f64], outputs: usize, depth: usize) -> Self {
        let is_wide = outputs <= depth;
        let (count, length) = if is_wide { (outputs, depth) } else { (depth, outputs) };
        let at = |vector: usize, element: usize| {
            let (row, column) = if is_wide { (vector, element) } else { (element, vector) };
            values.get(row * depth + column).copied().unwrap_or(0.0)
        };
        let mut vectors: Vec<Vec<f64>> =
            (0..count).map(|vector| (0..length).map(|it| at(vector, it)).collect()).collect();
        // Rotations of the other side, one row a vector.
        let mut turns: Vec<Vec<f64>> = (0..count)
            .map(|row| (0..count).map(|column| f64::from(u8::from(row == column))).collect())
            .collect();
        for _ in 0..MOST_SWEEPS {
            let mut is_settled = true;
            for p in 0..count {
                for q in p + 1..count {
                    is_settled &= !rotate(&mut vectors, &mut turns, p, q);
                }
            }
            if is_settled {
                break;
            }
        }
        let square = |vector: &Vec<f64>| vector.iter().map(|value| value * value).sum::<f64>();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| square(&vectors[b]).total_cmp(&square(&vectors[a])).then(a.cmp(&b)));
        let squares: Vec<f64> = order.iter().map(|&at| square(&vectors[at])).collect();
        let taken = |from: &[Vec<f64>]| order.iter().map(|&at| from[at].clone()).collect();
        // vectors = turns x matrix, so that matrix = turns transposed x vectors.
        let (turns, vectors): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (taken(&turns), taken(&vectors));
        let (left, right) = if is_wide { (turns, vectors) } else { (vectors, turns) };
        Self { left, right, squares }
    }

    /// The factors of the closest matrix of a rank: `[outputs, rank]` and `[rank, depth]`.
    fn factors(&self, rank: usize) -> (Vec<f64>, Vec<f64>) {
        let (left, right) = (&self.left[..rank], &self.right[..rank]);
        let outputs = left.first().map_or(0, Vec::len);
        let up = (0..outputs).flat_map(|row| left.iter().map(move |it| it[row])).collect();
        (up, right.iter().flatten().copied().collect())
    }

    /// How far the closest matrix of a rank is, as a share of the norm.
    fn error(&self, rank: usize) -> f64 {
        let whole: f64 = self.squares.iter().sum();
        let lost: f64 = self.squares.iter().skip(rank).sum();
        if whole > 0.0 { (lost / whole).sqrt() } else { 0.0 }
    }
}

/// Makes two vectors orthogonal; whether they were not.
fn rotate(vectors: &mut [Vec<f64>], turns: &mut [Vec<f64>], p: usize, q: usize) -> bool {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (a, b, mixed) = (
        dot(&vectors[p], &vectors[p]),
        dot(&vectors[q], &vectors[q]),
        dot(&vectors[p], &vectors[q]),
    );
    if mixed.abs() <= 1e-10 * (a * b).sqrt() || mixed == 0.0 {
        return false;
    }
    let zeta = (b - a) / (2.0 * mixed);
    let tangent = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let cosine = 1.0 / (1.0 + tangent * tangent).sqrt();
    let sine = cosine * tangent;
    for rows in [vectors, turns] {
        let (low, high) = rows.split_at_mut(q);
        for (x, y) in low[p].iter_mut().zip(high[0].iter_mut()) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_the_sum_of_all_its_parts_and_near_that_of_most() {
        for (outputs, depth) in [(3, 5), (5, 3), (4, 4)] {
            let values: Vec<f64> =
                (0..outputs * depth).map(|at| f64::from((at * 7 % 11) as i32) - 4.0).collect();
            let found = Decomposed::of(&values, outputs, depth);
            for rank in 1..=outputs.min(depth) {
                let (up, down) = found.factors(rank);
                let mut square = 0.0;
                for row in 0..outputs {
                    for column in 0..depth {
                        let sum: f64 = (0..rank)
                            .map(|at| up[row * rank + at] * down[at * depth + column])
                            .sum();
                        square += (sum - values[row * depth + column]).powi(2);
                    }
                }
                let whole: f64 = values.iter().map(|value| value * value).sum();
                let error = (square / whole).sqrt();
                assert!((error - found.error(rank)).abs() < 1e-9, "{outputs}x{depth} at {rank}");
            }
            assert!(found.error(outputs.min(depth)) < 1e-12);
        }
    }
}
