//! `pow`.
//!
//! int32 wraps, and a negative exponent is a fault, as in LiteRT.

use cofit_vocab::ElementType;

use crate::broadcast::Broadcast;
use crate::call::{Fault, Kernel};
use crate::elementwise::{binary_types, zip};
use crate::site::{Refusal, Site};

pub(crate) fn prepare(site: &Site<'_>) -> Result<Kernel, Refusal> {
    match binary_types(site)? {
        Some((ElementType::Float32, ElementType::Float32)) => zip(site, f32::powf),
        Some((ElementType::Int32, ElementType::Int32)) => {
            let broadcast = Broadcast::<2>::of(site)?;
            Ok(Box::new(move |call| {
                if call.inputs.get::<i32>(1)?.iter().any(|&exponent| exponent < 0) {
                    return Err(Fault::new("an integer has a negative exponent"));
                }
                broadcast.apply(call, |a: i32, b: i32| a.wrapping_pow(b.unsigned_abs()))
            }))
        }
        _ => Err(site.unsupported()),
    }
}

#[cfg(test)]
mod tests {
    use crate::arithmetic::Rounding;
    use crate::buffer::Buffer;
    use crate::trial::run;

    #[test]
    fn integers_wrap_and_have_no_negative_exponents() {
        let power = |b: Vec<i32>| {
            let graph = "input t0, t1\n output t2\n tensor t0 \"a\" int32[3]\n\
                         tensor t1 \"b\" int32[3]\n tensor t2 \"c\" int32[3]\n t2 = pow(t0, t1)";
            run(graph, &[Buffer::I32(vec![-3, 2, 0]), Buffer::I32(b)], Rounding::Double)
        };
        assert_eq!(power(vec![3, 32, 0]), Ok(Buffer::I32(vec![-27, 0, 1])));
        let fault = "CF-EXE-003: an integer has a negative exponent (operator `c`)";
        assert_eq!(power(vec![3, -1, 0]), Err(fault.to_owned()));
    }
}
