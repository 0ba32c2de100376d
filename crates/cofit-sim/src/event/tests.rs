//! Tests of the event simulator: small schedules by hand, invariants by generation.

use proptest::prelude::*;

use super::*;

/// A row of a hand-written schedule: resource, duration, cause, step, dependencies by row.
type Row<'a> = (usize, u64, Cause, u32, &'a [usize]);

fn schedule(resources: usize, rows: &[Row<'_>]) -> Schedule {
    let mut schedule = Schedule::new();
    let resources: Vec<ResourceId> =
        (0..resources).map(|index| schedule.resource(format!("resource {index}"))).collect();
    let mut issued = Vec::new();
    for &(resource, duration, cause, step, dependencies) in rows {
        let task = Task::new(resources[resource], Cycles(duration), cause, StepIndex(step))
            .after_all(dependencies.iter().map(|&row| issued[row]));
        issued.push(schedule.issue(task).expect("the schedule is sound"));
    }
    schedule
}

#[track_caller]
fn check(resources: usize, rows: &[Row<'_>], expected: &str) {
    let timeline = schedule(resources, rows).run();
    let spans: Vec<String> =
        timeline.spans.iter().map(|span| format!("{}..{}", span.start.0, span.end.0)).collect();
    let mut steps = Vec::new();
    for (step, causes) in &timeline.steps {
        for (cause, cycles) in causes.iter().filter(|(_, cycles)| !cycles.is_zero()) {
            steps.push(format!("{}:{cause}={}", step.0, cycles.0));
        }
    }
    assert_eq!(format!("{} | {}", spans.join(" "), steps.join(" ")), expected);
    assert_eq!(timeline.causes().sum(), timeline.makespan);
}

#[test]
fn a_resource_serves_one_task_at_a_time_in_order_of_issue() {
    check(
        1,
        &[(0, 5, Cause::Compute, 0, &[]), (0, 3, Cause::Compute, 1, &[])],
        "0..5 5..8 | 0:compute=5 1:compute=3",
    );
}

#[test]
fn a_prefetch_hides_behind_compute_and_only_its_excess_is_charged() {
    // Weights of step 1 load while step 0 computes, and outlast it by two cycles.
    check(
        2,
        &[
            (1, 4, Cause::WeightFetch, 0, &[]),
            (0, 5, Cause::Compute, 0, &[0]),
            (1, 7, Cause::WeightFetch, 1, &[]),
            (0, 5, Cause::Compute, 1, &[2]),
        ],
        "0..4 4..9 4..11 11..16 | 0:compute=5 0:weight_fetch=4 1:compute=5 1:weight_fetch=2",
    );
}

#[test]
fn useful_arithmetic_is_charged_before_what_runs_beside_it() {
    check(
        3,
        &[
            (0, 10, Cause::ActivationTraffic, 0, &[]),
            (1, 6, Cause::Fallback, 1, &[]),
            (2, 2, Cause::Compute, 2, &[]),
        ],
        "0..10 0..6 0..2 | 0:activation_traffic=4 1:fallback=4 2:compute=2",
    );
}

#[test]
fn of_equal_causes_the_earlier_step_is_charged() {
    check(
        2,
        &[(0, 4, Cause::Compute, 9, &[]), (1, 6, Cause::Compute, 3, &[])],
        "0..4 0..6 | 3:compute=6",
    );
}

#[test]
fn a_task_holds_all_its_resources() {
    let mut schedule = Schedule::new();
    let channel = schedule.resource("dma");
    let port = schedule.resource("flash port");
    let step = StepIndex(0);
    let fetch = Task::new(channel, Cycles(4), Cause::WeightFetch, step).with(port);
    schedule.issue(fetch).expect("sound");
    let read = Task::new(port, Cycles(3), Cause::ActivationTraffic, step);
    schedule.issue(read).expect("sound");
    let timeline = schedule.run();
    assert_eq!(timeline.spans[1], Span { start: Cycles(4), end: Cycles(7) });
    assert_eq!(timeline.busy, [Cycles(4), Cycles(7)]);
}

#[test]
fn idle_instants_are_stalls_of_the_step_that_starts_next() {
    let mut schedule = Schedule::new();
    let engine = schedule.resource("engine");
    let task = |step| Task::new(engine, Cycles(2), Cause::Compute, StepIndex(step));
    schedule.issue(task(0)).expect("sound");
    schedule.issue(task(1).released_at(Cycles(10))).expect("sound");
    let timeline = schedule.run();
    assert_eq!(timeline.makespan, Cycles(12));
    assert_eq!(timeline.step(StepIndex(1)).get(Cause::Stall), Cycles(8));
    assert_eq!(timeline.step(StepIndex(2)), Causes::ZERO);
    assert_eq!(timeline.causes().sum(), timeline.makespan);
}

#[test]
fn nothing_takes_no_time() {
    check(0, &[], " | ");
    check(1, &[(0, 0, Cause::Compute, 0, &[])], "0..0 | ");
}

#[test]
fn what_would_wait_for_ever_is_refused() {
    let mut schedule = Schedule::new();
    let engine = schedule.resource("engine");
    let task = Task::new(engine, Cycles(1), Cause::Compute, StepIndex(0));
    let refusal = schedule.issue(task.clone().after(TaskId(0))).expect_err("waits for itself");
    assert_eq!(refusal.code, &DEPENDENCY_NOT_EARLIER);
    let refusal = schedule.issue(task.clone().after(TaskId(7))).expect_err("waits for the future");
    assert_eq!(refusal.code, &DEPENDENCY_NOT_EARLIER);
    let refusal = schedule.issue(task.with(ResourceId(3))).expect_err("no such resource");
    assert_eq!(refusal.code, &UNKNOWN_RESOURCE);
    assert!(schedule.tasks().is_empty());
}

#[test]
fn endless_tasks_end_at_the_top_of_the_scale() {
    check(
        2,
        &[
            (0, u64::MAX, Cause::Compute, 0, &[]),
            (1, 3, Cause::WeightFetch, u32::MAX, &[0]),
            (0, u64::MAX, Cause::Stall, 1, &[0]),
        ],
        "0..18446744073709551615 18446744073709551615..18446744073709551615 \
         18446744073709551615..18446744073709551615 | 0:compute=18446744073709551615",
    );
}

/// Durations of which a few together saturate.
fn long() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..50, 1 => Just(u64::MAX / 3)]
}

/// Any schedule over three resources, dependencies given as distances back.
fn schedules(duration: impl Strategy<Value = u64>) -> impl Strategy<Value = Schedule> {
    let release = prop_oneof![4 => Just(0_u64), 1 => 0_u64..500];
    let task = (
        prop::collection::vec(0_usize..3, 1..3),
        duration,
        0..Cause::ALL.len(),
        0_u32..5,
        prop::collection::vec(1_usize..6, 0..3),
        release,
    );
    prop::collection::vec(task, 0..40).prop_map(|tasks| {
        let mut schedule = Schedule::new();
        let resources = [schedule.resource("a"), schedule.resource("b"), schedule.resource("c")];
        let mut issued: Vec<TaskId> = Vec::new();
        for (held, duration, cause, step, back, release) in tasks {
            let task = Task {
                resources: held.into_iter().map(|index| resources[index]).collect(),
                duration: Cycles(duration),
                cause: Cause::ALL[cause],
                step: StepIndex(step),
                dependencies: back
                    .into_iter()
                    .filter_map(|back| issued.len().checked_sub(back).map(|index| issued[index]))
                    .collect(),
                release: Cycles(release),
            };
            issued.push(schedule.issue(task).expect("dependencies point back"));
        }
        schedule
    })
}

proptest! {
    #[test]
    fn causes_add_up_to_the_makespan(schedule in schedules(long())) {
        let timeline = schedule.run();
        prop_assert_eq!(timeline.causes().sum(), timeline.makespan);
        let per_step: Cycles = timeline.steps.values().map(Causes::sum).sum();
        prop_assert_eq!(per_step, timeline.makespan);
    }

    #[test]
    fn no_resource_serves_two_tasks_at_once_and_no_task_starts_early(schedule in schedules(long())) {
        let timeline = schedule.run();
        for (index, task) in schedule.tasks().iter().enumerate() {
            let span = timeline.spans[index];
            prop_assert!(span.start >= task.release);
            for dependency in &task.dependencies {
                prop_assert!(timeline.spans[dependency.index()].end <= span.start);
            }
            for (earlier, other) in schedule.tasks()[..index].iter().enumerate() {
                if other.resources.iter().any(|resource| task.resources.contains(resource)) {
                    prop_assert!(timeline.spans[earlier].end <= span.start);
                }
            }
        }
    }

    /// Instant by instant, the charge goes to the best claim among the tasks that run then.
    #[test]
    fn the_sweep_agrees_with_counting_every_cycle(schedule in schedules(0_u64..50)) {
        let timeline = schedule.run();
        let mut counted: BTreeMap<StepIndex, Causes> = BTreeMap::new();
        for now in (0..timeline.makespan.0).map(Cycles) {
            let runs = |&task: &usize| {
                timeline.spans[task].start <= now && now < timeline.spans[task].end
            };
            let tasks = 0..timeline.spans.len();
            let claim = tasks.clone().filter(runs).min_by_key(|&task| {
                let task = &schedule.tasks()[task];
                (task.cause.rank(), task.step)
            });
            let (step, cause) = match claim {
                Some(task) => (schedule.tasks()[task].step, schedule.tasks()[task].cause),
                None => {
                    let lasting = |&task: &usize| !timeline.spans[task].duration().is_zero();
                    let starts_later = |&task: &usize| timeline.spans[task].start > now;
                    let next = tasks
                        .clone()
                        .filter(lasting)
                        .filter(starts_later)
                        .min_by_key(|&task| (timeline.spans[task].start, task));
                    let last = tasks
                        .clone()
                        .find(|&task| timeline.spans[task].end == timeline.makespan);
                    let task = next.or(last).expect("something ends at the makespan");
                    (schedule.tasks()[task].step, Cause::Stall)
                }
            };
            counted.entry(step).or_insert(Causes::ZERO).charge(cause, Cycles(1));
        }
        prop_assert_eq!(counted, timeline.steps);
    }
}

#[test]
fn ten_thousand_overlapping_tasks_run_at_once() {
    let mut schedule = Schedule::new();
    let resources: Vec<ResourceId> =
        (0..4).map(|index| schedule.resource(format!("resource {index}"))).collect();
    let mut previous = None;
    for index in 0..10_000_u32 {
        let task = Task::new(
            resources[index as usize % 4],
            Cycles(u64::from(index % 17)),
            Cause::ALL[index as usize % 8],
            StepIndex(index / 100),
        )
        .after_all(previous.filter(|_| index % 3 == 0));
        previous = Some(schedule.issue(task).expect("sound"));
    }
    let started = std::time::Instant::now();
    let timeline = schedule.run();
    let elapsed = started.elapsed();
    assert_eq!(timeline.causes().sum(), timeline.makespan);
    // Milliseconds are the aim; the bound only catches quadratic behaviour on a busy machine.
    assert!(elapsed.as_secs_f64() < 1.0, "10,000 tasks took {elapsed:?}");
}
