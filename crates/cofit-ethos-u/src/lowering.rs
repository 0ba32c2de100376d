//! Graph operators as sequences of NPU operations.
//!
//! Each function takes plain descriptors of one operator and returns what Vela 5.2.0 would run for
//! it, in order. A caller that knows the whole graph decides three things beforehand:
//!
//! - **Layout.** [`tensor_format`] says whether a tensor can be in bricks. [`softmax`] needs its
//!   input linear, so the operation that writes it must write linear too.
//! - **Fusion.** A clamp, a curve or a table behind a single consumer becomes the [`Activation`] of
//!   the operation before it, once; otherwise it is an operation of its own
//!   ([`activation`]). A pad before a convolution becomes its padding where [`pad_fuses`].
//! - **Moves.** Reshapes cost nothing. The inputs of a concatenation are written in place by
//!   the operations that produce them, and slices are read in place; only network inputs, and
//!   tensors with other consumers that disagree, are copied ([`copy`]).
//!
//! Not lowered: transposed convolution, resizing, LSTM, SVDF, matrix products of two activations,
//! argmax, depthwise multipliers over several input channels, strides beyond 3.
//!
//! Sources: Vela 5.2.0, `compiler/graphir_optimiser.cpp`, `tflite_graph_optimiser.cpp`,
//! `softmax.cpp`, `scheduler_packing.cpp`; proven by `tests/lowering.rs` against the operations
//! that Vela made of the golden networks.

mod convolution;
mod elementwise;
mod mean;
mod pad;
mod pooling;
mod softmax;

use cofit_vocab::{Diagnostic, Place};

pub use convolution::{convolution, depthwise, fully_connected};
pub use elementwise::{
    Rescaling, activation, binary, copy, deepened, leaky_relu, quantize, transpose, unary,
};
pub use mean::{MeanOver, mean};
pub use pad::{Padding, pad, pad_fuses};
pub use pooling::{average_pool, max_pool};
pub use softmax::softmax;

use crate::operation::{Activation, Format, Kernel, NpuOperation, Shape};

/// A sequence of NPU operations, or why there is none.
pub type Lowered<'a> = Result<Vec<NpuOperation<'a>>, Box<Diagnostic>>;

/// Who else sees a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Written and read by NPU operations only.
    Internal,
    /// A network input or output, a constant, or touched by the CPU.
    External,
}

/// The layout that a tensor can have: bricks if only NPU operations touch it and all see the same
/// width and channels.
///
/// `shapes` are the shapes in which its writers and readers see it, as they appear in their
/// [`NpuOperation`]s: a fully connected layer sees a vector, a softmax sees channels as width.
pub fn tensor_format(visibility: Visibility, shapes: &[Shape]) -> Format {
    let agree = shapes.windows(2).all(|pair| pair[0].w == pair[1].w && pair[0].c == pair[1].c);
    match visibility {
        Visibility::Internal if agree => Format::Nhcwb16,
        Visibility::Internal | Visibility::External => Format::Nhwc,
    }
}

fn refuse(why: impl Into<String>) -> Box<Diagnostic> {
    let code = &cofit_vocab::diagnostic::npu::NOT_LOWERABLE;
    Box::new(Diagnostic::error(code, why, Place::default()))
}

/// A window without the strides and dilations that have no effect.
fn effective(kernel: Kernel, ofm: Shape) -> Kernel {
    let stride = |count: u32, stride: u32| if count == 1 { 1 } else { stride };
    let dilation = |size: u32, dilation: u32| if size == 1 { 1 } else { dilation };
    Kernel {
        size: kernel.size,
        stride: (stride(ofm.h, kernel.stride.0), stride(ofm.w, kernel.stride.1)),
        dilation: (
            dilation(kernel.size.0, kernel.dilation.0),
            dilation(kernel.size.1, kernel.dilation.1),
        ),
    }
}

/// Refuses windows that the hardware does not have.
fn check_window(kernel: &Kernel) -> Result<(), Box<Diagnostic>> {
    if kernel.size.0 == 0 || kernel.size.1 == 0 {
        return Err(refuse("a window has no elements"));
    }
    let strides = [kernel.stride.0, kernel.stride.1];
    if strides.iter().any(|stride| !(1..=3).contains(stride)) {
        return Err(refuse(format!(
            "stride {}x{} is not between 1 and 3",
            kernel.stride.0, kernel.stride.1
        )));
    }
    Ok(())
}

/// One operation with a fused activation.
fn single<'a>(operation: NpuOperation<'a>, activation: Activation) -> Vec<NpuOperation<'a>> {
    vec![operation.with_activation(activation)]
}
