//! Layers over sequences, which are maps whose positions are the steps in order: recurrent ones written
//! out step by step, attention, and normalisation of each step's channels.

use cofit_ir::ops::{
    Add, BatchMatMul, Concatenation, FullyConnected, Logistic, Mean, Mul, Reshape, Rsqrt, Slice,
    Softmax, SquaredDifference, Sub, Tanh, Transpose,
};
use cofit_ir::{Activation, Extent2d, Padding, Shape, TensorId};

use super::builder::{
    Bias, BuildError, Builder, Built, Convolution, Mixing, Nonlinearity, Normalisation, Precision,
};
use super::ranges::ValueRange;

/// What keeps the root of a variance away from zero: the epsilon of Keras' `LayerNormalization`.
const EPSILON: f32 = 1e-3;

/// Which recurrence is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recurrence {
    /// A gated recurrent unit (K. Cho et al., 2014), its reset gate on the product of state and weights.
    Gru,
    /// A long short-term memory (S. Hochreiter and J. Schmidhuber, 1997; F. Gers et al., 2000).
    Lstm,
}

/// What a recurrent layer hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// The state behind the last step.
    Last,
    /// The states behind all steps.
    All,
}

impl Builder {
    /// Steps and channels of a sequence: of a map all its positions, of a single step one.
    fn steps(&self, x: TensorId) -> Result<(u32, u32), BuildError> {
        let shape = self.shape(x);
        let steps = match *shape.dimensions() {
            [1, height, width, _] => height.checked_mul(width),
            _ => None,
        };
        match steps {
            Some(steps) if steps > 0 => Ok((steps, shape.last())),
            Some(_) | None => Err(BuildError::Rule(format!(
                "a sequence is a map of steps, and the input has shape {shape}"
            ))),
        }
    }

    /// The same elements in a whole shape.
    fn shaped(&mut self, x: TensorId, lengths: &[u32], name: String) -> Built {
        let lengths: Result<Vec<i32>, _> = lengths.iter().map(|&n| i32::try_from(n)).collect();
        let shape =
            lengths.map_err(|_| BuildError::Limit("the sequence is too long".to_owned()))?;
        self.emit_alike(Reshape { shape }, &[x], name)
    }

    /// A box of `lengths` from `first` on.
    fn part(&mut self, x: TensorId, first: [u32; 2], lengths: [u32; 2], name: &str) -> Built {
        let bytes = |pair: [u32; 2]| pair.iter().flat_map(|&n| n.to_le_bytes()).collect();
        let begin = self.integers(format!("{name}/begin"), &[2], bytes(first));
        let size = self.integers(format!("{name}/size"), &[2], bytes(lengths));
        self.emit_alike(Slice {}, &[x, begin, size], name.to_owned())
    }

    fn sum(&mut self, a: TensorId, b: TensorId, name: String) -> Built {
        self.emit_ranged(Add::default(), &[a, b], name, ValueRange::Linear)
    }

    fn product(&mut self, a: TensorId, b: TensorId, name: String) -> Built {
        let op = Mul { activation: Activation::None };
        self.emit_ranged(op, &[a, b], name, ValueRange::Linear)
    }

    fn gate(&mut self, x: TensorId, name: String) -> Built {
        self.emit_ranged(Logistic {}, &[x], name, ValueRange::Probability)
    }

    fn squashed(&mut self, x: TensorId, name: String) -> Built {
        self.emit_ranged(Tanh {}, &[x], name, ValueRange::Tanh)
    }

    /// A recurrent layer of `cells` written out: one product of the input for all steps, then for every
    /// step one of the state, all with the same weights. The state before the first step is zero, and its
    /// product has no bias.
    pub(super) fn recurrent(
        &mut self,
        x: TensorId,
        cells: u32,
        recurrence: Recurrence,
        returned: Returned,
        precision: Precision,
        name: &str,
    ) -> Built {
        let (steps, depth) = self.steps(x)?;
        let gates = match recurrence {
            Recurrence::Gru => 3,
            Recurrence::Lstm => 4,
        };
        let wide = cells
            .checked_mul(gates)
            .ok_or_else(|| BuildError::Limit(format!("{cells} cells are too many")))?;
        let x = self.shaped(x, &[steps, depth], format!("{name}/steps"))?;
        let on_input = self.weights(
            format!("{name}/input_weights"),
            precision.weights,
            Shape::new(&[wide, depth]),
            None,
            u64::from(depth),
        )?;
        let bias = self.bias(format!("{name}/bias"), x, on_input, wide)?;
        let op = FullyConnected::default();
        let products = format!("{name}/input");
        let products = self.emit_ranged(op, &[x, on_input, bias], products, ValueRange::Linear)?;
        let on_state = self.weights(
            format!("{name}/state_weights"),
            precision.weights,
            Shape::new(&[wide, cells]),
            None,
            u64::from(cells),
        )?;
        // The state, and the cell of a long short-term memory.
        let mut state: Option<(TensorId, TensorId)> = None;
        let mut states = Vec::new();
        for step in 0..steps {
            let own = format!("{name}/step{step}");
            let row = self.part(products, [step, 0], [1, wide], &format!("{own}/input"))?;
            let fed = match state {
                Some((last, _)) => {
                    let op = FullyConnected::default();
                    let fed = format!("{own}/state");
                    Some(self.emit_ranged(op, &[last, on_state], fed, ValueRange::Linear)?)
                }
                None => None,
            };
            let next = match recurrence {
                Recurrence::Gru => self.gru_step(row, fed, state, cells, &own)?,
                Recurrence::Lstm => self.lstm_step(row, fed, state, cells, &own)?,
            };
            state = Some(next);
            states.push(next.0);
        }
        let last = states.last().copied().unwrap_or(x);
        match returned {
            Returned::Last => Ok(last),
            Returned::All => {
                let op = Concatenation { axis: 0, activation: Activation::None };
                let all = self.emit_alike(op, &states, format!("{name}/states"))?;
                self.shaped(all, &[1, steps, 1, cells], name.to_owned())
            }
        }
    }

    /// One step: with update gate `z`, reset gate `r` and candidate `n` the state becomes
    /// `n + z * (state - n)`.
    fn gru_step(
        &mut self,
        row: TensorId,
        fed: Option<TensorId>,
        state: Option<(TensorId, TensorId)>,
        cells: u32,
        name: &str,
    ) -> Result<(TensorId, TensorId), BuildError> {
        let mut both = [row; 2];
        for (index, gate) in ["update", "reset"].into_iter().enumerate() {
            // There are two.
            let first = [0, index as u32 * cells];
            let own = format!("{name}/{gate}");
            let mut sum = self.part(row, first, [1, cells], &format!("{own}/input"))?;
            if let Some(fed) = fed {
                let other = self.part(fed, first, [1, cells], &format!("{own}/state"))?;
                sum = self.sum(sum, other, format!("{own}/sum"))?;
            } else if index == 1 {
                // Without a state there is nothing to reset.
                break;
            }
            both[index] = self.gate(sum, own)?;
        }
        let [update, reset] = both;
        let first = [0, 2 * cells];
        let mut sum = self.part(row, first, [1, cells], &format!("{name}/candidate/input"))?;
        if let Some(fed) = fed {
            let other = self.part(fed, first, [1, cells], &format!("{name}/candidate/state"))?;
            let kept = self.product(reset, other, format!("{name}/candidate/kept"))?;
            sum = self.sum(sum, kept, format!("{name}/candidate/sum"))?;
        }
        let candidate = self.squashed(sum, format!("{name}/candidate"))?;
        let op = Sub { activation: Activation::None, ..Sub::default() };
        let next = match state {
            Some((last, _)) => {
                let apart = format!("{name}/difference");
                let apart = self.emit_ranged(op, &[last, candidate], apart, ValueRange::Linear)?;
                let kept = self.product(update, apart, format!("{name}/kept"))?;
                let range = ValueRange::Tanh;
                self.emit_ranged(Add::default(), &[candidate, kept], name.to_owned(), range)?
            }
            None => {
                let kept = self.product(update, candidate, format!("{name}/kept"))?;
                let range = ValueRange::Tanh;
                self.emit_ranged(op, &[candidate, kept], name.to_owned(), range)?
            }
        };
        Ok((next, next))
    }

    /// One step: with gates `i`, `f` and `o` and candidate `g` the cell becomes `f * cell + i * g`, and the
    /// state `o * tanh(cell)`.
    fn lstm_step(
        &mut self,
        row: TensorId,
        fed: Option<TensorId>,
        state: Option<(TensorId, TensorId)>,
        cells: u32,
        name: &str,
    ) -> Result<(TensorId, TensorId), BuildError> {
        let sums = match fed {
            Some(fed) => self.sum(row, fed, format!("{name}/sum"))?,
            None => row,
        };
        let mut parts = [row; 4];
        for (index, gate) in ["enter", "forget", "candidate", "leave"].into_iter().enumerate() {
            if gate == "forget" && state.is_none() {
                continue;
            }
            // There are four.
            let first = [0, index as u32 * cells];
            let own = format!("{name}/{gate}");
            let sum = self.part(sums, first, [1, cells], &format!("{own}/sum"))?;
            parts[index] =
                if gate == "candidate" { self.squashed(sum, own)? } else { self.gate(sum, own)? };
        }
        let [enter, forget, candidate, leave] = parts;
        let mut cell = self.product(enter, candidate, format!("{name}/entered"))?;
        if let Some((_, last)) = state {
            let kept = self.product(forget, last, format!("{name}/kept"))?;
            cell = self.sum(kept, cell, format!("{name}/cell"))?;
        }
        let shown = self.squashed(cell, format!("{name}/shown"))?;
        let op = Mul { activation: Activation::None };
        let next = self.emit_ranged(op, &[leave, shown], name.to_owned(), ValueRange::Tanh)?;
        Ok((next, cell))
    }

    /// Self-attention of `heads` heads (A. Vaswani et al., 2017): every step's query meets every step's
    /// key, and takes as much of its value; a pointwise convolution mixes the heads.
    pub(super) fn attention(
        &mut self,
        x: TensorId,
        heads: u32,
        precision: Precision,
        name: &str,
    ) -> Built {
        let (steps, depth) = self.steps(x)?;
        let shape: Vec<u32> = self.shape(x).dimensions().to_vec();
        if heads == 0 || !depth.is_multiple_of(heads) {
            return Err(BuildError::Rule(format!(
                "{depth} channels do not divide into {heads} heads"
            )));
        }
        let own = depth / heads;
        let pointwise = Convolution {
            mixing: Mixing::Dense { channels: depth, groups: 1 },
            kernel: Extent2d::ONE,
            stride: Extent2d::ONE,
            dilation: Extent2d::ONE,
            padding: Padding::Same,
            nonlinearity: Nonlinearity::None,
            bias: Bias::Present,
            normalisation: Normalisation::Folded,
        };
        let swap: Vec<u8> = [0i32, 2, 1, 3].iter().flat_map(|n| n.to_le_bytes()).collect();
        let mut parts = [x; 3];
        for (part, what) in parts.iter_mut().zip(["query", "key", "value"]) {
            let name = format!("{name}/{what}");
            let y = self.convolution(x, &pointwise, precision, &name)?;
            let y = self.shaped(y, &[1, steps, heads, own], format!("{name}/heads"))?;
            let order = self.integers(format!("{name}/order"), &[4], swap.clone());
            *part = self.emit_alike(Transpose {}, &[y, order], format!("{name}/turned"))?;
        }
        let [query, key, value] = parts;
        let op = BatchMatMul { adj_y: true, ..BatchMatMul::default() };
        let scores = format!("{name}/products");
        let scores = self.emit_ranged(op, &[query, key], scores, ValueRange::Linear)?;
        let element = self.element(x);
        let scale = 1.0 / (own as f32).sqrt();
        let scale = self.scalar(format!("{name}/scale"), element, scale);
        let scores = self.product(scores, scale, format!("{name}/scores"))?;
        let range = ValueRange::Probability;
        let shares = format!("{name}/shares");
        let shares = self.emit_ranged(Softmax { beta: 1.0 }, &[scores], shares, range)?;
        let taken = format!("{name}/taken");
        let taken =
            self.emit_ranged(BatchMatMul::default(), &[shares, value], taken, ValueRange::Linear)?;
        let order = self.integers(format!("{name}/order"), &[4], swap);
        let taken = self.emit_alike(Transpose {}, &[taken, order], format!("{name}/together"))?;
        let taken = self.shaped(taken, &shape, format!("{name}/joined"))?;
        self.convolution(taken, &pointwise, precision, name)
    }

    /// Layer normalisation (J. Ba et al., 2016) of every position's channels, with a learned factor and
    /// summand for each channel.
    pub(super) fn layer_norm(&mut self, x: TensorId, name: &str) -> Built {
        let axes = |builder: &mut Self, part: &str| {
            builder.integers(format!("{name}/{part}"), &[1], (-1i32).to_le_bytes().to_vec())
        };
        let channels = self.shape(x).last();
        let element = self.element(x);
        let op = Mean { keep_dims: true };
        let across = axes(self, "axes");
        let mean = format!("{name}/mean");
        let mean = self.emit_ranged(op.clone(), &[x, across], mean, ValueRange::Linear)?;
        let squares = format!("{name}/squares");
        let squares =
            self.emit_ranged(SquaredDifference {}, &[x, mean], squares, ValueRange::Rectified)?;
        let across = axes(self, "variance/axes");
        let variance = format!("{name}/variance");
        let variance = self.emit_ranged(op, &[squares, across], variance, ValueRange::Rectified)?;
        let epsilon = self.scalar(format!("{name}/epsilon"), element, EPSILON);
        let op = Add::default();
        let guarded = format!("{name}/guarded");
        let guarded = self.emit_ranged(op, &[variance, epsilon], guarded, ValueRange::Rectified)?;
        let root = format!("{name}/root");
        let root = self.emit_ranged(Rsqrt {}, &[guarded], root, ValueRange::Rectified)?;
        let op = Sub { activation: Activation::None, ..Sub::default() };
        let centred = format!("{name}/centred");
        let centred = self.emit_ranged(op, &[x, mean], centred, ValueRange::Linear)?;
        let normal = self.product(centred, root, format!("{name}/normal"))?;
        let mut learned = |part: &str| {
            let shape = Shape::new(&[channels]);
            self.weights(format!("{name}/{part}"), element, shape, None, 1)
        };
        let (factor, summand) = (learned("factor")?, learned("summand")?);
        let scaled = self.product(normal, factor, format!("{name}/scaled"))?;
        self.sum(scaled, summand, name.to_owned())
    }
}
