//! Reductions over axes: which elements of a tensor become which element of the result.

use crate::call::Fault;
use crate::copy_box::{axis_of, dense_steps, elements, lengths, product};
use crate::site::{Refusal, Site};

/// The axes that stay and the axes that go, outermost first, as lengths and steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reduction {
    kept: Vec<(usize, usize)>,
    reduced: Vec<(usize, usize)>,
    /// Elements that become one.
    pub count: usize,
    /// Elements of the input.
    length: usize,
}

impl Reduction {
    /// That of operand 0 over the axes that constant operand 1 lists, where repeated ones count once.
    pub fn of(site: &Site<'_>) -> Result<Self, Refusal> {
        let (input, output) = (site.input(0)?, site.output(0)?);
        let lengths = lengths(input);
        let mut goes = vec![false; lengths.len()];
        for axis in site.integers(1)? {
            // Scalars have no axes, and exporters name one all the same.
            if !goes.is_empty() {
                goes[axis_of(site, &input.shape, axis)?] = true;
            }
        }
        let found = Self::new(&lengths, &goes);
        let kept: Vec<i64> = found.kept.iter().map(|&(length, _)| length as i64).collect();
        if product(&kept) as i64 != elements(output) && found.length > 0 {
            return Err(site.refuse(
                format!("{} is not reduced to {}", input.shape, output.shape),
                "export the model with static shapes",
            ));
        }
        Ok(found)
    }

    /// That of a shape without the axes that go.
    pub fn new(lengths: &[i64], goes: &[bool]) -> Self {
        let of = |wanted: bool| {
            let axes = lengths.iter().zip(dense_steps(lengths)).zip(goes);
            let mut merged: Vec<(usize, usize)> = Vec::new();
            for ((&length, step), _) in axes.filter(|(_, goes)| **goes == wanted) {
                let (length, step) = (length as usize, step as usize);
                match merged.last_mut() {
                    // Axes beside each other are one.
                    Some(outer) if length.checked_mul(step) == Some(outer.1) => {
                        *outer = (outer.0.saturating_mul(length), step);
                    }
                    Some(_) | None => merged.push((length, step)),
                }
            }
            merged
        };
        let (kept, reduced) = (of(false), of(true));
        let count = reduced.iter().fold(1_usize, |count, axis| count.saturating_mul(axis.0));
        Self { kept, reduced, count, length: product(lengths) }
    }

    /// Takes every group of elements from `first` on through `next`, in their order, and writes what
    /// `last` makes of it.
    pub fn fold<T: Copy, A: Copy, U>(
        &self,
        input: &[T],
        output: &mut [U],
        first: A,
        next: impl Fn(A, T) -> A,
        last: impl Fn(A) -> U,
    ) -> Result<(), Fault> {
        if input.len() != self.length {
            return Err(Fault::new("the input has fewer elements than its shape says"));
        }
        let mut output = output.iter_mut();
        if self.length == 0 {
            output.for_each(|to| *to = last(first));
            return Ok(());
        }
        each(&self.kept, 0, &mut |base| {
            let mut folded = first;
            each(&self.reduced, base, &mut |at| folded = next(folded, input[at]));
            if let Some(to) = output.next() {
                *to = last(folded);
            }
        });
        Ok(())
    }
}

/// Calls `visit` with every place that `axes` lead to from `base`.
fn each<F: FnMut(usize)>(axes: &[(usize, usize)], base: usize, visit: &mut F) {
    match axes {
        [] => visit(base),
        [(length, step)] => {
            for at in 0..*length {
                visit(base + at * step);
            }
        }
        [(length, step), inner @ ..] => {
            for at in 0..*length {
                each(inner, base + at * step, visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_those_of_the_axes() {
        let input: Vec<i32> = (0..24).collect();
        let sums = |goes: &[bool], results: usize| {
            let mut output = vec![0; results];
            let reduction = Reduction::new(&[2, 3, 4], goes);
            reduction.fold(&input, &mut output, 0, |sum, value| sum + value, |sum| sum).unwrap();
            output
        };
        assert_eq!(sums(&[true, true, true], 1), [276]);
        assert_eq!(sums(&[true, false, true], 3), [60, 92, 124]);
        assert_eq!(sums(&[false, true, false], 8), [12, 15, 18, 21, 48, 51, 54, 57]);
        assert_eq!(sums(&[false, false, true], 6), [6, 22, 38, 54, 70, 86]);
    }

    #[test]
    fn nothing_takes_no_time() {
        let reduction = Reduction::new(&[i64::from(u32::MAX); 3], &[false, true, true]);
        let mut output = [7; 2];
        assert!(reduction.fold(&[1], &mut output, 0, |sum, value| sum + value, |sum| sum).is_err());
        let lengths = [2, i64::from(u32::MAX), i64::from(u32::MAX), 0];
        let reduction = Reduction::new(&lengths, &[false, true, true, true]);
        reduction.fold(&[], &mut output, 0, |sum, value: i32| sum + value, |sum| sum).unwrap();
        assert_eq!(output, [0, 0]);
    }
}
