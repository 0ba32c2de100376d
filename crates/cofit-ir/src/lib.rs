//! The model: a graph of operators over typed tensors.
//!
//! # The nouns
//! - A [`Model`] is a list of [`Graph`]s; the first is the one that an inference runs, the others
//!   are bodies that its control operators call.
//! - A [`Graph`] owns [`Tensor`]s and [`Operator`]s in arenas with typed ids ([`TensorId`],
//!   [`OperatorId`]) and lists its inputs and outputs. Operators are kept in a valid execution
//!   order: the order of the arena is the order of the file.
//! - A [`Tensor`] has a name, an [`ElementType`](cofit_vocab::ElementType), a [`Shape`], perhaps a
//!   [`Quantisation`], and a [`TensorRole`]: activation, constant or variable. A constant's bytes
//!   may be absent ([`ConstantData::Absent`]); everything but numerics still works then.
//! - An [`Operator`] has an [`Op`], which is its kind with attributes, and lists of tensors.
//!
//! # Layouts
//! Activations are NHWC. Weights are stored as TFLite stores them: convolutions
//! `[output channels, height, width, input channels per group]`, depthwise
//! `[1, height, width, output channels]`, dense layers `[outputs, inputs]`, transposed
//! convolutions `[output channels, height, width, input channels]`.
//!
//! # What is absent
//! Nothing here reads files or knows chips. Names and offsets of the user's file are carried in
//! [`Origin`] so that every message can point back at them, and are never interpreted.
//!
//! # Where things are
//! One operator is one file under [`ops`], holding its attributes, shape rule, MAC count and
//! documentation. [`verify`] states what a well-formed model is and makes [`Verified`] ones.
//! [`text`] prints and parses models. [`liveness`] tells when tensors occupy memory.

pub mod axis_order;
pub mod graph;
pub mod ids;
pub mod liveness;
pub mod model;
pub mod ops;
pub mod quantisation;
pub mod shape;
pub mod tensor;
pub mod text;
pub mod verify;

pub use axis_order::AxisOrder;
pub use graph::{Graph, Operator};
pub use ids::{GraphId, OperatorId, TensorId};
pub use liveness::{Lifetime, Peak};
pub use model::{Model, Source};
pub use ops::{Activation, Extent2d, Op, Operands, OutputFact, Padding, RuleError};
pub use quantisation::Quantisation;
pub use shape::Shape;
pub use tensor::{ConstantData, Origin, Tensor, TensorRole};
pub use verify::Verified;
