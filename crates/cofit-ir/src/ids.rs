//! Typed ids, so that a tensor cannot be looked up as an operator.

use cranelift_entity::entity_impl;

/// A tensor of a graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(u32);
entity_impl!(TensorId, "t");

/// An operator of a graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorId(u32);
entity_impl!(OperatorId, "n");

/// A graph of a model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphId(u32);
entity_impl!(GraphId, "g");
