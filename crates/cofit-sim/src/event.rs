//! The event simulator under all timing models.
//!
//! A [`Schedule`] is a list of tasks in the order in which they are issued. A task occupies one
//! or more resources (an engine, a DMA channel, a memory port) for a known number of cycles of
//! one reference clock, and waits for tasks issued before it. Overlap, prefetch and contention
//! are not assumed anywhere: they come out of who waits for whom.
//!
//! - A resource serves its tasks one at a time, in the order of issue.
//! - A task starts at the latest of: its release, the ends of the tasks it depends on, and the
//!   ends of the tasks issued before it on each of its resources.
//! - A dependency names a task issued earlier. Anything else is an error, so no schedule can wait
//!   for itself.
//!
//! The result charges every cycle of the makespan to exactly one step and one cause, so the
//! causes add up to the total without a remainder. Where several tasks run at once, the instant
//! belongs to the cause of the lowest [`Cause::rank`], then to the lowest step, then to the task
//! issued first. Where none runs, the instant is a stall of the step that starts next.
//!
//! All arithmetic saturates: a task of 2^64 cycles ends at the top of the scale and the sum still
//! holds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use cofit_vocab::diagnostic::simulation::{
    DEPENDENCY_NOT_EARLIER, TOO_MANY_TASKS, UNKNOWN_RESOURCE,
};
use cofit_vocab::{Cycles, Diagnostic, Place};
use smallvec::SmallVec;

use crate::causes::{Cause, Causes};

/// An engine, DMA channel or memory port of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(u32);

impl ResourceId {
    /// The position among the schedule's resources.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A task of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u32);

impl TaskId {
    /// The position in the order of issue.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The step of the plan that a task works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(pub u32);

/// One piece of work.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it occupies, all for the whole duration: a transfer holds its channel and the port of
    /// the memory it reads.
    pub resources: SmallVec<[ResourceId; 2]>,
    /// How long it lasts, in cycles of the reference clock.
    pub duration: Cycles,
    /// What its cycles are charged to.
    pub cause: Cause,
    /// The step it works for.
    pub step: StepIndex,
    /// The tasks that end before it starts, all issued earlier.
    pub dependencies: SmallVec<[TaskId; 4]>,
    /// The earliest start, for work that waits for the world outside; usually zero.
    pub release: Cycles,
}

impl Task {
    /// A task on one resource that waits for nothing.
    pub fn new(resource: ResourceId, duration: Cycles, cause: Cause, step: StepIndex) -> Self {
        Self {
            resources: SmallVec::from_slice(&[resource]),
            duration,
            cause,
            step,
            dependencies: SmallVec::new(),
            release: Cycles::ZERO,
        }
    }

    /// The same task, occupying `resource` as well.
    #[must_use]
    pub fn with(mut self, resource: ResourceId) -> Self {
        self.resources.push(resource);
        self
    }

    /// The same task, after `task`.
    #[must_use]
    pub fn after(mut self, task: TaskId) -> Self {
        self.dependencies.push(task);
        self
    }

    /// The same task, after all of `tasks`.
    #[must_use]
    pub fn after_all(mut self, tasks: impl IntoIterator<Item = TaskId>) -> Self {
        self.dependencies.extend(tasks);
        self
    }

    /// The same task, not before `release`.
    #[must_use]
    pub const fn released_at(mut self, release: Cycles) -> Self {
        self.release = release;
        self
    }
}

/// Tasks in the order of issue, on declared resources.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    resources: Vec<String>,
    tasks: Vec<Task>,
}

impl Schedule {
    /// The most tasks that a schedule may hold. At about 200 bytes a task with its result, this
    /// many fit in under a gigabyte.
    pub const TASK_LIMIT: usize = 1 << 22;

    /// No resources and no tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an engine, DMA channel or memory port by the name that traces show.
    pub fn resource(&mut self, name: impl Into<String>) -> ResourceId {
        let id = ResourceId(saturating_index(self.resources.len()));
        self.resources.push(name.into());
        id
    }

    /// Issues a task.
    ///
    /// The task is checked at once: its resources are declared and its dependencies are issued.
    ///
    /// # Errors
    ///
    /// [`UNKNOWN_RESOURCE`], [`DEPENDENCY_NOT_EARLIER`], or [`TOO_MANY_TASKS`] beyond
    /// [`Schedule::TASK_LIMIT`]. The schedule is as it was.
    pub fn issue(&mut self, task: Task) -> Result<TaskId, Box<Diagnostic>> {
        if self.tasks.len() >= Self::TASK_LIMIT {
            return Err(refuse(
                &TOO_MANY_TASKS,
                format!("the schedule already holds {} tasks", Self::TASK_LIMIT),
                task.step,
            ));
        }
        let id = TaskId(saturating_index(self.tasks.len()));
        for resource in &task.resources {
            if resource.index() >= self.resources.len() {
                return Err(refuse(
                    &UNKNOWN_RESOURCE,
                    format!(
                        "task {} names resource {}, but {} are declared",
                        id.0,
                        resource.0,
                        self.resources.len()
                    ),
                    task.step,
                ));
            }
        }
        for dependency in &task.dependencies {
            if *dependency >= id {
                return Err(refuse(
                    &DEPENDENCY_NOT_EARLIER,
                    format!("task {} waits for task {}", id.0, dependency.0),
                    task.step,
                ));
            }
        }
        self.tasks.push(task);
        Ok(id)
    }

    /// The names of the resources, in order of [`ResourceId`].
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// The tasks, in order of [`TaskId`].
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// Runs the schedule.
    ///
    /// Linear in tasks and dependencies, plus a sort of the tasks by their start.
    pub fn run(&self) -> Timeline {
        let mut free = vec![Cycles::ZERO; self.resources.len()];
        let mut busy = vec![Cycles::ZERO; self.resources.len()];
        let mut spans: Vec<Span> = Vec::with_capacity(self.tasks.len());
        for task in &self.tasks {
            let after_tasks = task.dependencies.iter().map(|task| spans[task.index()].end);
            let after_resources = task.resources.iter().map(|resource| free[resource.index()]);
            let start = after_tasks.chain(after_resources).fold(task.release, Cycles::max);
            let span = Span { start, end: start + task.duration };
            for (position, resource) in task.resources.iter().enumerate() {
                free[resource.index()] = span.end;
                if !task.resources[..position].contains(resource) {
                    busy[resource.index()] += span.duration();
                }
            }
            spans.push(span);
        }
        let makespan = spans.iter().map(|span| span.end).max().unwrap_or(Cycles::ZERO);
        let steps = self.attribute(&spans);
        Timeline { spans, busy, makespan, steps }
    }

    /// Charges every cycle from zero to the last end to one step and cause.
    fn attribute(&self, spans: &[Span]) -> BTreeMap<StepIndex, Causes> {
        let mut order: Vec<usize> =
            (0..spans.len()).filter(|&task| spans[task].start < spans[task].end).collect();
        order.sort_by_key(|&task| (spans[task].start, task));

        let mut steps: BTreeMap<StepIndex, Causes> = BTreeMap::new();
        let mut charge = |step: StepIndex, cause: Cause, from: Cycles, to: Cycles| {
            steps.entry(step).or_insert(Causes::ZERO).charge(cause, to - from);
        };
        // The running tasks, best claim first. A task that has ended stays until it surfaces.
        let mut running = BinaryHeap::new();
        let mut upcoming = order.into_iter().peekable();
        let mut now = Cycles::ZERO;
        loop {
            while let Some(task) = upcoming.next_if(|&task| spans[task].start <= now) {
                let Task { cause, step, .. } = &self.tasks[task];
                running.push(Reverse((cause.rank(), *step, task)));
            }
            let next_start = upcoming.peek().map(|&task| spans[task].start);
            match (running.peek(), next_start) {
                (Some(&Reverse((_, step, task))), _) if spans[task].end > now => {
                    let until = next_start.map_or(spans[task].end, |at| at.min(spans[task].end));
                    charge(step, self.tasks[task].cause, now, until);
                    now = until;
                }
                (Some(_), _) => {
                    running.pop();
                }
                (None, Some(start)) => {
                    let next = upcoming.peek().map_or(StepIndex(0), |&task| self.tasks[task].step);
                    charge(next, Cause::Stall, now, start);
                    now = start;
                }
                (None, None) => break,
            }
        }
        // Tasks without duration take part in nothing but may end last, after their release.
        let makespan = spans.iter().map(|span| span.end).max().unwrap_or(Cycles::ZERO);
        if now < makespan {
            let last = (0..spans.len()).find(|&task| spans[task].end == makespan).unwrap_or(0);
            charge(self.tasks[last].step, Cause::Stall, now, makespan);
        }
        steps
    }
}

/// `index` as a 32-bit identifier. Schedules are bounded far below the limit.
fn saturating_index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn refuse(code: &'static cofit_vocab::Code, message: String, step: StepIndex) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, message, Place::operator(format!("step {}", step.0))))
}

/// When a task ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first cycle.
    pub start: Cycles,
    /// The cycle after the last.
    pub end: Cycles,
}

impl Span {
    /// `end - start`.
    pub const fn duration(self) -> Cycles {
        self.end.saturating_sub(self.start)
    }
}

/// A schedule that has run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// When each task ran, in order of [`TaskId`].
    pub spans: Vec<Span>,
    /// For how long each resource was occupied, in order of [`ResourceId`].
    pub busy: Vec<Cycles>,
    /// When the last task ended.
    pub makespan: Cycles,
    /// The cycles charged to each step that was charged any. Over all steps and causes they add
    /// up to the makespan exactly.
    pub steps: BTreeMap<StepIndex, Causes>,
}

impl Timeline {
    /// The cycles by cause over all steps; their sum is the makespan.
    pub fn causes(&self) -> Causes {
        self.steps.values().copied().sum()
    }

    /// The cycles charged to `step`.
    pub fn step(&self, step: StepIndex) -> Causes {
        self.steps.get(&step).copied().unwrap_or(Causes::ZERO)
    }
}

#[cfg(test)]
mod tests;
