//! Pools.

use crate::lowering::{Lowered, check_window, effective, single};
use crate::operation::{Activation, FeatureMap, Kernel, NpuOperation, OperationKind};

/// An average pool.
///
/// # Errors
///
/// `CF-NPU-003` for strides beyond 3.
pub fn average_pool<'a>(
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    kernel: Kernel,
    activation: Activation,
) -> Lowered<'a> {
    pool(OperationKind::AveragePool, ifm, ofm, kernel, activation)
}

/// A maximum pool.
///
/// # Errors
///
/// `CF-NPU-003` for strides beyond 3.
pub fn max_pool<'a>(
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    kernel: Kernel,
    activation: Activation,
) -> Lowered<'a> {
    pool(OperationKind::MaxPool, ifm, ofm, kernel, activation)
}

fn pool<'a>(
    kind: OperationKind,
    ifm: &FeatureMap,
    ofm: &FeatureMap,
    kernel: Kernel,
    activation: Activation,
) -> Lowered<'a> {
    let kernel = effective(kernel, ofm.shape);
    check_window(&kernel)?;
    Ok(single(NpuOperation::new(kind, *ifm, *ofm).with_kernel(kernel), activation))
}
