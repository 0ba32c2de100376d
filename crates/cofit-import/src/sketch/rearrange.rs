//! Operators that take channels apart, deal them out, and change a map's resolution.

use cofit_ir::ops::{Reshape, ResizeBilinear, Slice, Transpose, TransposeConv2d};
use cofit_ir::{Extent2d, Padding, Shape, TensorId};

use super::builder::{Bias, BuildError, Builder, Built, Convolution, Precision, fused_range};

impl Builder {
    /// Batch, height, width and channels of a map.
    fn map(&self, x: TensorId) -> Result<[u32; 4], BuildError> {
        self.shape(x)
            .as_nhwc()
            .ok_or_else(|| BuildError::Rule(format!("the input has shape {}", self.shape(x))))
    }

    /// A constant list of 32-bit integers.
    fn list(&mut self, name: String, values: &[i32]) -> TensorId {
        let bytes = values.iter().flat_map(|n| n.to_le_bytes()).collect();
        // Lists have as many entries as axes.
        self.integers(name, &[values.len() as u32], bytes)
    }

    /// `count` channels from `first` on; -1 takes what is left.
    pub(super) fn slice(&mut self, x: TensorId, first: i32, count: i32, name: &str) -> Built {
        let rank = self.shape(x).rank();
        let mut begin = vec![0; rank];
        let mut size = vec![-1; rank];
        if let (Some(begin), Some(size)) = (begin.last_mut(), size.last_mut()) {
            (*begin, *size) = (first, count);
        }
        let begin = self.list(format!("{name}/begin"), &begin);
        let size = self.list(format!("{name}/size"), &size);
        self.emit_alike(Slice {}, &[x, begin, size], name.to_owned())
    }

    /// ShuffleNet's shuffle (X. Zhang et al., 2018): of `groups` groups of channels the first of
    /// each, then the second of each, and so on. A reshape, a transpose and a reshape.
    pub(super) fn shuffle(&mut self, x: TensorId, groups: u32, name: &str) -> Built {
        let [_, height, width, channels] = self.map(x)?;
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(BuildError::Rule(format!(
                "{channels} channels do not divide into {groups} groups"
            )));
        }
        let lengths = |lengths: &[u32]| -> Result<Vec<i32>, BuildError> {
            let lengths = lengths.iter().map(|&n| i32::try_from(n));
            lengths
                .collect::<Result<_, _>>()
                .map_err(|_| BuildError::Limit("the input is too high or too wide".to_owned()))
        };
        let apart = lengths(&[1, height, width, groups, channels / groups])?;
        let together = lengths(&[1, height, width, channels])?;
        let order = self.list(format!("{name}/order"), &[0, 1, 2, 4, 3]);
        let x = self.emit_alike(Reshape { shape: apart }, &[x], format!("{name}/groups"))?;
        let x = self.emit_alike(Transpose {}, &[x, order], format!("{name}/transpose"))?;
        self.emit_alike(Reshape { shape: together }, &[x], name.to_owned())
    }

    /// Another height and width by bilinear interpolation between centres, which is what
    /// TensorFlow 2's `image.resize` does.
    pub(super) fn resize(&mut self, x: TensorId, size: Extent2d, name: &str) -> Built {
        // Lengths of sketches are far below 2^31.
        let size = self.list(format!("{name}/size"), &[size.height as i32, size.width as i32]);
        let op = ResizeBilinear { align_corners: false, half_pixel_centers: true };
        self.emit_alike(op, &[x, size], name.to_owned())
    }

    /// A transposed convolution whose result is the input's size times the stride.
    pub(super) fn transpose_convolution(
        &mut self,
        x: TensorId,
        channels: u32,
        convolution: &Convolution,
        precision: Precision,
        name: &str,
    ) -> Built {
        let [_, height, width, depth] = self.map(x)?;
        let Convolution { kernel, stride, nonlinearity, .. } = *convolution;
        let size = [
            Some(1),
            height.checked_mul(stride.height),
            width.checked_mul(stride.width),
            Some(channels),
        ];
        let size = size.map(|n| n.and_then(|n| i32::try_from(n).ok()));
        let [Some(batch), Some(height), Some(width), Some(outputs)] = size else {
            return Err(BuildError::Limit("the result is too high or too wide".to_owned()));
        };
        let size = self.list(format!("{name}/size"), &[batch, height, width, outputs]);
        let shape = Shape::new(&[channels, kernel.height, kernel.width, depth]);
        // Every element of the result sums the taps that the stride leaves it.
        let taps = (kernel.area() / stride.area().max(1)).max(1);
        let fan_in = taps.saturating_mul(u64::from(depth));
        let weights =
            self.weights(format!("{name}/weights"), precision.weights, shape, Some(0), fan_in)?;
        let mut inputs = vec![size, weights, x];
        if convolution.bias == Bias::Present {
            inputs.push(self.bias(format!("{name}/bias"), x, weights, channels)?);
        }
        let (fused, own) = nonlinearity.split();
        let element = self.element(x);
        let quantisation = fused_range(fused).quantisation(element);
        let op = TransposeConv2d { stride, padding: Padding::Same, activation: fused };
        let sum = self.emit(op, &inputs, name.to_owned(), element, quantisation)?;
        self.nonlinearity(sum, own, name)
    }
}
