//! In which order the matrix unit walks the weights of a block.
//!
//! Depth-first works through all input channels of one kernel element before the next;
//! part-kernel-first works through groups of kernel elements for eight channels, which wastes less
//! where the input is shallow. Source: Vela 5.2.0, `ethos_u55.cpp` `ChooseKernelMethod` and
//! `FindBlockConfig`.

use crate::config::Config;
use crate::operation::{Element, Kernel, NpuOperation, Shape, Unit};

/// Order of the weights within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Traversal {
    /// Channels before kernel elements. Also the name for units without weights.
    DepthFirst,
    /// Kernel elements before channels.
    PartKernel,
    /// One input channel per output channel.
    Depthwise,
}

impl Traversal {
    /// The traversal of an operation.
    pub fn of(operation: &NpuOperation<'_>) -> Self {
        match operation.kind.unit() {
            Unit::Depthwise => Self::Depthwise,
            Unit::Convolution
                if part_kernel_is_better(
                    operation.block_ifm_shape(),
                    operation.ifm.element,
                    &operation.kernel,
                ) =>
            {
                Self::PartKernel
            }
            Unit::Convolution
            | Unit::Pooling
            | Unit::ReduceSum
            | Unit::Transpose
            | Unit::Elementwise => Self::DepthFirst,
        }
    }

    /// Channels of an input block for the units that take all input channels for each output.
    pub fn ifm_block_depth(self, ifm_channels: u32, element: Element, config: &Config) -> u32 {
        match element {
            Element::Int16 => ifm_channels.min(16).next_multiple_of(4),
            Element::Int8 | Element::UInt8 | Element::Int32 => {
                let most = match self {
                    Self::PartKernel => 16,
                    Self::DepthFirst | Self::Depthwise => 32,
                };
                ifm_channels.min(most).next_multiple_of(config.ifm_micro_block.c.max(1))
            }
        }
    }
}

fn part_kernel_is_better(ifm: Shape, element: Element, kernel: &Kernel) -> bool {
    if ifm.c <= 8 {
        return true;
    }
    let (depth_step, element_step) = match element {
        Element::Int8 | Element::UInt8 => (32, 4),
        Element::Int16 | Element::Int32 => (16, 2),
    };
    let filled = |count: u64, step: u64| count as f64 / count.next_multiple_of(step) as f64;
    let channels = u64::from(ifm.c);
    let depth_first = filled(channels, depth_step);
    let part_kernel = filled(channels, 8) * filled(kernel.elements(), element_step);
    part_kernel >= depth_first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shallow_input_and_full_groups_choose_part_kernel() {
        let choose = |channels, kernel| {
            part_kernel_is_better(Shape::new(1, 8, 8, channels), Element::Int8, &kernel)
        };
        let three = Kernel::new((3, 3), (1, 1));
        assert!(choose(3, three));
        // 16 of 32 channels used depth-first against 9 of 12 kernel elements.
        assert!(choose(16, three));
        assert!(!choose(32, three));
        assert!(!choose(64, Kernel::UNIT));
    }
}
