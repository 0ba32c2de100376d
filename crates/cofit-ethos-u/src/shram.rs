//! Whether an input and an output block fit the shared buffer together.
//!
//! Input and accumulators are double-buffered and each rounds up to its granule of banks. The
//! elementwise unit has no accumulators but a second input. Source: Vela 5.2.0,
//! `ethos_u55.cpp` `TryBlockConfig`.

use crate::config::{Block, Config, Shram};
use crate::operation::{
    Accumulation, Activation, Element, FeatureMap, NpuOperation, OperationKind, Unit,
};

/// Width of the accumulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accumulator {
    /// 32 bits.
    Bits32,
    /// 40 bits: 16-bit input.
    Bits40,
}

impl Accumulator {
    /// The accumulators that an operation uses.
    pub const fn of(operation: &NpuOperation<'_>) -> Self {
        let pools = matches!(operation.kind.unit(), Unit::Pooling);
        match (operation.ifm.element, operation.accumulation) {
            (Element::Int16, Accumulation::Rescaled) if !pools => Self::Bits40,
            (
                Element::Int8 | Element::UInt8 | Element::Int16 | Element::Int32,
                Accumulation::Rescaled | Accumulation::Raw,
            ) => Self::Bits32,
        }
    }

    const fn bits(self) -> u64 {
        match self {
            Self::Bits32 => 32,
            Self::Bits40 => 40,
        }
    }
}

/// What the buffer holds beside the output unit's own banks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tenants {
    InputAndAccumulators,
    OneInput,
    TwoInputs,
}

/// The part of the fitting question that does not change during a block search.
#[derive(Clone, Copy, Debug)]
pub struct Fitting {
    tenants: Tenants,
    bank_bytes: u64,
    available: u64,
    element_bytes: u64,
    ifm_granule: u64,
    accumulator_bits: u64,
    accumulator_granule: u64,
}

fn is_scalar(map: &FeatureMap) -> bool {
    map.shape.is_scalar()
}

impl Fitting {
    /// The question for one operation on one machine.
    pub fn new(operation: &NpuOperation<'_>, config: &Config) -> Self {
        let Shram { banks, bank_bytes, output_banks, end_banks, table_bytes, granules } =
            config.shram;
        let element = operation.ifm.element;
        let tenants = match operation.kind {
            OperationKind::Elementwise(_) => {
                let scalar =
                    is_scalar(&operation.ifm) || operation.ifm2.as_ref().is_some_and(is_scalar);
                if scalar && element.bits() <= 16 { Tenants::OneInput } else { Tenants::TwoInputs }
            }
            OperationKind::Convolution
            | OperationKind::VectorProduct
            | OperationKind::Depthwise
            | OperationKind::MaxPool
            | OperationKind::AveragePool
            | OperationKind::Transpose
            | OperationKind::ReduceSum => Tenants::InputAndAccumulators,
        };
        let elementwise = tenants != Tenants::InputAndAccumulators;
        let ifm_granule = match (element, elementwise) {
            (Element::Int8 | Element::UInt8, false) => granules.ifm8,
            (Element::Int8 | Element::UInt8, true) => granules.elementwise8,
            (Element::Int16, false) => granules.ifm16,
            (Element::Int16, true) => granules.elementwise16,
            (Element::Int32, false | true) => granules.ifm32,
        };
        let table = match operation.activation {
            Activation::FusedTable | Activation::OwnTable { .. } => {
                table_bytes.div_ceil(bank_bytes.max(1))
            }
            Activation::None | Activation::Clamp | Activation::Curve => 0,
        };
        let reserved = output_banks.saturating_add(table.max(end_banks));
        let accumulator = Accumulator::of(operation);
        Self {
            tenants,
            bank_bytes: u64::from(bank_bytes.max(1)),
            available: u64::from(banks.saturating_sub(reserved)),
            element_bytes: u64::from(element.bytes()),
            ifm_granule: u64::from(ifm_granule.max(1)),
            accumulator_bits: accumulator.bits(),
            accumulator_granule: u64::from(match accumulator {
                Accumulator::Bits32 => granules.accumulator32.max(1),
                Accumulator::Bits40 => granules.accumulator40.max(1),
            }),
        }
    }

    /// Whether both blocks fit. Growing either block never turns a no into a yes.
    pub fn fits(&self, ofm_block: Block, ifm_block: Block) -> bool {
        let ifm_bytes = (u64::from(ifm_block.h) * u64::from(ifm_block.w))
            .saturating_mul((u64::from(ifm_block.c) * self.element_bytes).next_multiple_of(8));
        let ifm = self.double_buffered(ifm_bytes, self.ifm_granule);
        let other = match self.tenants {
            Tenants::InputAndAccumulators => {
                let positions = u64::from(ofm_block.h) * u64::from(ofm_block.w);
                let depth = u64::from(ofm_block.c).next_multiple_of(8);
                let bits = positions.saturating_mul(depth).saturating_mul(self.accumulator_bits);
                self.double_buffered(bits / 8, self.accumulator_granule)
            }
            Tenants::OneInput => 0,
            Tenants::TwoInputs => ifm,
        };
        ifm.saturating_add(other) <= self.available
    }

    fn double_buffered(&self, bytes: u64, granule: u64) -> u64 {
        (bytes.div_ceil(self.bank_bytes) * 2).next_multiple_of(granule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Shape;

    #[test]
    fn a_table_takes_banks_only_from_the_sizes_that_reserve_none() {
        let map = FeatureMap::activation(Shape::new(1, 64, 64, 64), Element::Int8);
        let plain = NpuOperation::new(OperationKind::AveragePool, map, map);
        let table = plain.clone().with_activation(Activation::FusedTable);
        let banks = |operation: &NpuOperation<'_>, config: Config| {
            Fitting::new(operation, &config).available
        };
        assert_eq!(banks(&plain, Config::ethos_u55_32()), 14);
        assert_eq!(banks(&table, Config::ethos_u55_32()), 12);
        assert_eq!(banks(&plain, Config::ethos_u55_256()), 44);
        assert_eq!(banks(&table, Config::ethos_u55_256()), 44);
    }
}
