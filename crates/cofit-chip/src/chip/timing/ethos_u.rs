//! Parameters of the `ethos_u` timing model.
//!
//! Names and meanings follow Vela's estimator (PyPI `ethos-u-vela` 5.2.0,
//! `ethosu/regor/architecture/ethosu55`; `ethosu/vela/architecture_features.py` of 3.10).

use cofit_vocab::Bytes;

use crate::Sourced;
use crate::table::card_table;

card_table! {
    /// Parameters of `model = "ethos_u"`. Extents are [width, height, depth].
    pub struct EthosUTiming {
        /// Always `ethos_u`.
        model: String, required;
        /// Multiply-accumulates per cycle of one core.
        macs: Sourced<u32>, required;
        /// Cores that share the output depth.
        cores: Sourced<u32>, default(Sourced::plain(1));
        /// The smallest block of the output that the array computes at once.
        ofm_micro_block: Sourced<[u32; 3]>, required;
        /// The block of the input that one micro-block of the output reads.
        ifm_micro_block: Sourced<[u32; 3]>, required;
        /// The largest block of the output.
        max_block: Sourced<[u32; 3]>, default(Sourced::plain([64, 32, 128]));
        /// The largest kernel that one step covers, as [width, height].
        sub_kernel: Sourced<[u32; 2]>, default(Sourced::plain([8, 8]));
        /// Banks of the shared buffer.
        shram_banks: Sourced<u32>, required;
        /// Bytes of one bank.
        bank_size: Sourced<Bytes>, default(Sourced::plain(Bytes(1024)));
        /// Banks kept for the output.
        reserved_output_banks: Sourced<u32>, default(Sourced::plain(2));
        /// Banks at the end that no block may use; the look-up table lies there where there are any.
        reserved_end_banks: Sourced<u32>, required;
        /// Bytes of the look-up table.
        lut_size: Sourced<Bytes>, default(Sourced::plain(Bytes(2048)));
        /// Banks are given out in multiples of these.
        granules: Granules, required;
        /// Element-wise units.
        element_units: Sourced<u32>, required;
        /// Cycles per output element of the output unit.
        output_cycles: OutputCycles, required;
        /// Cycles per output element of the activation that follows.
        activation_cycles: ActivationCycles, required;
        /// Bytes per cycle of one AXI port.
        axi_width: Sourced<Bytes>, default(Sourced::plain(Bytes(8)));
        /// DMA transfers under way at the same time.
        max_outstanding_dma: Sourced<u32>, default(Sourced::plain(1));
        /// Kernels under way at the same time.
        max_outstanding_kernels: Sourced<u32>, default(Sourced::plain(2));
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
