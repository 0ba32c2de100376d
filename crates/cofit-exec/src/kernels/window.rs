//! Where a window's taps fall.

use cofit_ir::ops::window::Window;
use cofit_ir::{Padding, Shape};

use crate::site::{Refusal, Site};

/// A window that slides over an NHWC input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sliding {
    /// Images.
    pub batch: usize,
    /// Rows, columns and channels of the input.
    pub input: [usize; 3],
    /// Rows, columns and channels of the output.
    pub output: [usize; 3],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    /// Rows above and columns to the left.
    before: [usize; 2],
}

impl Sliding {
    /// The window of an operator that reads `input` and writes `output`.
    pub fn new(
        site: &Site<'_>,
        window: Window,
        padding: Padding,
        input: &Shape,
        output: &Shape,
    ) -> Result<Self, Refusal> {
        let odd = || site.refuse("its shapes are not of rank 4", "export NHWC tensors");
        let of = |shape: &Shape| {
            let &[n, h, w, c] = shape.dimensions() else { return None };
            Some([n as usize, h as usize, w as usize, c as usize])
        };
        let ([batch, height, width, channels], [_, rows, columns, outputs]) =
            of(input).zip(of(output)).ok_or_else(odd)?;
        let amounts = window
            .padding_amounts(height as u32, width as u32, padding)
            .map_err(|error| site.refuse(error.to_string(), "check the exporter"))?;
        let pair = |extent: cofit_ir::Extent2d| [extent.height as usize, extent.width as usize];
        Ok(Self {
            batch,
            input: [height, width, channels],
            output: [rows, columns, outputs],
            kernel: pair(window.kernel),
            stride: pair(window.stride),
            dilation: pair(window.dilation),
            before: [amounts.top as usize, amounts.left as usize],
        })
    }

    /// The same window over a single image.
    pub const fn of_one_image(self) -> Self {
        Self { batch: 1, ..self }
    }

    /// Elements of one image of the input and of the output, at least 1.
    pub fn image_lengths(&self) -> [usize; 2] {
        [self.input, self.output]
            .map(|[rows, columns, channels]| (rows * columns * channels).max(1))
    }

    /// Taps of the window.
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// For an output position, every tap inside the input: its number, and the element of the image
    /// at which its channels start.
    pub fn taps_at(&self, row: usize, column: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let [height, width, channels] = self.input;
        (0..self.kernel[0]).flat_map(move |y| {
            let at_row = (row * self.stride[0] + y * self.dilation[0]).checked_sub(self.before[0]);
            let at_row = at_row.filter(|&at| at < height);
            (0..self.kernel[1]).filter_map(move |x| {
                let at_column =
                    (column * self.stride[1] + x * self.dilation[1]).checked_sub(self.before[1]);
                let at_column = at_column.filter(|&at| at < width)?;
                Some((y * self.kernel[1] + x, (at_row? * width + at_column) * channels))
            })
        })
    }

    /// Whether the taps of every output position are one contiguous run of the input: a kernel of
    /// one element without border and stride.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.before == [0, 0]
            && self.input[..2] == self.output[..2]
    }
}
