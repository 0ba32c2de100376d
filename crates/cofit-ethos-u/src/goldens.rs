//! Reading the golden tables and comparing this model with them.
//!
//! The tables under `tests/data/vela-5.2.0` hold, per operation, what Vela 5.2.0 was given, what it
//! decided and what it estimated. [`compare`] answers three questions: given Vela's block, are the
//! cycles the same; does the search find the same block; and what comes out when nothing but
//! the encoded share of the weights is given. Those under `tests/data/vela-5.2.0-cascades` hold the
//! operations of Vela's cascades, with their stripes.

use cofit_vocab::{Bytes, Cycles, Diagnostic, Place};

use crate::block_search::{BlockConfig, find_block};
use crate::buffering::{Buffering, WeightPlan};
use crate::config::{Block, Config};
use crate::memory::Role;
use crate::operation::{
    Activation, Element, ElementwiseOperator, FeatureMap, Format, Kernel, NpuOperation,
    OperationKind, Shape, WeightShape, Weights,
};
use crate::operation_cycles::{Part, Position, operation_cycles};
use crate::schedule::{Options, measure, schedule};
use crate::shram::Accumulator;
use crate::traversal::Traversal;
use crate::weight_stream::{EncodedWeights, SliceBytes, WeightValues};

/// One operation of a golden table.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// MACs per cycle of the NPU that the row is for.
    pub macs: u32,
    /// Position of the TFLite operator that the operation comes from, where there is one.
    pub tflite_operator: Option<u32>,
    /// What Vela was to estimate.
    pub operation: NpuOperation<'static>,
    /// Vela's block.
    pub block: BlockConfig,
    /// Rows of a stripe of the output, for operations of a cascade.
    pub stripe: Option<u32>,
    /// Vela's depth slices.
    pub depths: Vec<u32>,
    /// Vela's buffering.
    pub buffering: Buffering,
    /// Whether the first slice moves under the operation before.
    pub pre_buffered: bool,
    /// Sizes of Vela's weight buffers.
    pub buffers: [u64; 2],
    /// Encoded bytes of Vela's weights.
    pub weight_bytes: u64,
    /// Cycles of the MAC array; none for elementwise operations.
    pub mac: Option<u64>,
    /// Cycles of the output unit.
    pub output: u64,
    /// Command issue floor.
    pub command: u64,
    /// Cycles of the depth slices, transfers apart.
    pub run: u64,
    /// NPU cycles with visible transfers.
    pub npu: u64,
    /// Cycles of the operation.
    pub total: u64,
    /// Access cycles of SRAM and flash.
    pub ports: [u64; 2],
    /// Bytes read and written on SRAM, and read on flash.
    pub traffic: [u64; 3],
}

/// Counts of agreement over a table, or over several added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Operations compared.
    pub operations: usize,
    /// Given Vela's block, MAC, output and command cycles all agree.
    pub components: usize,
    /// Given Vela's block and slices, the cycles of the run agree, and so do the NPU cycles of
    /// operations without transfers.
    pub cycles: usize,
    /// The search finds Vela's block and traversal.
    pub blocks: usize,
    /// Operations whose first slice the tables tell: all but those of more than two slices.
    pub known_slices: usize,
    /// Of those, given Vela's block, slices and encoded bytes, SRAM cycles agree.
    pub sram: usize,
    /// The same for flash.
    pub flash: usize,
    /// The same for the bytes read and written on both.
    pub bytes: usize,
    /// Deciding everything but the encoded share of the weights, buffering and slices agree.
    pub buffering: usize,
    /// Vela's total cycles.
    pub vela_total: u64,
    /// The total of this model, deciding everything but the encoded share of the weights.
    pub own_total: u64,
    /// What disagrees, in words; the first few.
    pub mismatches: Vec<String>,
}

impl Comparison {
    /// Mismatches described; further ones are only counted.
    const DESCRIBED: usize = 20;

    /// Relative error of the total.
    pub fn total_error(&self) -> f64 {
        self.own_total as f64 / self.vela_total.max(1) as f64 - 1.0
    }

    /// Adds the counts of another table.
    pub fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.components += other.components;
        self.cycles += other.cycles;
        self.blocks += other.blocks;
        self.known_slices += other.known_slices;
        self.sram += other.sram;
        self.flash += other.flash;
        self.bytes += other.bytes;
        self.buffering += other.buffering;
        self.vela_total += other.vela_total;
        self.own_total += other.own_total;
        let room = Self::DESCRIBED.saturating_sub(self.mismatches.len());
        self.mismatches.extend(other.mismatches.iter().take(room).cloned());
    }

    fn check(&mut self, agrees: bool, words: impl FnOnce() -> String) -> usize {
        if !agrees && self.mismatches.len() < Self::DESCRIBED {
            self.mismatches.push(words());
        }
        usize::from(agrees)
    }
}

/// Compares the operations of one network on one size.
///
/// # Errors
///
/// `CF-NPU-006` for a size that does not exist, and what [`schedule()`] refuses.
pub fn compare(rows: &[Golden]) -> Result<Comparison, Box<Diagnostic>> {
    let mut found = Comparison { operations: rows.len(), ..Comparison::default() };
    let Some(first) = rows.first() else { return Ok(found) };
    let Some(config) = Config::ethos_u55(first.macs) else {
        return Err(bad(format!("there is no Ethos-U55-{}", first.macs)));
    };
    for (index, row) in rows.iter().enumerate() {
        let at = || format!("U55-{} operation {index} ({:?})", row.macs, row.operation.kind);
        given_block(row, &config, &mut found, &at);
        given_slices(row, &config, &mut found, &at);
        let own = find_block(&row.operation, &config)?;
        found.blocks += found.check(own == row.block, || {
            format!("{}: block {:?} against {:?}", at(), own.ofm_block, row.block.ofm_block)
        });
    }
    let operations: Vec<_> = rows.iter().map(|row| row.operation.clone()).collect();
    let own = schedule(&operations, &config, &Options::default())?;
    for (index, (row, own)) in rows.iter().zip(&own.operations).enumerate() {
        let agrees = own.weights.buffering == row.buffering && own.weights.depths == row.depths;
        found.buffering += found.check(agrees, || {
            format!(
                "U55-{} operation {index}: {:?} {:?} against {:?} {:?}",
                row.macs, own.weights.buffering, own.weights.depths, row.buffering, row.depths
            )
        });
    }
    found.vela_total = rows.iter().map(|row| row.total).sum();
    found.own_total = own.total.get();
    Ok(found)
}

fn given_block(row: &Golden, config: &Config, found: &mut Comparison, at: &impl Fn() -> String) {
    let scales_from =
        if row.buffering == Buffering::None { Role::Constants } else { Role::Staging };
    let whole = Part::whole(&row.operation, scales_from);
    let own = operation_cycles(&row.operation, &row.block, &whole, config);
    let agrees = row.mac.is_none_or(|mac| own.mac.get() == mac)
        && own.output.get() == row.output
        && own.command.get() == row.command;
    found.components += found.check(agrees, || {
        format!("{}: {own:?} against {:?} {} {}", at(), row.mac, row.output, row.command)
    });

    // Vela estimates the run on the part of the input that the output needs.
    let run: u64 = if row.depths.len() > 2 || row.operation.weights.is_some() {
        slices_of(row, scales_from)
            .map(|part| operation_cycles(&row.operation, &row.block, &part, config).total.get())
            .sum()
    } else {
        own.total.get()
    };
    let waits = row.buffering != Buffering::None
        || matches!(row.operation.activation, Activation::OwnTable { .. });
    let agrees = run == row.run && (waits || own.total.get() == row.npu);
    found.cycles += found.check(agrees, || {
        format!("{}: runs {run} against {}, {} against {}", at(), row.run, own.total, row.npu)
    });
}

fn slices_of(row: &Golden, scales_from: Role) -> impl Iterator<Item = Part> {
    let operation = &row.operation;
    let kernel = operation.kernel;
    let (height, width) = kernel.dilated();
    let side = |out: u32, stride: u32, window: u32, most: u32| {
        ((out.max(1) - 1) * stride + window).min(most)
    };
    let ifm = Shape {
        h: side(operation.ofm.shape.h, kernel.stride.0, height, operation.ifm.shape.h),
        w: side(operation.ofm.shape.w, kernel.stride.1, width, operation.ifm.shape.w),
        ..operation.ifm.shape
    };
    let last = row.depths.len().saturating_sub(2);
    row.depths.windows(2).enumerate().map(move |(index, ends)| Part {
        ifm,
        ofm: operation.ofm.shape.with_channels(ends[1] - ends[0]),
        scales_from,
        position: match (index, last) {
            (0, 0) => Position::Only,
            (0, _) => Position::First,
            (index, last) if index == last => Position::Last,
            (_, _) => Position::Middle,
        },
    })
}

fn given_slices(row: &Golden, config: &Config, found: &mut Comparison, at: &impl Fn() -> String) {
    if row.pre_buffered && row.depths.len() > 3 {
        return;
    }
    found.known_slices += 1;
    let plan = WeightPlan {
        depths: row.depths.clone(),
        buffering: row.buffering,
        pre_buffered: row.pre_buffered,
        buffers: row.buffers.map(Bytes),
        encoded: encoded_of(row),
        ..WeightPlan::default()
    };
    let own = measure(&row.operation, row.block, plan, Cycles::ZERO, config);
    let [sram, flash] = own.ports;
    found.sram += found.check(sram.cycles.get() == row.ports[0], || {
        format!("{}: SRAM {} against {}", at(), sram.cycles, row.ports[0])
    });
    found.flash += found.check(flash.cycles.get() == row.ports[1], || {
        format!("{}: flash {} against {}", at(), flash.cycles, row.ports[1])
    });
    let bytes = [sram.read.get(), sram.written.get(), flash.read.get()];
    found.bytes += found.check(bytes == row.traffic, || {
        format!("{}: bytes {bytes:?} against {:?}", at(), row.traffic)
    });
}

/// The encoded slices as far as the table tells: the size of the first is that of its buffer.
fn encoded_of(row: &Golden) -> EncodedWeights {
    let mut slices: Vec<SliceBytes> =
        row.depths.windows(2).map(|ends| SliceBytes::new(0, ends[1] - ends[0], 1)).collect();
    if row.operation.weights.is_none() {
        return EncodedWeights::default();
    }
    let scales = slices.first().map_or(0, SliceBytes::stored);
    let first = row.buffers[0].saturating_sub(scales).min(row.weight_bytes);
    let rest = row.weight_bytes - first;
    if let Some(slice) = slices.first_mut() {
        slice.weights = first;
    }
    if let Some(slice) = slices.last_mut() {
        slice.weights += rest;
    }
    EncodedWeights { slices, is_fast: false }
}

/// Reads a golden table.
///
/// # Errors
///
/// `CF-NPU-006` with the line where the table is not as `extract.py` writes it.
pub fn parse(text: &str) -> Result<Vec<Golden>, Box<Diagnostic>> {
    let mut lines =
        text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let Some((_, header)) = lines.next() else { return Err(bad("the table is empty".into())) };
    let columns: Vec<&str> = header.split(',').collect();
    lines
        .map(|(number, line)| {
            let cells: Vec<&str> = line.split(',').collect();
            Row { columns: &columns, cells: &cells }
                .golden()
                .ok_or_else(|| bad(format!("line {} is not a golden row", number + 1)))
        })
        .collect()
}

fn bad(message: String) -> Box<Diagnostic> {
    let code = &cofit_vocab::diagnostic::npu::BAD_GOLDEN;
    Box::new(Diagnostic::error(code, message, Place::default()))
}

struct Row<'t> {
    columns: &'t [&'t str],
    cells: &'t [&'t str],
}

impl<'t> Row<'t> {
    fn text(&self, column: &str) -> Option<&'t str> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.cells.get(at).copied()
    }

    fn number(&self, column: &str) -> Option<u64> {
        match self.text(column)? {
            "" => Some(0),
            text => text.parse().ok(),
        }
    }

    fn list(&self, column: &str, separator: char) -> Option<Vec<u32>> {
        self.text(column)?
            .split(separator)
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().ok())
            .collect()
    }

    fn block(&self, column: &str) -> Option<Block> {
        match self.list(column, 'x')?[..] {
            [h, w, c] => Some(Block::new(h, w, c)),
            _ => None,
        }
    }

    fn feature_map(&self, position: usize, column: &str) -> Option<Option<FeatureMap>> {
        let shape = match self.list(column, 'x')?[..] {
            [] => return Some(None),
            [n, h, w, c] => Shape::new(n, h, w, c),
            _ => return None,
        };
        let element = match self.text("bits")?.split('|').nth(position)? {
            "8" => Element::Int8,
            "16" => Element::Int16,
            "32" => Element::Int32,
            _ => return None,
        };
        let format = match self.text("formats")?.chars().nth(position)? {
            'L' => Format::Nhwc,
            'B' => Format::Nhcwb16,
            _ => return None,
        };
        let role = match self.text("memories")?.chars().nth(position)? {
            'A' => Role::Arena,
            'C' => Role::Constants,
            _ => return None,
        };
        Some(Some(FeatureMap { shape, element, format, role }))
    }

    fn kind(&self) -> Option<OperationKind> {
        use ElementwiseOperator as E;
        Some(match self.text("operator")? {
            "Conv2D" => OperationKind::Convolution,
            "FullyConnected" => OperationKind::VectorProduct,
            "DepthwiseConv2D" => OperationKind::Depthwise,
            "MaxPool" => OperationKind::MaxPool,
            "AvgPool" | "Quantize" | "MemoryCopy" => OperationKind::AveragePool,
            "ReduceSum" => OperationKind::ReduceSum,
            "Transpose" => OperationKind::Transpose,
            "Add" => OperationKind::Elementwise(E::Add),
            "Sub" => OperationKind::Elementwise(E::Sub),
            "Mul" => OperationKind::Elementwise(E::Mul),
            "CLZ" => OperationKind::Elementwise(E::CountLeadingZeros),
            "SHL" => OperationKind::Elementwise(E::ShiftLeft),
            "Asr" => OperationKind::Elementwise(E::ShiftRight),
            _ => return None,
        })
    }

    fn operation(&self) -> Option<NpuOperation<'static>> {
        let kind = self.kind()?;
        let (ifm, ofm) = (self.feature_map(0, "ifm")??, self.feature_map(2, "ofm")??);
        let [size_h, size_w, stride_h, stride_w, dilation_h, dilation_w] =
            self.list("kernel", '|')?[..]
        else {
            return None;
        };
        let mut operation = NpuOperation::new(kind, ifm, ofm).with_kernel(Kernel {
            size: (size_h, size_w),
            stride: (stride_h, stride_w),
            dilation: (dilation_h, dilation_w),
        });
        operation.ifm2 = self.feature_map(1, "ifm2")?;
        operation.activation = match self.text("activation")? {
            "" => Activation::None,
            "Relu" | "Relu6" | "ReluN1To1" | "Relu0To1" => Activation::Clamp,
            "Sigmoid" | "Tanh" => Activation::Curve,
            "LUT" => Activation::FusedTable,
            _ => return None,
        };
        if self.text("weights")? == "1" {
            let depthwise = kind == OperationKind::Depthwise;
            let shape = WeightShape {
                o: ofm.shape.c,
                h: size_h,
                w: size_w,
                i: if depthwise { 1 } else { ifm.shape.c },
            };
            let encoded = self.number("weight_bytes")?;
            let values = WeightValues::Assumed {
                bytes_per_weight: encoded as f64 / shape.elements().max(1) as f64,
            };
            operation.weights = Some(Weights { shape, values });
        }
        Some(operation)
    }

    fn golden(&self) -> Option<Golden> {
        let operation = self.operation()?;
        let traversal = match self.text("traversal")? {
            "DepthFirst" => Traversal::DepthFirst,
            "PartKernel" => Traversal::PartKernel,
            "Depthwise" => Traversal::Depthwise,
            _ => return None,
        };
        let macs = self.number("macs")?.try_into().ok()?;
        let buffers = self.list("buffers", '|')?;
        let buffer = |at: usize| u64::from(buffers.get(at).copied().unwrap_or(0));
        Some(Golden {
            macs,
            tflite_operator: self.text("tflite_operator")?.parse().ok(),
            block: BlockConfig {
                ofm_block: self.block("ofm_block")?,
                ifm_block: self.block("ifm_block")?,
                traversal,
                accumulator: Accumulator::of(&operation),
                micro_block: Config::ethos_u55(macs)?.ofm_micro_block,
                sparse: false,
            },
            stripe: match self.text("stripe") {
                None | Some("") => None,
                Some(rows) => Some(rows.parse().ok()?),
            },
            depths: self.list("depth_slices", '|')?,
            buffering: match self.text("buffering")? {
                "" | "None" => Buffering::None,
                "Single" => Buffering::Single,
                "Double" => Buffering::Double,
                _ => return None,
            },
            pre_buffered: self.text("pre_buffer")? == "1",
            buffers: [buffer(0), buffer(1)],
            weight_bytes: self.number("weight_bytes")?,
            mac: match self.text("mac")? {
                "" => None,
                text => Some(text.parse().ok()?),
            },
            output: self.number("ao")?,
            command: self.number("cmd")?,
            run: self.number("run_cycles")?,
            npu: self.number("npu_cycles")?,
            total: self.number("op_cycles")?,
            ports: [self.number("sram_cycles")?, self.number("flash_cycles")?],
            traffic: [
                self.number("sram_read")?,
                self.number("sram_write")?,
                self.number("flash_read")?,
            ],
            operation,
        })
    }
}
