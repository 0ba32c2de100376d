//! The whole path inside the test's own process, for cases by the thousand.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use cofit_chip::{Card, Chip, Selection, Timing};
use cofit_compile::{certificate, ethos_u};
use cofit_ethos_u::WeightEncoding;
use cofit_explore::advise::{self, Group, Kind, Options, Setting};
use cofit_explore::{Budget, StreamingFront, evaluate};
use cofit_ir::verify::Verified;
use cofit_report::advise::Advised;
use cofit_report::compare::{self, Pair};
use cofit_report::page::{self, View};
use cofit_report::pareto::{self, Front};
use cofit_report::plan::{self, Planned};
use cofit_report::{Rendering, Subject, cascades, check, inspect, json, sim, trace};
use cofit_stream::{Question, Side};
use cofit_vocab::{Bytes, Seconds};

const SCREEN: Rendering = Rendering::plain(80);

/// Points of an Ethos-U's front that are laid out.
const CASCADES: usize = 4;
/// Operators of the largest graph that is streamed: checking every way to run a larger one takes seconds
/// in a build for tests.
const STREAMED: usize = 48;
/// Operators of the largest graph that is tried in strips too, which takes most of a front's time.
const STRIPPED: usize = 24;

/// Far above what any case takes, and below what a person would call hanging.
const LIMIT: Duration = Duration::from_secs(20);
/// How much the process may grow over all cases: the largest file and its plan, several times.
const GROWTH: u64 = 512 << 20;

/// SplitMix64 (G. Steele et al., "Fast splittable pseudorandom number generators", 2014).
pub struct Random(pub u64);

impl Random {
    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Guards cases against panics, hanging and growth.
pub struct Watch {
    before: Option<u64>,
}

impl Watch {
    /// From now on.
    pub fn new() -> Self {
        Self { before: peak() }
    }

    /// What a case returns, or how it misbehaved.
    pub fn guard<T: Send + 'static>(
        &self,
        case: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let fate = catch_unwind(AssertUnwindSafe(case));
            // Nobody listens to a case that took too long.
            let _ = sender.send(fate.unwrap_or_else(|_| Err("a panic".to_owned())));
        });
        let fate = receiver.recv_timeout(LIMIT).unwrap_or(Err(format!("longer than {LIMIT:?}")))?;
        match (self.before, peak()) {
            (Some(before), Some(now)) if now - before > GROWTH => {
                Err(format!("the process has grown by {} MiB", (now - before) >> 20))
            }
            _ => Ok(fate),
        }
    }
}

/// The most memory that the process has used, where the system says so.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes << 10)
}

/// Every report about a model alone; how long they are together.
pub fn inspection(model: &Verified) -> usize {
    let model = model.model();
    inspect::text(model, SCREEN).len()
        + inspect::csv(model).len()
        + inspect::markdown(model).len()
        + json::text(&inspect::json_value(model)).len()
}

/// Evaluates a model on a chip, and writes every report.
pub fn evaluation(model: &Verified, chip: &Chip) -> Result<(), String> {
    let budget = Budget { latency: Some(Seconds(0.05)), ..Budget::default() };
    let evaluation = evaluate(model, chip, &budget)
        .map_err(|mistakes| format!("{}: {mistakes:?}", chip.id()))?;
    let profile = &evaluation.profile;
    let sum = profile.causes.iter().fold(0u64, |sum, (_, one)| sum.saturating_add(one.get()));
    if sum != profile.cycles.get() {
        return Err(format!("{}: causes {sum}, cycles {}", chip.id(), profile.cycles));
    }
    let subject = Subject { model: model.model(), chip, evaluation: &evaluation };
    let certificate = certificate::of(&evaluation.plan);
    let planned = Planned { subject, cap: Some(Bytes(1000)), certificate: Some(&certificate) };
    let pairs = [Pair { model: "m", chip: chip.id(), result: Ok(subject) }];
    let reports = [
        check::text(&subject, SCREEN),
        check::csv(&subject),
        check::markdown(&subject),
        json::text(&check::json_value(&subject)),
        sim::text(&subject, SCREEN),
        sim::csv(&subject),
        sim::markdown(&subject),
        json::text(&sim::json_value(&subject)),
        plan::text(&planned, SCREEN),
        plan::csv(&planned),
        plan::markdown(&planned),
        json::text(&plan::json_value(&planned)),
        compare::text(&pairs, SCREEN),
        compare::csv(&pairs),
        compare::markdown(&pairs),
        json::text(&compare::json_value(&pairs)),
        page::document("m", &page::body(&subject)),
        page::pair(&subject, &subject),
        trace::text(&subject),
    ];
    let views = View::ALL.into_iter().map(|view| page::svg(&subject, view));
    let reports = reports.into_iter().chain(views);
    let all = reports.chain(fronts(&subject)?).chain(advice(model, &subject)?);
    match all.into_iter().position(|report| report.is_empty()) {
        Some(at) => Err(format!("{}: report {at} is empty", chip.id())),
        None => Ok(()),
    }
}

/// Operators of the largest graph that is advised about: every suggestion is an evaluation.
const ADVISED: usize = 8;
/// Suggestions that are tried.
const SUGGESTIONS: usize = 3;

/// Every report about changes of the model that would help.
fn advice(model: &Verified, subject: &Subject<'_>) -> Result<Vec<String>, String> {
    let Subject { chip, evaluation, .. } = *subject;
    if evaluation.plan.graph.operators.len() > ADVISED {
        return Ok(Vec::new());
    }
    // The card is for other targets, which are not asked for.
    let Some(Ok(card)) = Card::from_catalogue("stm32f746") else { return Ok(Vec::new()) };
    let setting = Setting {
        model: model.clone(),
        card,
        selection: Selection::default(),
        chip: chip.clone(),
        budget: Budget { latency: Some(Seconds(0.05)), ..Budget::default() },
        evaluation: evaluation.clone(),
    };
    let of_model = Kind::ALL.iter().copied().filter(|kind| kind.group() == Group::Model);
    let options = Options { only: of_model.collect(), most_evaluations: SUGGESTIONS };
    let advice = advise::advise(&setting, &options)
        .map_err(|mistakes| format!("{}: {mistakes:?}", chip.id()))?;
    let result = cofit_report::advise::Outcome::Advice(&advice);
    let advised = Advised { subject: *subject, result, scores: None };
    Ok(vec![
        cofit_report::advise::text(&advised, SCREEN),
        json::text(&cofit_report::advise::json_value(&advised)),
        cofit_report::advise::csv(&advised),
        cofit_report::advise::markdown(&advised),
    ])
}

/// Every report about what lies below the tensor: trades of memory for work, or cascades.
fn fronts(subject: &Subject<'_>) -> Result<Vec<String>, String> {
    let Subject { model, chip, evaluation } = *subject;
    let cap = Some(Bytes(1000));
    if chip.engines.iter().any(|engine| matches!(engine.timing, Timing::EthosU(_))) {
        let front = ethos_u::front(model, chip, WeightEncoding::default(), CASCADES);
        if front.mistakes.has_errors() {
            return Err(format!("{}: {:?}", chip.id(), front.mistakes));
        }
        return Ok(vec![
            cascades::text(&front, subject, cap, SCREEN),
            json::text(&cascades::json_value(&front, subject, cap)),
            cascades::csv(&front, subject),
            cascades::markdown(&front, subject),
        ]);
    }
    let operators = evaluation.plan.graph.operators.len();
    if operators > STREAMED {
        return Ok(Vec::new());
    }
    let is_even = operators.is_multiple_of(2);
    let question = Question {
        inputs: if is_even { Side::Outside } else { Side::Arena },
        outputs: if is_even { Side::Arena } else { Side::Outside },
        may_recompute: operators <= STRIPPED,
    };
    let front = StreamingFront::of(&evaluation.plan, chip, question)
        .map_err(|breach| format!("{}: {breach}", chip.id()))?;
    let front = Front { subject: *subject, front: &front, cap };
    Ok(vec![
        pareto::text(&front, SCREEN),
        json::text(&pareto::json_value(&front)),
        pareto::csv(&front),
        pareto::markdown(&front),
    ])
}
