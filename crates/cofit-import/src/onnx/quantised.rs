//! Stub.
use super::constant::Constant;
use super::importer::{Importer, Target};
use super::node::Node;
use super::proto::GraphProto;
use super::refusal::Imported;
use std::collections::HashMap;
use std::rc::Rc;
pub(crate) fn target(
    _: &Importer,
    _: &Node<'_>,
    _: &GraphProto,
    _: &HashMap<&str, Vec<usize>>,
) -> Option<Target> {
    None
}
pub(crate) fn dequantised_constant(
    _: &mut Importer,
    _: &Node<'_>,
    _: &Rc<Constant>,
) -> Imported<Option<Constant>> {
    Ok(None)
}
pub(crate) fn quantised_constant(
    _: &mut Importer,
    _: &Node<'_>,
    _: &Rc<Constant>,
) -> Imported<Option<Constant>> {
    Ok(None)
}
