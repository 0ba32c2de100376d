//! `arg_max` and `arg_min`: where along an axis the largest or smallest element lies; the first one
//! of several.

use cofit_vocab::ElementType;

use crate::buffer::{Element, Slice};
use crate::call::{Fault, Kernel};
use crate::copy_box::{axis_of, lengths, product};
use crate::site::{Refusal, Site};

/// Which element is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Largest,
    Smallest,
}

/// Positions along an axis, and elements from one to the next.
#[derive(Clone, Copy, Debug)]
struct Along {
    length: usize,
    step: usize,
}

/// Compares elements of any type. The axis is fixed.
pub(crate) fn prepare(site: &Site<'_>, kind: Kind) -> Result<Kernel, Refusal> {
    let (input, output) = (site.input(0)?, site.output(0)?);
    let axis = site.integers(1)?.first().copied().unwrap_or(0);
    let axis = axis_of(site, &input.shape, axis)?;
    let lengths = lengths(input);
    let along = Along { length: lengths[axis] as usize, step: product(&lengths[axis + 1..]) };
    if along.length == 0 && output.shape.elements() > 0 {
        return Err(site.refuse("an axis without elements has no largest one", "check the shapes"));
    }
    match output.element {
        ElementType::Int32 => Ok(search(along, kind, |position| position as i32)),
        ElementType::Int64 => Ok(search(along, kind, |position| position as i64)),
        _ => Err(site.unsupported()),
    }
}

fn search<U: Element>(along: Along, kind: Kind, index: fn(usize) -> U) -> Kernel {
    Box::new(move |call| {
        let output = call.outputs.get::<U>(0)?;
        match call.inputs.any(0)? {
            Slice::I8(input) => along.compare(kind, input, output, index),
            Slice::U8(input) => along.compare(kind, input, output, index),
            Slice::I16(input) => along.compare(kind, input, output, index),
            Slice::I32(input) => along.compare(kind, input, output, index),
            Slice::I64(input) => along.compare(kind, input, output, index),
            Slice::F32(input) => along.compare(kind, input, output, index),
        }
        Ok::<(), Fault>(())
    })
}

impl Along {
    fn compare<T: PartialOrd, U>(
        self,
        kind: Kind,
        input: &[T],
        output: &mut [U],
        index: fn(usize) -> U,
    ) {
        if input.is_empty() || self.step == 0 {
            return;
        }
        let blocks = input.chunks_exact(self.length * self.step);
        for (block, to) in blocks.zip(output.chunks_exact_mut(self.step)) {
            for (column, to) in to.iter_mut().enumerate() {
                let mut best = 0;
                for position in 1..self.length {
                    let value = &block[position * self.step + column];
                    let champion = &block[best * self.step + column];
                    let is_better = match kind {
                        Kind::Largest => value > champion,
                        Kind::Smallest => value < champion,
                    };
                    if is_better {
                        best = position;
                    }
                }
                *to = index(best);
            }
        }
    }
}
