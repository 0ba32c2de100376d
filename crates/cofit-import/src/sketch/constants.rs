//! Constants of the graph: weights, biases, statistics, and the short ones that operators read.

use bytes::Bytes;
use cofit_ir::{Shape, Tensor, TensorId};
use cofit_vocab::ElementType;

use super::builder::{BuildError, Builder, Built, check_elements};
use super::random::SplitMix64;
use super::ranges::{bias_element, bias_quantisation, weight_quantisation};
use super::{Weights, limits, seeded};

impl Builder {
    /// The number of the next constant, which seeds it.
    fn next_constant(&mut self) -> u64 {
        self.constants += 1;
        self.constants
    }

    /// Whether seeded bytes for `count` more elements can be held; the seed, if there are to be
    /// any.
    fn seed(&mut self, element: ElementType, count: u64) -> Result<Option<u64>, BuildError> {
        let Weights::Random { seed } = self.weights else { return Ok(None) };
        self.weight_bytes = self.weight_bytes.saturating_add(element.bytes_for(count).0);
        if self.weight_bytes > limits::WEIGHT_BYTES {
            return Err(BuildError::Limit(format!(
                "seeded weights would take more than {} MiB",
                limits::WEIGHT_BYTES >> 20
            )));
        }
        Ok(Some(seed))
    }

    /// Adds weights; sums run over `fan_in` of them.
    pub(super) fn weights(
        &mut self,
        name: String,
        element: ElementType,
        shape: Shape,
        axis: Option<usize>,
        fan_in: u64,
    ) -> Built {
        check_elements(&shape)?;
        let channels = axis.and_then(|axis| shape.get(axis)).unwrap_or(1);
        self.channels = self.channels.saturating_add(u64::from(channels));
        if self.channels > limits::CHANNELS {
            return Err(BuildError::Limit(format!(
                "all weights together have more than {} output channels",
                limits::CHANNELS
            )));
        }
        let ordinal = self.next_constant();
        let count = shape.elements();
        let mut tensor = match self.seed(element, count)? {
            Some(seed) => {
                let stream = SplitMix64::for_constant(seed, ordinal);
                // The limit on bytes keeps the count far below any pointer width.
                let bytes = seeded::weights(element, count as usize, fan_in, stream);
                Tensor::constant(name, element, shape, bytes)
            }
            None => Tensor::weightless(name, element, shape),
        };
        tensor.quantisation = weight_quantisation(element, &tensor.shape, axis, fan_in);
        tensor.origin = self.origin;
        Ok(self.graph.tensor(tensor))
    }

    /// Adds a bias for products of `input` and `weights`.
    pub(super) fn bias(
        &mut self,
        name: String,
        input: TensorId,
        weights: TensorId,
        channels: u32,
    ) -> Built {
        let element = bias_element(self.element(input));
        let tensors = &self.graph.tensors;
        let quantisation = tensors[input]
            .quantisation
            .as_ref()
            .zip(tensors[weights].quantisation.as_ref())
            .map(|(input, weights)| bias_quantisation(input, weights));
        let ordinal = self.next_constant();
        let shape = Shape::new(&[channels]);
        let mut tensor = match self.seed(element, u64::from(channels))? {
            Some(seed) => {
                let stream = SplitMix64::for_constant(seed, ordinal);
                let scales = quantisation.as_ref();
                let bytes = seeded::biases(element, channels as usize, scales, stream);
                Tensor::constant(name, element, shape, bytes)
            }
            None => Tensor::weightless(name, element, shape),
        };
        tensor.quantisation = quantisation;
        tensor.origin = self.origin;
        Ok(self.graph.tensor(tensor))
    }

    /// Adds gamma, beta, mean and variance of batch normalisation, which stay floats.
    pub(super) fn statistics(
        &mut self,
        name: &str,
        channels: u32,
    ) -> Result<[TensorId; 4], BuildError> {
        let mut add = |part: &str, middle: f32, extent: f32| -> Built {
            let ordinal = self.next_constant();
            let (element, shape) = (ElementType::Float32, Shape::new(&[channels]));
            let name = format!("{name}/{part}");
            let mut tensor = match self.seed(element, u64::from(channels))? {
                Some(seed) => {
                    let stream = SplitMix64::for_constant(seed, ordinal);
                    let bytes = seeded::statistics(channels as usize, middle, extent, stream);
                    Tensor::constant(name, element, shape, bytes)
                }
                None => Tensor::weightless(name, element, shape),
            };
            tensor.origin = self.origin;
            Ok(self.graph.tensor(tensor))
        };
        Ok([
            add("gamma", 1.0, 0.25)?,
            add("beta", 0.0, 0.1)?,
            add("mean", 0.0, 0.1)?,
            add("variance", 1.0, 0.25)?,
        ])
    }

    /// A short constant of the operator's own: its bytes are there whatever becomes of weights.
    pub(super) fn integers(&mut self, name: String, shape: &[u32], bytes: Vec<u8>) -> TensorId {
        let mut tensor =
            Tensor::constant(name, ElementType::Int32, Shape::new(shape), Bytes::from(bytes));
        tensor.origin = self.origin;
        self.graph.tensor(tensor)
    }
}
