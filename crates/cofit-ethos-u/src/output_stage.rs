//! Cycles per element of the output unit.
//!
//! Source: Vela 5.2.0, `ethos_u55_performance.cpp` `EstimateAOCyclesPerElement`.

use crate::block_search::BlockConfig;
use crate::config::{Config, Generation};
use crate::operation::{Activation, Element, ElementwiseOperator, NpuOperation, OperationKind};
use crate::shram::Accumulator;
use crate::u85;

/// Bytes of bias, scale and shift per output channel (Vela 5.2.0, `ethos_u55_weight_encoder.cpp`
/// `EncodeBias`).
pub const SCALE_BYTES_PER_CHANNEL: u64 = 10;

/// Cycles that the output unit spends on each element.
pub fn cycles_per_element(
    operation: &NpuOperation<'_>,
    block: &BlockConfig,
    config: &Config,
) -> f64 {
    if let Generation::Separate(buffers) = &config.generation {
        return u85::cycles_per_element(operation, buffers);
    }
    let table = &config.output;
    let wide_accumulators = block.accumulator == Accumulator::Bits40;
    let rate = match operation.kind {
        OperationKind::Elementwise(operator) => {
            if operation.ifm.element == Element::Int32 {
                if operation.ifm2.is_some() { table.binary32 } else { table.unary32 }
            } else {
                match operator {
                    ElementwiseOperator::Mul if operation.ofm.element == Element::Int32 => {
                        table.multiply32
                    }
                    ElementwiseOperator::Mul => table.multiply,
                    ElementwiseOperator::Add | ElementwiseOperator::Sub => table.add,
                    ElementwiseOperator::Minimum
                    | ElementwiseOperator::Maximum
                    | ElementwiseOperator::Abs
                    | ElementwiseOperator::LeakyRelu
                    | ElementwiseOperator::CountLeadingZeros
                    | ElementwiseOperator::ShiftLeft
                    | ElementwiseOperator::ShiftRight => table.other,
                }
            }
        }
        OperationKind::Convolution
        | OperationKind::VectorProduct
        | OperationKind::Depthwise
        | OperationKind::AveragePool
        | OperationKind::ReduceSum
        | OperationKind::MaxPool
            if wide_accumulators =>
        {
            table.multiply
        }
        OperationKind::MaxPool => table.max_pool,
        OperationKind::Convolution
        | OperationKind::VectorProduct
        | OperationKind::Depthwise
        | OperationKind::AveragePool
        | OperationKind::Transpose
        | OperationKind::ReduceSum => table.other,
    };
    let floor = match operation.activation {
        Activation::None | Activation::OwnTable { .. } => 0.0,
        Activation::Clamp => table.with_clamp,
        Activation::Curve | Activation::FusedTable => table.with_table,
    };
    rate.max(floor)
}
