//! Parameters of the `ethos_u` timing model.
//!
//! Names and meanings follow Vela's estimator (PyPI `ethos-u-vela` 5.2.0,
//! `ethosu/regor/architecture/ethosu55` and `ethosu85`; `ethosu/vela/architecture_features.py` of 3.10).

use cofit_vocab::Bytes;

use crate::Sourced;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "ethos_u"`. Extents are [width, height, depth]. An Ethos-U85 has
    /// `buffers`; the others have a shared buffer, whose parameters may not be left out then.
    pub struct EthosUTiming {
        /// Always `ethos_u`.
        model: String, required;
        /// Multiply-accumulates per cycle of one core.
        macs: Sourced<u32>, required;
        /// Cores that share the output depth.
        cores: Sourced<u32>, default(Sourced::plain(1));
        /// The smallest block of the output that the array computes at once.
        ofm_micro_block: Sourced<[u32; 3]>, default(Sourced::plain([0; 3]));
        /// The block of the input that one micro-block of the output reads.
        ifm_micro_block: Sourced<[u32; 3]>, default(Sourced::plain([0; 3]));
        /// The largest block of the output.
        max_block: Sourced<[u32; 3]>, default(Sourced::plain([64, 32, 128]));
        /// The largest kernel that one step covers, as [width, height].
        sub_kernel: Sourced<[u32; 2]>, default(Sourced::plain([8, 8]));
        /// Banks of the shared buffer.
        shram_banks: Sourced<u32>, default(Sourced::plain(0));
        /// Bytes of one bank.
        bank_size: Sourced<Bytes>, default(Sourced::plain(Bytes(1024)));
        /// Banks kept for the output.
        reserved_output_banks: Sourced<u32>, default(Sourced::plain(2));
        /// Banks at the end that no block may use; the look-up table lies there where there are any.
        reserved_end_banks: Sourced<u32>, default(Sourced::plain(0));
        /// Bytes of the look-up table.
        lut_size: Sourced<Bytes>, default(Sourced::plain(Bytes(2048)));
        /// Banks are given out in multiples of these.
        granules: Granules, default(Granules::NONE);
        /// Element-wise units.
        element_units: Sourced<u32>, default(Sourced::plain(0));
        /// Cycles per output element of the output unit.
        output_cycles: OutputCycles, default(OutputCycles::NONE);
        /// Cycles per output element of the activation that follows.
        activation_cycles: ActivationCycles, default(ActivationCycles::NONE);
        /// Bytes per cycle of one AXI port.
        axi_width: Sourced<Bytes>, default(Sourced::plain(Bytes(8)));
        /// DMA transfers under way at the same time.
        max_outstanding_dma: Sourced<u32>, default(Sourced::plain(1));
        /// Kernels under way at the same time.
        max_outstanding_kernels: Sourced<u32>, default(Sourced::plain(2));
        /// The buffers of an Ethos-U85, which has one for every purpose.
        buffers: SeparateBuffers, optional;
    }

    /// Buffers of an Ethos-U85 and the rates of its output unit.
    pub struct SeparateBuffers {
        /// Bytes for input blocks.
        ifm: Sourced<Bytes>, required;
        /// Bytes for accumulators.
        accumulators: Sourced<Bytes>, required;
        /// Bytes for operands of chained operations.
        chaining: Sourced<Bytes>, required;
        /// Bytes for output blocks.
        output: Sourced<Bytes>, required;
        /// Weight decoders.
        decoders: Sourced<u32>, required;
        /// Words of 16 bytes that reads may have under way, by channel.
        reads: ChannelReads, required;
        /// Cycles per output element.
        cycles: ElementCycles, required;
    }

    /// Words of 16 bytes that reads may have under way.
    pub struct ChannelReads {
        /// Copies between memories.
        copies: u32, required;
        /// Operands of the elementwise unit.
        operands: u32, required;
        /// Compressed weights.
        weights: u32, required;
        /// Weights for the fast decoder.
        fast_weights: u32, required;
        /// Input of the array.
        input: u32, required;
        /// Scales and biases.
        scales: u32, required;
    }

    /// Cycles per output element of an Ethos-U85.
    pub struct ElementCycles {
        /// Results of 8 bits.
        bits8: f64, required;
        /// Results of 16 bits.
        bits16: f64, required;
        /// Results of 32 bits.
        bits32: f64, required;
        /// Results narrower than 32-bit operands, and 32 bits handed to the next operation.
        narrowed: f64, required;
        /// 32-bit results of two 32-bit operands.
        binary32: f64, required;
        /// A function behind an operation.
        function: f64, required;
    }

    /// Bank granules by what the banks hold.
    pub struct Granules {
        /// 8-bit input.
        ifm8: u32, required;
        /// 16-bit input.
        ifm16: u32, required;
        /// 8-bit element-wise input.
        ifm8_elementwise: u32, required;
        /// 16-bit element-wise input.
        ifm16_elementwise: u32, required;
        /// 32-bit input.
        ifm32: u32, required;
        /// 16-bit accumulators.
        acc16: u32, required;
        /// 32-bit accumulators.
        acc32: u32, required;
        /// 40-bit accumulators.
        acc40: u32, required;
    }

    /// Cycles per output element, by what the output unit does.
    pub struct OutputCycles {
        /// 32-bit binary element-wise.
        elementwise32_binary: f64, required;
        /// 32-bit unary element-wise.
        elementwise32_unary: f64, required;
        /// Product with 32-bit result.
        mul32: f64, required;
        /// Product, or anything with 40-bit accumulators.
        mul_or_acc40: f64, required;
        /// Sum without rescaling of both inputs.
        add_simple: f64, required;
        /// Sum or difference with rescaling.
        add: f64, required;
        /// Maximum pooling.
        max_pool: f64, required;
        /// Everything else.
        other: f64, required;
    }

    /// Cycles per output element, by the activation that follows.
    pub struct ActivationCycles {
        /// Sigmoid, hyperbolic tangent, look-up table.
        lut: f64, required;
        /// The ReLU family.
        relu: f64, required;
        /// None.
        none: f64, required;
    }
}

impl Granules {
    /// Of machines without a shared buffer.
    pub(crate) const NONE: Self = Self {
        ifm8: 0,
        ifm16: 0,
        ifm8_elementwise: 0,
        ifm16_elementwise: 0,
        ifm32: 0,
        acc16: 0,
        acc32: 0,
        acc40: 0,
    };
}

impl OutputCycles {
    /// Of machines whose output unit has other rates.
    pub(crate) const NONE: Self = Self {
        elementwise32_binary: 0.0,
        elementwise32_unary: 0.0,
        mul32: 0.0,
        mul_or_acc40: 0.0,
        add_simple: 0.0,
        add: 0.0,
        max_pool: 0.0,
        other: 0.0,
    };
}

impl ActivationCycles {
    /// Of machines whose output unit has other rates.
    pub(crate) const NONE: Self = Self { lut: 0.0, relu: 0.0, none: 0.0 };
}
