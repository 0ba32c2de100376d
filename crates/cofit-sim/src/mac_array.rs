//! Any array of multipliers with a buffer and a port to memory, described by its card alone.
//!
//! A layer is cut into jobs of whole rows whose input fits into the buffer beside the weights of
//! one group of output channels. A job reads its input and its weights by one port, which both
//! share in turns until one of them is complete. The array begins with a group of output channels
//! when the whole input of the job and the group's weights are there, and the weights of later
//! groups come while it computes, as far ahead as the buffer has room.
//!
//! Within a group, what stays in the array while the rest streams past is a *fold*: its products
//! take as many cycles as the streamed dimension has steps, and filling and draining the array
//! comes on top for each. In a weight-stationary array sums leave after each *stripe* of
//! positions; the next stripe's last products wait until the accumulators are free again.
//!
//! Sources: the sequence of NVDLA's convolution from nvdla/hw (vmod/nvdla/csc/NV_NVDLA_CSC_sg.v:
//! stripes of one to two times the output channels, the wait for all slices of the input and for a
//! group's kernels, the credit of the accumulators) and its public hardware documentation; proved
//! by its simulation, `golden/rtl/nvdla_small_rtl_cycles.csv`. The cycles of a systolic array are
//! those of SCALE-Sim without stalls: folds times positions plus twice the rows plus the columns
//! minus two.

use cofit_vocab::{Bytes, Cycles};

/// What stays in the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dataflow {
    /// Weights.
    Weight,
    /// Sums.
    Output,
    /// Inputs.
    Input,
}

/// How many of each dimension are computed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unroll {
    /// Input channels.
    pub inputs: u32,
    /// Output channels.
    pub outputs: u32,
    /// Positions of the output.
    pub positions: u32,
    /// Taps.
    pub taps: u32,
    /// Whether taps and input channels share one dimension.
    pub joined: bool,
}

/// One convolution; a dense layer is one of a single position and tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Rows of the input.
    pub input_height: u32,
    /// Columns of the input.
    pub input_width: u32,
    /// Input channels.
    pub inputs: u32,
    /// Rows of the output.
    pub height: u32,
    /// Columns of the output.
    pub width: u32,
    /// Output channels.
    pub outputs: u32,
    /// Rows of the kernel.
    pub kernel_height: u32,
    /// Columns of the kernel.
    pub kernel_width: u32,
    /// Rows of the input between two rows of the output.
    pub stride: u32,
    /// Rows of the input between two rows of the kernel.
    pub dilation: u32,
    /// Groups that share no channel; as many as input channels in a depthwise layer.
    pub groups: u32,
    /// Bytes of an input.
    pub input_bytes: u32,
    /// Bits of a weight.
    pub weight_bits: u32,
}

/// The array, its buffer and its port. Rates are in bytes per cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// How the multipliers are shared.
    pub unroll: Unroll,
    /// What stays in the array.
    pub dataflow: Dataflow,
    /// The fewest and the most positions of a stripe.
    pub stripe: [u32; 2],
    /// Cycles to fill and drain the array.
    pub fold: u64,
    /// Channels of a pixel are stored in multiples of this.
    pub granule: u32,
    /// Inputs and weights.
    pub read_rate: f64,
    /// Bytes of the buffer.
    pub buffer: Bytes,
    /// Results; infinite where they never delay.
    pub write_rate: f64,
    /// Cycles until results begin to leave.
    pub write_latency: u64,
    /// Cycles of a layer beside everything else.
    pub layer: u64,
}

/// The cycles of a layer by part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// The array, with stalls of its accumulators.
    pub array: Cycles,
    /// The array waits for inputs.
    pub input_wait: Cycles,
    /// The array waits for weights.
    pub weight_wait: Cycles,
    /// Last results and set-up.
    pub rest: Cycles,
    /// Jobs into which the buffer's size cuts the layer.
    pub jobs: u64,
    /// Bytes of inputs read, with rows that two jobs need.
    pub input: Bytes,
    /// Bytes of weights read, again for each job.
    pub weights: Bytes,
}

impl Cost {
    /// The cycles of all parts.
    pub fn total(&self) -> Cycles {
        self.array + self.input_wait + self.weight_wait + self.rest
    }
}

/// Groups of output channels that are followed one by one; later ones repeat the last.
const FOLLOWED: u64 = 256;

/// A part of the output's rows.
struct Job {
    positions: u64,
    input: f64,
}

/// Products in the dimensions of the array.
struct Folds {
    /// Steps through input channels and taps.
    reduction: u64,
    /// Groups of output channels at once.
    groups: u64,
}

impl Parameters {
    /// The cost of `layer`.
    pub fn cost(&self, layer: &Layer) -> Cost {
        let mut cost = Cost::default();
        let rows = self.rows_of_a_job(layer);
        let height = layer.height.max(1);
        let full = self.job(layer, rows);
        let (count, rest) = (u64::from(height / rows), height % rows);
        let mut add = |job: &Job, count: u64| {
            let one = self.job_cost(layer, job);
            let times = |cycles: Cycles| Cycles(cycles.get().saturating_mul(count));
            cost.array += times(one.array);
            cost.input_wait += times(one.input_wait);
            cost.weight_wait += times(one.weight_wait);
            cost.input += Bytes(one.input.get().saturating_mul(count));
            cost.weights += Bytes(one.weights.get().saturating_mul(count));
            cost.jobs += count;
        };
        add(&full, count);
        let mut last = full;
        if rest > 0 {
            last = self.job(layer, rest);
            add(&last, 1);
        }
        let [_, stripe] = self.stripes(last.positions).1;
        cost.rest = Cycles(self.layer) + Cycles::ceil_from(self.leaving(stripe));
        cost
    }

    /// Cycles that a pooling unit takes for a map at so many elements per cycle.
    pub fn pooling(&self, height: u32, width: u32, channels: u32, unit: &Pooling) -> Cycles {
        let groups = u64::from(channels.div_ceil(self.granule.max(1)));
        let elements = groups as f64
            * f64::from(self.granule.max(1))
            * (u64::from(height) * u64::from(width)) as f64;
        Cycles::ceil_from(elements / unit.elements_per_cycle)
            + Cycles(unit.layer.saturating_add(unit.group.saturating_mul(groups)))
    }

    /// Rows of the output whose input fits into the buffer beside the weights of two groups of
    /// output channels, or of one where two leave no room for a row; at least one.
    fn rows_of_a_job(&self, layer: &Layer) -> u32 {
        let height = layer.height.max(1);
        let weights = self.group_weights(layer);
        let room = self.buffer.as_f64();
        let fits = |rows: u32| {
            let input = self.job(layer, rows).input;
            input + 2.0 * weights <= room || (rows == 1 && input + weights <= room)
        };
        if fits(height) {
            return height;
        }
        // The input grows with the rows, so halving finds the most that fit.
        let (mut low, mut high) = (1, height);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// A job of so many rows of the output. One of all rows reads the whole map.
    fn job(&self, layer: &Layer, rows: u32) -> Job {
        let reach = u64::from(layer.kernel_height.saturating_sub(1))
            .saturating_mul(u64::from(layer.dilation));
        let input_rows = u64::from(rows.saturating_sub(1))
            .saturating_mul(u64::from(layer.stride))
            .saturating_add(reach)
            .saturating_add(1)
            .min(u64::from(layer.input_height));
        let input_rows =
            if rows >= layer.height { u64::from(layer.input_height) } else { input_rows };
        let granule = u64::from(self.granule.max(1));
        let channels = u64::from(layer.inputs).div_ceil(granule) * granule;
        Job {
            positions: u64::from(rows).saturating_mul(u64::from(layer.width)),
            input: input_rows as f64
                * f64::from(layer.input_width)
                * channels as f64
                * f64::from(layer.input_bytes),
        }
    }

    fn folds(&self, layer: &Layer) -> Folds {
        let groups = u64::from(layer.groups.max(1));
        let unroll = &self.unroll;
        let inputs = u64::from(layer.inputs).div_ceil(groups);
        let outputs = u64::from(layer.outputs).div_ceil(groups);
        let taps = u64::from(layer.kernel_height).saturating_mul(u64::from(layer.kernel_width));
        let at = |count: u64, at_once: u64| count.div_ceil(at_once.max(1));
        let reduction = if unroll.joined {
            let at_once = u64::from(unroll.inputs).saturating_mul(u64::from(unroll.taps));
            at(inputs.saturating_mul(taps), at_once)
        } else {
            at(inputs, u64::from(unroll.inputs)).saturating_mul(at(taps, u64::from(unroll.taps)))
        };
        Folds {
            reduction,
            groups: at(outputs, u64::from(unroll.outputs)).saturating_mul(groups).max(1),
        }
    }

    /// All weights, in bytes.
    fn weights(&self, layer: &Layer) -> f64 {
        f64::from(layer.inputs) / f64::from(layer.groups.max(1))
            * f64::from(layer.kernel_height)
            * f64::from(layer.kernel_width)
            * f64::from(layer.outputs)
            * f64::from(layer.weight_bits)
            / 8.0
    }

    /// The weights that the array needs to begin with a group, in bytes.
    fn group_weights(&self, layer: &Layer) -> f64 {
        self.weights(layer) / self.weight_groups(layer) as f64
    }

    /// Groups of output channels that are computed one after the other. Where inputs stay, all
    /// output channels stream past, and there is one.
    fn weight_groups(&self, layer: &Layer) -> u64 {
        match self.dataflow {
            Dataflow::Weight | Dataflow::Output => self.folds(layer).groups,
            Dataflow::Input => 1,
        }
    }

    fn job_cost(&self, layer: &Layer, job: &Job) -> Cost {
        let groups = self.weight_groups(layer);
        let array = self.group_cycles(layer, job);
        let input = job.input / self.read_rate;
        let weights = self.weights(layer) / self.read_rate;
        let each = weights / groups as f64;
        // Both are read in turns until one is complete.
        let input_there = (2.0 * input).min(input + weights);
        let room = (self.buffer.as_f64() - job.input) / self.group_weights(layer).max(1.0);
        let ahead = if room >= 1.0 { room as u64 } else { 1 };
        let mut ends: Vec<f64> = Vec::new();
        let (mut end, mut before, mut waited) = (input_there, input_there, 0.0);
        for group in 0..groups.min(FOLLOWED) {
            let read = each * (group + 1) as f64;
            let mut there = if read <= input { 2.0 * read } else { input + read };
            if let Some(freed) = group.checked_sub(ahead) {
                there = there.max(ends.get(freed as usize).copied().unwrap_or(end) + each);
            }
            before = end;
            let start = end.max(there);
            waited += start - end;
            end = start + array;
            ends.push(end);
        }
        let more = groups.saturating_sub(FOLLOWED) as f64;
        let period = end - before;
        waited += more * (period - array).max(0.0);
        Cost {
            array: Cycles::ceil_from(array * groups as f64),
            input_wait: Cycles::ceil_from(input_there),
            weight_wait: Cycles::ceil_from(waited),
            rest: Cycles::ZERO,
            jobs: 1,
            input: bytes(job.input),
            weights: bytes(self.weights(layer)),
        }
    }

    /// Cycles of the array for one group of output channels of a job.
    fn group_cycles(&self, layer: &Layer, job: &Job) -> f64 {
        let folds = self.folds(layer);
        let positions = job.positions.div_ceil(u64::from(self.unroll.positions.max(1)));
        let fold = self.fold as f64;
        let leaving = |count: u64| self.leaving(count);
        match self.dataflow {
            Dataflow::Weight => {
                let (full, [shared, last]) = self.stripes(positions);
                let stripe = |length: u64| {
                    if length == 0 {
                        return 0.0;
                    }
                    let streamed = length.max(u64::from(self.stripe[0])) as f64;
                    let array = folds.reduction as f64 * (streamed + fold);
                    // The accumulators hold one stripe: its last products wait for the one before.
                    let out = leaving(length);
                    let held =
                        if out > 0.0 { out + streamed + self.write_latency as f64 } else { 0.0 };
                    array.max(held)
                };
                full as f64 * stripe(u64::from(self.stripe[1])) + stripe(shared) + stripe(last)
            }
            Dataflow::Output => {
                let array = folds.reduction as f64 + fold;
                positions as f64 * array.max(leaving(1))
            }
            Dataflow::Input => {
                let streamed = folds.groups as f64 + fold;
                positions as f64 * folds.reduction as f64 * streamed.max(0.0)
            }
        }
    }

    /// The longest stripes of so many positions, and the lengths of the one or two after them: two
    /// share what would else be one full stripe and one too short for the array.
    fn stripes(&self, positions: u64) -> (u64, [u64; 2]) {
        let most = u64::from(self.stripe[1].max(1));
        let full = positions.saturating_sub(1) / most;
        let rest = positions - full * most;
        if full > 0 && rest < u64::from(self.stripe[0]) {
            let shared = most + rest;
            return (full - 1, [shared.div_ceil(2), shared / 2]);
        }
        (full, [0, rest])
    }

    /// Cycles in which the results of so many positions leave.
    fn leaving(&self, positions: u64) -> f64 {
        let at_once = f64::from(self.unroll.outputs) * f64::from(self.unroll.positions);
        positions as f64 * at_once / self.write_rate
    }
}

/// A pooling unit: cycles beside its elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pooling {
    /// Elements of the input per cycle.
    pub elements_per_cycle: f64,
    /// Cycles of a layer.
    pub layer: u64,
    /// Cycles of each group of channels.
    pub group: u64,
}

fn bytes(count: f64) -> Bytes {
    Bytes(count.ceil() as u64)
}

#[cfg(test)]
mod tests;
