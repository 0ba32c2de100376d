//! Running a search: generations on threads, results into the study, accuracies from whoever knows them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cofit_explore::search::{Evaluated, Outcome, Point, Search};
use cofit_report::search::point;
use cofit_study::{Entry, Stored, Study};
use cofit_vocab::diagnostic::search as codes;
use cofit_vocab::{Diagnostics, Place};

use super::evaluator::Evaluator;
use super::record;
use super::subject::Setting;
use crate::failure::Failure;

/// Points that are evaluated between two writes to the study.
const BATCH: usize = 128;

/// Candidates that wait for an accuracy.
pub type Waiting = Vec<Evaluated>;

/// A search with what it needs to run.
#[derive(Debug)]
pub struct Driver {
    /// The question made ready.
    pub setting: Setting,
    /// Where results are kept.
    pub study: Option<Study>,
    /// Who tells accuracies.
    pub evaluator: Option<Evaluator>,
    /// Threads.
    pub jobs: usize,
}

impl Driver {
    /// Runs until the search is over or waits for accuracies, from what the study holds. Tells
    /// `progress` after every batch.
    ///
    /// # Errors
    /// The study cannot be written, the evaluator fails, or cofit makes a mistake.
    pub fn run(
        &mut self,
        progress: &mut dyn FnMut(&Search, usize),
    ) -> Result<(Search, Waiting), Failure> {
        let stored = self.stored()?;
        let mut search = self.search();
        loop {
            let next = search.propose();
            if next.is_empty() {
                return Ok((search, Waiting::new()));
            }
            let base = search.evaluated().len();
            let mut generation = Vec::with_capacity(next.len());
            for batch in next.chunks(BATCH) {
                let outcomes = self.outcomes(batch, &stored)?;
                generation.extend(outcomes);
                progress(&search, base + generation.len());
            }
            let waiting = self.tell(&mut generation, &stored)?;
            if !waiting.is_empty() {
                return Ok((search, waiting));
            }
            search.accept(generation);
        }
    }

    /// The search as far as the study knows it, without evaluating anything, and the candidates that
    /// wait; and whether the search is over.
    ///
    /// # Errors
    /// The study cannot be read.
    pub fn replay(&self) -> Result<(Search, Waiting, bool), Failure> {
        let stored = self.stored()?;
        let mut search = self.search();
        loop {
            let next = search.propose();
            if next.is_empty() {
                return Ok((search, Waiting::new(), true));
            }
            let mut generation = Vec::new();
            let mut waiting = Waiting::new();
            let mut is_whole = true;
            for (id, point) in next {
                let Some(outcome) = self.recall(&point, &stored)? else {
                    is_whole = false;
                    continue;
                };
                match self.judged(id, outcome, &stored) {
                    (outcome, true) => generation.push((id, point, outcome)),
                    (outcome, false) => waiting.push(Evaluated { id, point, outcome }),
                }
            }
            if !is_whole || !waiting.is_empty() {
                return Ok((search, waiting, false));
            }
            search.accept(generation);
        }
    }

    fn search(&self) -> Search {
        Search::new(self.setting.space.clone(), self.setting.settings.clone())
    }

    fn stored(&self) -> Result<Stored, Failure> {
        Ok(self.study.as_ref().map(Study::stored).transpose()?.unwrap_or_default())
    }

    /// The outcome of a point that the study holds.
    fn recall(&self, point: &Point, stored: &Stored) -> Result<Option<Outcome>, Failure> {
        let key = self.setting.key(point);
        let Some(text) = stored.results.get(&key) else { return Ok(None) };
        record::decode(text).map(Some).ok_or_else(|| {
            let message = format!("the result of `{key}` cannot be read");
            Failure::new(&codes::BROKEN_STUDY, message, Place::default())
        })
    }

    /// The outcome, with its accuracy once somebody told it; and whether it lacks none.
    fn judged(&self, id: u64, outcome: Outcome, stored: &Stored) -> (Outcome, bool) {
        let lacks = match &outcome {
            Outcome::Feasible(figures) => {
                self.setting.wants_accuracy() && figures.accuracy.is_none()
            }
            Outcome::Refused { .. } | Outcome::Pruned { .. } => false,
        };
        match (lacks, stored.accuracies.get(&id)) {
            (false, _) => (outcome, true),
            (true, Some(&told)) => (outcome.with_accuracy(told, &self.setting.limits), true),
            (true, None) => (outcome, false),
        }
    }

    /// The outcomes of a batch: stored ones, and new ones that are stored before they are returned.
    fn outcomes(
        &mut self,
        batch: &[(u64, Point)],
        stored: &Stored,
    ) -> Result<Vec<(u64, Point, Outcome)>, Failure> {
        let mut known: BTreeMap<usize, Outcome> = BTreeMap::new();
        for (at, (_, point)) in batch.iter().enumerate() {
            if let Some(outcome) = self.recall(point, stored)? {
                known.insert(at, outcome);
            }
        }
        let missing: Vec<usize> = (0..batch.len()).filter(|at| !known.contains_key(at)).collect();
        let fresh = self.evaluate(batch, &missing)?;
        let mut entries = Vec::with_capacity(fresh.len());
        for (at, outcome) in fresh {
            let (id, point) = &batch[at];
            let (point, result) = (self.setting.key(point), record::encode(&outcome));
            entries.push(Entry { id: *id, point, result });
            known.insert(at, outcome);
        }
        if let Some(study) = self.study.as_mut().filter(|_| !entries.is_empty()) {
            study.record(&entries)?;
        }
        let outcomes = batch.iter().zip(known.into_values());
        Ok(outcomes.map(|((id, point), outcome)| (*id, point.clone(), outcome)).collect())
    }

    /// Evaluates the points at `missing`, on as many threads as there are jobs. The order of the
    /// results does not depend on the threads.
    fn evaluate(
        &self,
        batch: &[(u64, Point)],
        missing: &[usize],
    ) -> Result<Vec<(usize, Outcome)>, Diagnostics> {
        // Threads see the question and not the study, which one thread writes.
        let setting = &self.setting;
        let next = AtomicUsize::new(0);
        let found = Mutex::new(BTreeMap::new());
        let work = || {
            while let Some(&at) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = setting.evaluate(&batch[at].1);
                if let Ok(mut found) = found.lock() {
                    found.insert(at, outcome);
                }
            }
        };
        let threads = self.jobs.clamp(1, missing.len().max(1));
        if threads == 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            });
        }
        let found = found.into_inner().unwrap_or_default();
        found.into_iter().map(|(at, outcome)| Ok((at, outcome?))).collect()
    }

    /// Adds accuracies to a generation; the candidates that nobody knows one of.
    fn tell(
        &mut self,
        generation: &mut [(u64, Point, Outcome)],
        stored: &Stored,
    ) -> Result<Waiting, Failure> {
        let mut waiting = Waiting::new();
        for (id, point, outcome) in generation {
            match self.judged(*id, outcome.clone(), stored) {
                (known, true) => *outcome = known,
                (unknown, false) => {
                    let one = Evaluated { id: *id, point: point.clone(), outcome: unknown };
                    let Some(evaluator) = &self.evaluator else {
                        waiting.push(one);
                        continue;
                    };
                    let accuracy = evaluator.accuracy(&self.candidate(&one))?;
                    if let Some(study) = &mut self.study {
                        study.tell(*id, accuracy)?;
                    }
                    *outcome = one.outcome.with_accuracy(accuracy, &self.setting.limits);
                }
            }
        }
        Ok(waiting)
    }

    /// A candidate as an evaluator and `search ask` see it.
    pub fn candidate(&self, one: &Evaluated) -> serde_json::Value {
        point(&self.setting.space, one, self.setting.proxy)
    }
}
