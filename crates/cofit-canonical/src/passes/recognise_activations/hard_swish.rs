//! `hard_swish`: `x` times a value between 0 and 1 that grows by a sixth of `x`.

use cofit_ir::{OperatorId, ops};

use super::pieces::{held, is_close, product};
use crate::rewrite::Rewriter;

/// Recognises a hard swish whose last piece is operator `id`.
pub fn recognise(rewriter: &mut Rewriter<'_>, id: OperatorId) -> Option<()> {
    let whole = product(rewriter, rewriter.operator(id)?)?;
    let &[a, b] = whole.factors.as_slice() else { return None };
    let x = [(a, b), (b, a)].into_iter().find_map(|(x, gate)| {
        let gate = held(rewriter, gate)?;
        let is_hard = gate.linear.of == x
            && gate.low == 0.0
            && is_close(whole.constant * gate.high, 1.0)
            && is_close(whole.constant * gate.linear.factor, 1.0 / 6.0)
            && is_close(whole.constant * gate.linear.offset, 0.5);
        is_hard.then_some(x)
    })?;
    if !rewriter.is_fixed(x) {
        return None;
    }
    rewriter.replace(id, ops::HardSwish {}, &[x]);
    Some(())
}
