//! Searches of spaces whose true front is known.

use cofit_vocab::{Figure, FigureKind, Unit};

use super::*;

/// A space of `axes` ordered axes with `length` values each and one of three words.
fn space(axes: usize, length: usize) -> Space {
    let mut all: Vec<Axis> = (0..axes)
        .map(|at| {
            let most = (length - 1) as f64;
            Axis::numbers(&format!("n{at}"), 0.0, most, None, 0.0).expect("an axis")
        })
        .collect();
    all.push(Axis::choices("word", ["a", "b", "c"].map(str::to_owned).to_vec(), "b"));
    Space { axes: all }
}

/// Two objectives in conflict, a word that decides much, and a limit: what lies below the diagonal is
/// refused.
fn outcome(point: &Point) -> Outcome {
    let (word, numbers) = point.0.split_last().expect("a word");
    let sum: u32 = numbers.iter().sum();
    let rough: u32 = numbers.iter().map(|at| at * at % 7).sum();
    let penalty = [40, 0, 15][*word as usize];
    let figures = Figures {
        latency: Figure::point(f64::from(sum + penalty), Unit::Seconds, FigureKind::Simulated)
            .into(),
        energy: cofit_vocab::Quantity::Unavailable("nobody measured it".to_owned()),
        sram: u64::from(1000 - 3 * sum + 5 * rough + penalty / 3),
        flash: 1,
        traffic: 1,
        macs: 1,
        parameters: 1,
        accuracy: None,
    };
    if sum < 4 {
        let violation = f64::from(4 - sum);
        return Outcome::Refused { figures, violation, reason: "too small".to_owned() };
    }
    Outcome::Feasible(figures)
}

fn settings(evaluations: usize, seed: u64) -> Settings {
    let objectives = vec![Objective::Latency, Objective::Sram];
    Settings { objectives, evaluations, population: 32, seed }
}

fn run(space: Space, settings: Settings) -> Search {
    let mut search = Search::new(space, settings);
    loop {
        let next = search.propose();
        if next.is_empty() {
            return search;
        }
        let outcomes = next.into_iter().map(|(id, point)| {
            let outcome = outcome(&point);
            (id, point, outcome)
        });
        let outcomes = outcomes.collect();
        search.accept(outcomes);
    }
}

fn values(search: &Search) -> Vec<Vec<f64>> {
    let objectives = &search.settings().objectives;
    let mut values: Vec<Vec<f64>> = search
        .front()
        .iter()
        .map(|one| match one.outcome.score(objectives) {
            Score::Feasible(values) => values,
            Score::Infeasible(_) => panic!("the front holds what is refused"),
        })
        .collect();
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    values
}

/// The front by comparing every point with every other.
fn true_front(space: &Space) -> Vec<Vec<f64>> {
    let objectives = [Objective::Latency, Objective::Sram];
    let all: Vec<Vec<f64>> = enumerate::points(space, 0, usize::MAX)
        .iter()
        .filter_map(|point| match outcome(point).score(&objectives) {
            Score::Feasible(values) => Some(values),
            Score::Infeasible(_) => None,
        })
        .collect();
    let is_beaten = |one: &Vec<f64>| all.iter().any(|other| dominates(other, one));
    let mut front: Vec<Vec<f64>> = all.iter().filter(|one| !is_beaten(one)).cloned().collect();
    front.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    front.dedup();
    front
}

#[test]
fn a_small_space_is_searched_whole() {
    let space = space(3, 6);
    let search = run(space.clone(), settings(10_000, 1));
    assert!(search.is_exhaustive());
    assert_eq!(search.evaluated().len(), 6 * 6 * 6 * 3);
    assert_eq!(values(&search), true_front(&space));
}

#[test]
fn a_search_of_part_of_the_space_finds_the_true_front() {
    // 12,288 points, of which a quarter is evaluated.
    let space = space(4, 8);
    let truth = true_front(&space);
    let search = run(space, settings(3_000, 3));
    assert!(!search.is_exhaustive());
    assert_eq!(search.evaluated().len(), 3_000);
    let found = values(&search);
    let hit = truth.iter().filter(|one| found.contains(one)).count();
    assert!(hit * 10 >= truth.len() * 9, "{hit} of {} points of the front", truth.len());
}

#[test]
fn the_same_seed_gives_the_same_search() {
    let one = run(space(4, 20), settings(400, 7));
    let again = run(space(4, 20), settings(400, 7));
    assert_eq!(one.evaluated(), again.evaluated());
    let other = run(space(4, 20), settings(400, 8));
    assert_ne!(one.evaluated(), other.evaluated());
}

#[test]
fn no_point_is_proposed_twice_even_where_few_are_left() {
    let space = space(2, 5);
    let count = 5 * 5 * 3;
    let search = run(space, settings(count - 1, 2));
    let distinct: HashSet<&Point> = search.evaluated().iter().map(|one| &one.point).collect();
    assert_eq!((distinct.len(), search.evaluated().len()), (count - 1, count - 1));
    assert_eq!(search.evaluated()[0].point, search.space().own());
}

#[test]
fn a_space_in_which_nothing_is_feasible_has_no_front() {
    let space = Space { axes: vec![Axis::choices("word", vec!["a".to_owned()], "a")] };
    let search = run(space, settings(5, 0));
    assert_eq!(search.evaluated().len(), 1);
    assert!(search.front().is_empty());
    assert_eq!(search.dominated_share(), None);
}

#[test]
fn an_unknown_objective_keeps_a_point_off_the_front() {
    let mut settings = settings(50, 0);
    settings.objectives = vec![Objective::Energy];
    assert!(run(space(2, 5), settings).front().is_empty());
}
