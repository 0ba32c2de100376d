//! `select`, of stored values: both choices and the result have one scale.

use cofit_vocab::ElementType;

use crate::broadcast::Broadcast;
use crate::buffer::Element;
use crate::call::Kernel;
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let (condition, a, b) = (site.input(0)?, site.input(1)?.element, site.input(2)?.element);
    if condition.element != ElementType::Bool || a != b || a != site.output(0)?.element {
        return Err(site.unsupported());
    }
    match a {
        ElementType::Int8 => of_type::<i8>(site),
        ElementType::Bool | ElementType::UInt8 => of_type::<u8>(site),
        ElementType::Int16 => of_type::<i16>(site),
        ElementType::Int32 => of_type::<i32>(site),
        ElementType::Int64 => of_type::<i64>(site),
        ElementType::Float32 => of_type::<f32>(site),
        _ => Err(site.unsupported()),
    }
}

fn of_type<T: Element>(site: &Site<'_>) -> Result<Kernel, Refusal> {
    let broadcast = Broadcast::<3>::of(site)?;
    Ok(Box::new(move |call| {
        broadcast.apply(call, |condition: u8, a: T, b: T| if condition != 0 { a } else { b })
    }))
}
