//! MAX78000 and MAX78002: the vendor's layer formula, and the cost of loading weights.
//!
//! Source of the equations and of the golden counts in the tests:
//! analogdevicesinc/ai8x-synthesis:izer/latency.py and izer/test/test_cycles.py. The formula has
//! no weight width in it: weights of 1, 2 and 4 bits save memory and no cycles. The vendor
//! enables it for the MAX78000 (`SUPPORT_LATENCY_CALC` in izer/tornadocnn.py); applying it to the
//! MAX78002, whose pipelined mode it does not know, is an assumption.
//!
//! A hardware layer is pool, then element-wise operation, then convolution, bias and activation,
//! in one go; bias and activation cost nothing. The array reads a pixel of up to 64 channels at a
//! time, shifts it into a window memory, and writes one output channel per cycle. More than 64
//! input channels take several passes.
//!
//! Extents are `u16`: the chips' own limits are 2047 rows and columns and 2048 channels, and with
//! them no term of the formula can overflow the 128-bit arithmetic used here.

use cofit_vocab::Cycles;

/// Input channels that the array takes in one pass: 4 quadrants of 16 processors
/// (analogdevicesinc/ai8x-synthesis:README.md).
pub const CHANNELS_PER_PASS: u16 = 64;

/// Cycles to start a network, once (izer/test/test_cycles.py, "START").
pub const START_CYCLES: Cycles = Cycles(1);

/// Rows and columns. One-dimensional layers have their length in the rows and one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

impl Extent {
    /// `rows` by `columns`.
    pub const fn new(rows: u16, columns: u16) -> Self {
        Self { rows, columns }
    }

    /// The same in both directions.
    pub const fn square(side: u16) -> Self {
        Self::new(side, side)
    }

    /// A length, as one column.
    pub const fn length(rows: u16) -> Self {
        Self::new(rows, 1)
    }
}

/// The pooling in front of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The window.
    pub window: Extent,
    /// The stride; zero counts as one.
    pub stride: Extent,
}

impl Pool {
    /// No pooling: a window of one at stride one.
    pub const NONE: Self = Self { window: Extent::square(1), stride: Extent::square(1) };

    /// A square window at a square stride.
    pub const fn square(window: u16, stride: u16) -> Self {
        Self { window: Extent::square(window), stride: Extent::square(stride) }
    }

    /// The pooled extent of `input`. Windows that would hang over the edge are not taken.
    const fn apply(self, input: Extent) -> Extent {
        const fn axis(input: u16, window: u16, stride: u16) -> u16 {
            let stride = if stride == 0 { 1 } else { stride };
            match input.checked_sub(window) {
                Some(rest) => (rest / stride).saturating_add(1),
                None => 0,
            }
        }
        Extent {
            rows: axis(input.rows, self.window.rows, self.stride.rows),
            columns: axis(input.columns, self.window.columns, self.stride.columns),
        }
    }
}

/// Which comes first in a layer that both pools and joins several inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrder {
    /// Every operand is pooled, then the results are joined. Also the order of layers that do
    /// only one of the two, or neither.
    PoolFirst,
    /// The operands are joined, then the result is pooled.
    JoinFirst,
}

/// What the array does with the pooled and joined data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// A convolution of stride one, dense or depthwise, one- or two-dimensional; a fully
    /// connected layer is a 1x1 kernel.
    Convolution {
        /// The kernel.
        kernel: Extent,
        /// Zeros added on each side.
        padding: Extent,
        /// Output channels.
        output_channels: u16,
    },
    /// A transposed convolution of stride two: a convolution over the input at twice its extent.
    TransposedConvolution {
        /// The kernel.
        kernel: Extent,
        /// Zeros added on each side of the doubled input.
        padding: Extent,
        /// Output channels.
        output_channels: u16,
    },
    /// No convolution: pooling, element-wise operation or copy only.
    Passthrough {
        /// Time slots that the output needs: 1, unless the vendor's synthesis spreads the output
        /// channels over more.
        time_slots: u16,
    },
}

/// Whether a layer's input is flattened first, as a fully connected layer after a feature map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flatten {
    /// The input keeps its shape.
    Keep,
    /// Rows, columns and channels become one axis.
    Flatten,
}

/// How a layer's input arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The whole input is in data memory.
    InMemory,
    /// The input streams through a FIFO while the layer runs. The vendor's estimate is one and a
    /// half times the cycles of the same layer in memory.
    Streaming,
}

/// One hardware layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The extent of each operand.
    pub input: Extent,
    /// Passes over the input: [`passes`] of the input channels.
    pub passes: u16,
    /// Inputs joined element by element; 1 where nothing is joined.
    pub operands: u16,
    /// The pooling.
    pub pool: Pool,
    /// The order of pooling and joining.
    pub order: JoinOrder,
    /// What follows.
    pub operator: Operator,
    /// Whether the input is flattened.
    pub flatten: Flatten,
    /// How the input arrives.
    pub arrival: Arrival,
    /// The layer's first kernel in weight memory, which layers of several passes or operands that
    /// join before they pool read up to on the MAX78000
    /// (`REQUIRE_MP_KERNOFF_MULTIWRITE` in izer/tornadocnn.py). Zero on the MAX78002.
    pub kernel_offset: u16,
}

/// Passes that `channels` input channels take.
pub const fn passes(channels: u16) -> u16 {
    channels.div_ceil(CHANNELS_PER_PASS)
}

impl Layer {
    /// A layer of `operator` over `input` of `channels` channels, in memory, without pooling.
    pub const fn new(input: Extent, channels: u16, operator: Operator) -> Self {
        Self {
            input,
            passes: passes(channels),
            operands: 1,
            pool: Pool::NONE,
            order: JoinOrder::PoolFirst,
            operator,
            flatten: Flatten::Keep,
            arrival: Arrival::InMemory,
            kernel_offset: 0,
        }
    }

    /// A fully connected layer over a feature map of `channels` channels, flattened if it has
    /// more than one pixel.
    pub const fn fully_connected(input: Extent, channels: u16, outputs: u16) -> Self {
        let operator = Operator::Convolution {
            kernel: Extent::square(1),
            padding: Extent::square(0),
            output_channels: outputs,
        };
        let mut layer = Self::new(input, channels, operator);
        if input.rows > 1 || input.columns > 1 {
            layer.flatten = Flatten::Flatten;
        }
        layer
    }

    /// The extent after pooling; doubled first for a transposed convolution.
    pub const fn pooled(&self) -> Extent {
        let input = match self.operator {
            Operator::Convolution { .. } | Operator::Passthrough { .. } => self.input,
            Operator::TransposedConvolution { .. } => Extent {
                rows: self.input.rows.saturating_mul(2),
                columns: self.input.columns.saturating_mul(2),
            },
        };
        self.pool.apply(input)
    }

    /// The cycles of the layer. Terms that a degenerate layer makes negative count as zero in
    /// the total.
    pub fn cycles(&self) -> Cycles {
        let pooled = self.pooled();
        let (pooled_rows, pooled_columns) = (wide(pooled.rows), wide(pooled.columns));
        let passes = wide(self.passes);
        let operands = wide(self.operands);
        let window = wide(self.pool.window.rows) * wide(self.pool.window.columns);

        // Per pixel of one pass: reads, then one write into the window memory.
        let (padding_pixel, data_pixel, repeats) = match self.order {
            JoinOrder::PoolFirst => (passes * operands * 2, passes * operands * (window + 1), 1),
            JoinOrder::JoinFirst => (passes * 2, passes * (operands * window + 1), passes),
        };

        let total = match self.operator {
            Operator::Passthrough { time_slots } => {
                pooled_rows * pooled_columns * (data_pixel + passes * wide(time_slots))
            }
            Operator::Convolution { kernel, padding, output_channels }
            | Operator::TransposedConvolution { kernel, padding, output_channels } => {
                let (pad_rows, pad_columns) = (wide(padding.rows), wide(padding.columns));
                let (kernel_rows, kernel_columns) = (wide(kernel.rows), wide(kernel.columns));
                let output_columns = pooled_columns + 2 * pad_columns - kernel_columns + 1;
                let outputs = wide(output_channels);
                // Rows and columns of a window that are filled before the first output.
                let lead_rows = kernel_rows - 1 - pad_rows;
                let lead_columns = kernel_columns - 1 - pad_columns;

                let padding_columns = 2 * pad_columns * (padding_pixel + 1);
                let padding_row = padding_columns + repeats * pooled_columns * (padding_pixel + 1);
                let silent_row = padding_columns + repeats * pooled_columns * (data_pixel + 1);
                let row = |pixel: i128| {
                    pad_columns * (padding_pixel + 1)
                        + repeats * lead_columns * (pixel + 1)
                        + repeats * (output_columns - pad_columns) * pixel
                        + pad_columns * padding_pixel
                };
                // A layer of one output channel in one pass waits a cycle more for each row.
                let single = if output_channels == 1 && self.passes == 1 { 1 } else { 0 };
                let output_row = passes * output_columns * outputs + single;

                let flatten = match self.flatten {
                    Flatten::Keep => 0,
                    Flatten::Flatten => 1,
                };
                flatten
                    + self.pre_read(pooled, kernel, padding)
                    + pad_rows * padding_row
                    + lead_rows * silent_row
                    + (row(data_pixel) + output_row) * (pooled_rows - lead_rows)
                    + pad_rows * (row(padding_pixel) + output_row)
            }
        };
        let total = match self.arrival {
            Arrival::InMemory => total,
            Arrival::Streaming => (15 * total + 9) / 10,
        };
        Cycles(u64::try_from(total.max(0)).unwrap_or(u64::MAX))
    }

    /// Cycles spent reading up to the layer's first kernel. Rows are combined with the kernel's
    /// columns and the other way round, as in the vendor's formula.
    fn pre_read(&self, pooled: Extent, kernel: Extent, padding: Extent) -> i128 {
        match self.order {
            JoinOrder::JoinFirst if self.passes > 1 || self.operands > 1 => {
                let (pad_rows, pad_columns) = (wide(padding.rows), wide(padding.columns));
                let rows = wide(pooled.rows) + 2 * pad_rows - wide(kernel.columns) + 1;
                let columns = wide(pooled.columns) + 2 * pad_columns - wide(kernel.rows) + 1;
                (rows * pad_columns + columns * pad_rows - pad_rows * pad_columns)
                    * wide(self.kernel_offset)
            }
            JoinOrder::JoinFirst | JoinOrder::PoolFirst => 0,
        }
    }
}

fn wide(extent: u16) -> i128 {
    i128::from(extent)
}

/// The cycles of a network that runs its layers one after the other.
pub fn network_cycles<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Cycles {
    layers.into_iter().fold(START_CYCLES, |total, layer| total + layer.cycles())
}

#[cfg(test)]
mod tests;
