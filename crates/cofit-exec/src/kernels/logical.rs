//! `logical_and`, `logical_or` and `logical_not`, of truth values.

use cofit_ir::Op;
use cofit_vocab::ElementType;

use crate::call::Kernel;
use crate::elementwise::{map, zip};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    if site.elements()? != (ElementType::Bool, ElementType::Bool) {
        return Err(site.unsupported());
    }
    match &site.operator().op {
        Op::LogicalAnd(_) => zip(site, |a: u8, b: u8| u8::from(a != 0 && b != 0)),
        Op::LogicalOr(_) => zip(site, |a: u8, b: u8| u8::from(a != 0 || b != 0)),
        Op::LogicalNot(_) => map(site, |x: u8| u8::from(x == 0)),
        _ => Err(site.unsupported()),
    }
}
