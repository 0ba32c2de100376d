//! Dummies: networks that fit a chip by construction, or the reason why none does.
//!
//! Every task has [`Template`]s: sketches with parameters that decide what a member is made of
//! (a list of choices) and parameters that decide how large it is. [`sketch`] goes through what the
//! card can multiply and through the choices, the preferred first, asks whether the *least* member of
//! each combination is accepted by [`crate::evaluate`], and enlarges the first that is.
//!
//! # What an answer claims
//! - A [`Dummy`] was evaluated as it is, with its seeded weights, and its verdict is not a failure.
//!   Each [`Wall`] is a larger member that was evaluated too, and what refused it.
//! - A [`Proof`] says that the least member of every combination was evaluated and refused, and by
//!   what. It is about these templates; larger members need more of every memory.
//! - [`Answer::Unsettled`] says that the evaluations ran out before either was known.

mod growth;
mod judge;
mod member;
mod styles;
mod task;

use cofit_chip::Chip;
use cofit_ir::Verified;
use cofit_vocab::{Bytes, Diagnostics};

use crate::{Budget, Evaluation};
use growth::Grown;
pub use judge::Obstacle;
use judge::{Judge, Judged};
use member::Form;
pub use member::Member;
pub use task::{Task, Template};

/// Largest length of an axis of the input, as in sketches.
pub const LENGTH: u32 = cofit_import::sketch::limits::LENGTH;

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What the network is for.
    pub task: Task,
    /// Rows, columns and channels of the input.
    pub input: [u32; 3],
    /// Classes that are told apart.
    pub classes: u32,
    /// Longest time and largest energy of one inference.
    pub budget: Budget,
    /// Most bytes in memories that hold activations.
    pub sram: Option<Bytes>,
    /// Most bytes in flash.
    pub flash: Option<Bytes>,
    /// What the network is called: letters, digits, `_`, `-` and `.`, at most 48 of them.
    pub name: String,
    /// The seed of the weights.
    pub seed: u64,
    /// Evaluations to spend at most.
    pub evaluations: u32,
}

impl Question {
    /// Evaluations that settle every card of the catalogue.
    pub const EVALUATIONS: u32 = 20_000;
}

/// A network that fits.
#[derive(Clone, Debug)]
pub struct Dummy {
    /// The template and the parameters.
    pub member: Member,
    /// The member as a sketch.
    pub text: String,
    /// The model that its sketch expands to with seeded weights.
    pub model: Verified,
    /// The model on the chip.
    pub evaluation: Evaluation,
    /// The next larger members, and what refuses them.
    pub walls: Vec<Wall>,
    /// Combinations that were refused before this one was accepted.
    pub refused: Proof,
}

/// Why a parameter is not larger.
#[derive(Clone, Debug, PartialEq)]
pub struct Wall {
    /// The parameter.
    pub parameter: &'static str,
    /// The value that was tried; `None` at the end of the parameter's range.
    pub value: Option<u32>,
    /// What refused it.
    pub obstacles: Vec<Obstacle>,
}

/// Least members and what refused them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// How many combinations were refused.
    pub combinations: u32,
    /// How many of them each constraint refused, by its name, in the order of the names.
    pub tally: Vec<(String, u32)>,
    /// The one that came nearest, with everything that refuses it.
    pub nearest: Option<(Member, Vec<Obstacle>)>,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A network that fits.
    Dummy(Box<Dummy>),
    /// None of the task's forms fits.
    Impossible(Proof),
    /// The evaluations were spent.
    Unsettled(Proof),
}

/// A dummy for a chip.
///
/// # Errors
/// A plan breaks its own rules, which is a mistake of cofit.
pub fn sketch(question: &Question, chip: &Chip) -> Result<Answer, Diagnostics> {
    let mut refused = Proof::default();
    let mut before: Option<Judge<'_>> = None;
    for template in question.task.templates() {
        let form = Form::new(template)?;
        let mut judge = match before.take() {
            Some(judge) => judge.of(form),
            None => Judge::new(question, chip, form),
        };
        for style in styles::of(&judge.form, chip) {
            let least = Member::least(&judge.form, question, style);
            let judged = match judge.judge(&least)? {
                Some(judged) => judged,
                None => return Ok(Answer::Unsettled(refused)),
            };
            if !judged.is_accepted() {
                refused.add(least, judged);
                continue;
            }
            match growth::grow(&mut judge, least)? {
                Grown::Accepted { member, model, evaluation, walls } => {
                    return Ok(Answer::Dummy(Box::new(Dummy {
                        text: member.text(&question.name)?,
                        member,
                        model,
                        evaluation: *evaluation,
                        walls,
                        refused,
                    })));
                }
                Grown::Refused { member, judged } => refused.add(member, judged),
            }
        }
        before = Some(judge);
    }
    Ok(Answer::Impossible(refused))
}

impl Proof {
    /// Counts a refused member.
    fn add(&mut self, member: Member, judged: Judged) {
        self.combinations += 1;
        let mut names: Vec<&str> =
            judged.obstacles.iter().map(|obstacle| obstacle.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match self.tally.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
                Ok(at) => self.tally[at].1 += 1,
                Err(at) => self.tally.insert(at, (name.to_owned(), 1)),
            }
        }
        let is_nearer = self
            .nearest
            .as_ref()
            .is_none_or(|(_, obstacles)| distance(&judged.obstacles) < distance(obstacles));
        if is_nearer {
            self.nearest = Some((member, judged.obstacles));
        }
    }
}

/// How far from fitting: places that break rules first, then by how many times a limit is exceeded, in
/// parts of a thousand.
fn distance(obstacles: &[Obstacle]) -> (usize, u64) {
    let rules = obstacles.iter().filter(|obstacle| obstacle.excess().is_none());
    let places = rules.map(|obstacle| obstacle.places).sum();
    let excess = obstacles.iter().filter_map(Obstacle::excess).fold(0.0, f64::max);
    (places, (excess * 1000.0) as u64)
}
