//! Padding that could not become part of a convolution.

use crate::lowering::Lowered;
use crate::lowering::elementwise::copy;
use crate::operation::{FeatureMap, Kernel, Shape};

/// Elements added before and after each axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Above and below.
    pub h: (u32, u32),
    /// Left and right.
    pub w: (u32, u32),
    /// Before the first and after the last channel.
    pub c: (u32, u32),
}

/// Whether a pad with zeroes can become the padding of the unpadded convolution behind it: it may
/// pad height and width only, by less than the window.
pub const fn pad_fuses(padding: &Padding, kernel: &Kernel) -> bool {
    let (height, width) = kernel.dilated();
    padding.c.0 == 0
        && padding.c.1 == 0
        && padding.h.0 < height
        && padding.h.1 < height
        && padding.w.0 < width
        && padding.w.1 < width
}

/// A pad: a copy of the input into the output, and a copy of constants to each side.
///
/// # Errors
///
/// `CF-NPU-003` for 32-bit elements.
pub fn pad<'a>(ifm: &FeatureMap, ofm: &FeatureMap, padding: &Padding) -> Lowered<'a> {
    let mut operations = copy(ifm, &FeatureMap { shape: ifm.shape, ..*ofm })?;
    let whole = ofm.shape;
    let sides = [
        (padding.h, (|shape, h| Shape { h, ..shape }) as fn(Shape, u32) -> Shape),
        (padding.w, |shape, w| Shape { w, ..shape }),
        (padding.c, |shape, c| Shape { c, ..shape }),
    ];
    for ((before, after), side) in sides {
        for amount in [before, after] {
            if amount > 0 {
                let shape = side(whole, amount);
                let filler = FeatureMap::constant(shape, ifm.element);
                operations.extend(copy(&filler, &FeatureMap { shape, ..*ofm })?);
            }
        }
    }
    Ok(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pad_fuses_below_the_window() {
        let kernel = Kernel::new((3, 3), (2, 2));
        let pad = |h, w, c| Padding { h, w, c };
        assert!(pad_fuses(&pad((1, 1), (1, 1), (0, 0)), &kernel));
        assert!(!pad_fuses(&pad((3, 0), (0, 0), (0, 0)), &kernel));
        assert!(!pad_fuses(&pad((0, 0), (0, 0), (0, 4)), &kernel));
    }
}
