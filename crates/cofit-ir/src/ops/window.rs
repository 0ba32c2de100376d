//! Windows that slide over height and width: extents, padding, output sizes, fused activations.

use std::fmt;

use super::attributes::AttributeValue;
use super::operands::{Operands, OutputFact, RuleError};
use crate::Shape;

/// A height and a width: a stride, a dilation or a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent2d {
    /// Along the height.
    pub height: u32,
    /// Along the width.
    pub width: u32,
}

impl Extent2d {
    /// One in both directions.
    pub const ONE: Self = Self { height: 1, width: 1 };

    /// A height and a width.
    pub const fn new(height: u32, width: u32) -> Self {
        Self { height, width }
    }

    /// Positions in the extent.
    pub const fn area(self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

/// Prints as `3x3`, height first.
impl fmt::Display for Extent2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl AttributeValue for Extent2d {
    fn print(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let (height, width) = text.split_once('x')?;
        Some(Self { height: height.parse().ok()?, width: width.parse().ok()? })
    }
}

/// What surrounds a windowed operator's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Enough zeros that the output has `ceil(input / stride)` positions; the odd one goes to the
    /// bottom and to the right.
    Same,
    /// None: the window stays inside.
    Valid,
    /// So many on each side.
    Explicit {
        /// Rows above.
        top: u32,
        /// Rows below.
        bottom: u32,
        /// Columns to the left.
        left: u32,
        /// Columns to the right.
        right: u32,
    },
}

impl AttributeValue for Padding {
    fn print(&self) -> String {
        match self {
            Self::Same => "same".to_owned(),
            Self::Valid => "valid".to_owned(),
            Self::Explicit { top, bottom, left, right } => {
                format!("[{top},{bottom},{left},{right}]")
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "same" => Some(Self::Same),
            "valid" => Some(Self::Valid),
            _ => match Vec::<u32>::parse(text)?.as_slice() {
                &[top, bottom, left, right] => Some(Self::Explicit { top, bottom, left, right }),
                _ => None,
            },
        }
    }
}

/// An activation that runs inside the operator before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// None.
    #[default]
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, -1), 1)`.
    ReluN1To1,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// Hyperbolic tangent.
    Tanh,
    /// The sign.
    SignBit,
}

impl Activation {
    /// Every activation with its name.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::None, "none"),
        (Self::Relu, "relu"),
        (Self::ReluN1To1, "relu_n1_to_1"),
        (Self::Relu6, "relu6"),
        (Self::Tanh, "tanh"),
        (Self::SignBit, "sign_bit"),
    ];

    /// The name in text, cards and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Relu => "relu",
            Self::ReluN1To1 => "relu_n1_to_1",
            Self::Relu6 => "relu6",
            Self::Tanh => "tanh",
            Self::SignBit => "sign_bit",
        }
    }
}

impl AttributeValue for Activation {
    fn print(&self) -> String {
        self.name().to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(activation, _)| *activation)
    }
}

/// Zeros before and after the input along height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaddingAmounts {
    /// Rows above.
    pub top: u32,
    /// Rows below.
    pub bottom: u32,
    /// Columns to the left.
    pub left: u32,
    /// Columns to the right.
    pub right: u32,
}

/// A kernel with its stride and dilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: Extent2d,
    /// Input positions from one output position to the next.
    pub stride: Extent2d,
    /// Input positions from one tap to the next.
    pub dilation: Extent2d,
}

impl Window {
    /// Output height and width over an input of `height` by `width`.
    ///
    /// # Errors
    /// A stride, dilation or kernel of zero, or a kernel that the padded input cannot hold.
    pub fn output(
        &self,
        height: u32,
        width: u32,
        padding: Padding,
    ) -> Result<(u32, u32), RuleError> {
        let amounts = self.padding_amounts(height, width, padding)?;
        let along = |size, before, after, kernel, stride, dilation| -> Option<u32> {
            let padded = u64::from(size) + u64::from(before) + u64::from(after);
            let room = padded.checked_sub(reach(kernel, dilation))?;
            u32::try_from(room / u64::from(stride) + 1).ok()
        };
        let rows = along(
            height,
            amounts.top,
            amounts.bottom,
            self.kernel.height,
            self.stride.height,
            self.dilation.height,
        );
        let columns = along(
            width,
            amounts.left,
            amounts.right,
            self.kernel.width,
            self.stride.width,
            self.dilation.width,
        );
        rows.zip(columns).ok_or_else(|| {
            RuleError::mismatch(format!(
                "a {} kernel with dilation {} does not fit into a {height}x{width} input",
                self.kernel, self.dilation
            ))
        })
    }

    /// The zeros that `padding` stands for on an input of `height` by `width`.
    ///
    /// # Errors
    /// A stride, dilation or kernel of zero.
    pub fn padding_amounts(
        &self,
        height: u32,
        width: u32,
        padding: Padding,
    ) -> Result<PaddingAmounts, RuleError> {
        for (extent, name) in
            [(self.kernel, "kernel"), (self.stride, "stride"), (self.dilation, "dilation")]
        {
            if extent.height == 0 || extent.width == 0 {
                return Err(RuleError::mismatch(format!("a {name} of {extent} has no extent")));
            }
        }
        Ok(match padding {
            Padding::Valid => PaddingAmounts::default(),
            Padding::Explicit { top, bottom, left, right } => {
                PaddingAmounts { top, bottom, left, right }
            }
            Padding::Same => {
                let (top, bottom) =
                    same(height, self.kernel.height, self.stride.height, self.dilation.height);
                let (left, right) =
                    same(width, self.kernel.width, self.stride.width, self.dilation.width);
                PaddingAmounts { top, bottom, left, right }
            }
        })
    }
}

/// Input positions from a kernel's first tap to its last, both included.
fn reach(kernel: u32, dilation: u32) -> u64 {
    u64::from(kernel - 1) * u64::from(dilation) + 1
}

/// Zeros before and after for an output of `ceil(size / stride)`.
fn same(size: u32, kernel: u32, stride: u32, dilation: u32) -> (u32, u32) {
    let outputs = u64::from(size.div_ceil(stride));
    let spanned = outputs.saturating_sub(1) * u64::from(stride) + reach(kernel, dilation);
    let total = if outputs == 0 { 0 } else { spanned.saturating_sub(u64::from(size)) };
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    (total / 2, total - total / 2)
}

/// Batch, height, width and channels of an operand of rank 4.
pub(crate) fn nhwc(index: usize, shape: &Shape) -> Result<[u32; 4], RuleError> {
    match shape.dimensions() {
        &[n, h, w, c] => Ok([n, h, w, c]),
        _ => Err(RuleError::Rank {
            index,
            expected: "[batch,height,width,channels]",
            shape: shape.clone(),
        }),
    }
}

/// The result of a window that slides over operand 0 and keeps its channels.
pub(crate) fn pooled(
    operands: &Operands<'_>,
    window: Window,
    padding: Padding,
) -> Result<Vec<OutputFact>, RuleError> {
    let input = operands.input(0)?;
    let [batch, height, width, channels] = nhwc(0, &input.shape)?;
    let (rows, columns) = window.output(height, width, padding)?;
    Ok(vec![OutputFact::new(input.element, Shape::new(&[batch, rows, columns, channels]))])
}

/// The result of bringing operand 0 to the height and width that constant operand 1 gives.
pub(crate) fn resized(operands: &Operands<'_>) -> Result<Vec<OutputFact>, RuleError> {
    let input = operands.input(0)?;
    let [batch, _, _, channels] = nhwc(0, &input.shape)?;
    let Some(size) = operands.integers(1)? else {
        return Ok(vec![OutputFact { element: Some(input.element), shape: None }]);
    };
    let extent = match size.as_slice() {
        &[height, width] => u32::try_from(height).ok().zip(u32::try_from(width).ok()),
        _ => None,
    };
    let (height, width) =
        extent.ok_or_else(|| RuleError::mismatch(format!("{size:?} is no height and width")))?;
    Ok(vec![OutputFact::new(input.element, Shape::new(&[batch, height, width, channels]))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(size: u32, kernel: u32, stride: u32, dilation: u32, padding: Padding, expected: u32) {
        let window = Window {
            kernel: Extent2d::new(kernel, 1),
            stride: Extent2d::new(stride, 1),
            dilation: Extent2d::new(dilation, 1),
        };
        assert_eq!(window.output(size, 1, padding), Ok((expected, 1)));
    }

    #[test]
    fn output_sizes_follow_the_padding() {
        check(224, 3, 2, 1, Padding::Same, 112);
        check(225, 3, 2, 1, Padding::Valid, 112);
        check(10, 3, 1, 2, Padding::Valid, 6);
        check(10, 3, 1, 2, Padding::Same, 10);
        check(5, 1, 3, 1, Padding::Same, 2);
        check(8, 3, 1, 1, Padding::Explicit { top: 2, bottom: 0, left: 0, right: 0 }, 8);
    }

    #[test]
    fn impossible_windows_are_refused() {
        let window = Window {
            kernel: Extent2d::new(5, 5),
            stride: Extent2d::ONE,
            dilation: Extent2d::new(u32::MAX, 1),
        };
        assert!(window.output(8, 8, Padding::Valid).is_err());
        let still = Window { stride: Extent2d::new(0, 1), ..window };
        assert!(still.output(8, 8, Padding::Valid).is_err());
    }

    #[test]
    fn the_odd_zero_goes_to_the_bottom() {
        assert_eq!(same(224, 3, 2, 1), (0, 1));
        assert_eq!(same(49, 10, 2, 1), (4, 5));
    }
}
