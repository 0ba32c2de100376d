//! Enlarging a member until something refuses it.

use cofit_ir::Verified;
use cofit_vocab::Diagnostics;

use super::judge::{Judge, Judged};
use super::member::{Form, Larger, SIZES};
use super::{Member, Wall};
use crate::Evaluation;

/// What became of an accepted least member.
pub(super) enum Grown {
    /// The largest member that was found, with weights.
    Accepted {
        /// The member.
        member: Member,
        /// Its model.
        model: Verified,
        /// The model on the chip.
        evaluation: Box<Evaluation>,
        /// What refuses larger ones.
        walls: Vec<Wall>,
    },
    /// With weights even the least member is refused.
    Refused {
        /// The least member.
        member: Member,
        /// What refuses it.
        judged: Judged,
    },
}

/// Rungs of the ladder on which width and depth grow together.
const RUNGS: u32 = 64;

/// Enlarges `least`, which is accepted.
///
/// The map is first halved as few times as an accepted member of twice the least width allows, for a
/// network of one narrow layer over a large map is of little use. Width and depth then grow together,
/// and at last each by itself. Every step is a search by halves between an accepted and a refused value.
///
/// # Errors
/// A plan breaks its own rules.
pub(super) fn grow(judge: &mut Judge<'_>, least: Member) -> Result<Grown, Diagnostics> {
    let mut member = unreduced(judge, &least)?;
    let rung = highest(0, RUNGS, |rung| {
        let member = on_rung(&judge.form, &member, rung);
        accepts(judge, &member)
    })?;
    member = on_rung(&judge.form, &member, rung);
    for name in ["depth", "width"] {
        let Some((now, most)) = member.size(name).zip(judge.form.range(name).map(|(_, most)| most))
        else {
            continue;
        };
        let value = highest(now, most, |value| accepts(judge, &member.with(name, value)))?;
        member = member.with(name, value);
    }
    // Compressed weights take more room than was reckoned without them, so the last word is theirs.
    loop {
        let judged = judge.seeded(&member)?;
        if judged.is_accepted()
            && let Some((model, evaluation)) = judged.outcome
        {
            let walls = walls(judge, &member)?;
            return Ok(Grown::Accepted { member, model, evaluation, walls });
        }
        match lesser(&judge.form, &member) {
            Some(next) => member = next,
            None => return Ok(Grown::Refused { member, judged }),
        }
    }
}

/// The member that is accepted with the fewest halvings of its map.
fn unreduced(judge: &mut Judge<'_>, least: &Member) -> Result<Member, Diagnostics> {
    let Some(most) = least.size("reduction") else { return Ok(least.clone()) };
    let wide = least.size("width").map_or(1, |width| width.saturating_mul(2));
    for candidate in [least.with("width", wide), least.clone()] {
        for reduction in 0..most {
            let member = candidate.with("reduction", reduction);
            if accepts(judge, &member)? {
                return Ok(least.with("reduction", reduction));
            }
        }
        if accepts(judge, &candidate)? {
            break;
        }
    }
    Ok(least.clone())
}

/// The member on a rung: one step of width a rung, one step of depth each time that the width doubles.
fn on_rung(form: &Form, member: &Member, rung: u32) -> Member {
    let mut grown = member.clone();
    let steps = [("width", rung), ("depth", (rung + 1).ilog2())];
    for (name, step) in steps {
        if let Some((least, most)) = form.range(name) {
            grown = grown.with(name, least.saturating_add(step).min(most));
        }
    }
    grown
}

/// Whether the member is accepted; not, where the evaluations are spent.
fn accepts(judge: &mut Judge<'_>, member: &Member) -> Result<bool, Diagnostics> {
    Ok(judge.judge(member)?.is_some_and(|judged| judged.is_accepted()))
}

/// The greatest value from `low`, which is accepted, to `most` that halving finds: steps that double until
/// one is refused, then halves.
fn highest(
    low: u32,
    most: u32,
    mut accepts: impl FnMut(u32) -> Result<bool, Diagnostics>,
) -> Result<u32, Diagnostics> {
    let (mut low, mut step) = (low, 1);
    let mut refused = None;
    while low < most && refused.is_none() {
        let next = low.saturating_add(step).min(most);
        if accepts(next)? {
            low = next;
            step *= 2;
        } else {
            refused = Some(next);
        }
    }
    let mut high = refused.unwrap_or(low + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if accepts(middle)? { low = middle } else { high = middle }
    }
    Ok(low)
}

/// The next smaller member: less wide, then less deep, then on a smaller map.
fn lesser(form: &Form, member: &Member) -> Option<Member> {
    SIZES.iter().rev().find_map(|&(name, larger)| {
        let (least, most) = form.range(name)?;
        let value = member.size(name)?;
        match larger {
            Larger::Up if value > least => Some(member.with(name, value - 1)),
            Larger::Down if value < most => Some(member.with(name, value + 1)),
            Larger::Up | Larger::Down => None,
        }
    })
}

/// What refuses one step more of each size.
fn walls(judge: &mut Judge<'_>, member: &Member) -> Result<Vec<Wall>, Diagnostics> {
    let mut walls = Vec::new();
    for (parameter, larger) in SIZES {
        let Some(value) = member.size(parameter) else { continue };
        let Some((least, most)) = judge.form.range(parameter) else { continue };
        let next = match larger {
            Larger::Up => (value < most).then_some(value + 1),
            Larger::Down => (value > least).then(|| value - 1),
        };
        let obstacles = match next {
            Some(next) => judge.obstacles(&member.with(parameter, next))?,
            None => Vec::new(),
        };
        walls.push(Wall { parameter, value: next, obstacles });
    }
    Ok(walls)
}
