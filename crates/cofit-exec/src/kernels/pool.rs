//! What pools have in common: a window over every channel by itself.

use cofit_ir::ops::window::Window;
use cofit_ir::{Activation, Padding};

use super::window::Sliding;
use crate::arithmetic::activation::range_of;
use crate::call::Fault;
use crate::site::{Affine, Refusal, Site};

/// A window over an input without weights.
#[derive(Clone, Copy)]
pub(crate) struct Pool(Sliding);

impl Pool {
    /// The window of a pool.
    pub fn new(site: &Site<'_>, window: Window, padding: Padding) -> Result<Self, Refusal> {
        let (input, output) = (site.input(0)?, site.output(0)?);
        let sliding = Sliding::new(site, window, padding, &input.shape, &output.shape)?;
        if sliding.input[2] != sliding.output[2] {
            return Err(site.refuse("it changes the number of channels", "check the exporter"));
        }
        Ok(Self(sliding))
    }

    /// Joins the taps of every output position channel by channel, from `start`, and finishes with
    /// their number. Windows without any tap inside stay as they are.
    pub fn run<T: Copy, S: Copy, O>(
        &self,
        input: &[T],
        output: &mut [O],
        start: S,
        join: impl Fn(S, T) -> S,
        finish: impl Fn(S, i32) -> O,
    ) -> Result<(), Fault> {
        let [height, width, channels] = self.0.input;
        let [rows, columns, _] = self.0.output;
        let image = height * width * channels;
        let fits = input.len() == self.0.batch * image
            && output.len() == self.0.batch * rows * columns * channels;
        if !fits || channels == 0 {
            return Err(Fault::new("its tensors do not have the lengths that it was prepared for"));
        }
        let mut joined = vec![start; channels];
        for (position, output) in output.chunks_exact_mut(channels).enumerate() {
            let (image_at, inside) = (position / (rows * columns), position % (rows * columns));
            let input = &input[image_at * image..][..image];
            joined.fill(start);
            let mut count = 0;
            for (_, first) in self.0.taps_at(inside / columns, inside % columns) {
                for (sum, &x) in joined.iter_mut().zip(&input[first..][..channels]) {
                    *sum = join(*sum, x);
                }
                count += 1;
            }
            if count > 0 {
                for (result, &sum) in output.iter_mut().zip(&joined) {
                    *result = finish(sum, count);
                }
            }
        }
        Ok(())
    }
}

/// Least and greatest integer of result 0 after an activation.
pub(crate) fn bounds(site: &Site<'_>, activation: Activation) -> Result<(i32, i32), Refusal> {
    let output = site.output(0)?;
    // A pool without activation needs no scale: it neither adds nor scales.
    let affine = match activation {
        Activation::None => Affine { scale: 1.0, zero_point: 0 },
        _ => site.affine(output)?,
    };
    Ok(range_of(site, activation, output.element, affine)?.into_inner())
}
