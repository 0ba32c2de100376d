//! The buffer-packing problems of `../shared/benchmarks/buffers`.

use std::path::PathBuf;

use cofit_pack::{Budget, Decision, Problem, certificate, csv, decide, solve_minimise, verify};
use cofit_shared::shared_dir;

/// The problems of one directory by file name, in order.
fn problems(directory: &str) -> Vec<(String, Problem)> {
    let Some(shared) = shared_dir() else { return Vec::new() };
    let directory = shared.join("benchmarks/buffers").join(directory);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .expect("the directory is readable")
        .map(|entry| entry.expect("the directory is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no problems in {}", directory.display());
    files
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("the file is readable");
            let table = csv::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            (name, table.problem)
        })
        .collect()
}

/// Solves to a proven minimum at the bound of live bytes.
#[track_caller]
fn check_at_bound(name: &str, problem: &Problem) {
    let bound = certificate(problem).expect("nothing is fixed").bound;
    let solution = solve_minimise(problem, Budget::STANDARD).expect("nothing is fixed");
    assert_eq!(verify(problem, &solution), Ok(()), "{name}");
    assert_eq!((solution.height, solution.proven_optimal), (bound, true), "{name}");
}

/// Every real model's tensors fit into the bytes live at once (memory.md, section 1.4).
#[test]
fn edge_models_reach_the_bound() {
    for (name, problem) in problems("edge-models").into_iter().chain(problems("examples")) {
        check_at_bound(&name, &problem);
    }
}

/// minimalloc's challenging suite: the capacity is in the name and is attainable (memory.md,
/// section 1.1).
#[test]
fn challenging_problems_fit_their_capacity() {
    for (name, mut problem) in problems("challenging") {
        let capacity: u64 = name
            .split('.')
            .nth(1)
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| panic!("{name} states a capacity"));
        problem.capacity = Some(capacity);
        match decide(&problem, capacity, Budget::STANDARD) {
            Ok(Decision::Fits(it)) => assert_eq!(verify(&problem, &it), Ok(()), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The minimum of all but D and J is the bound of live bytes (memory.md, section 1.1).
#[test]
fn challenging_problems_reach_the_bound() {
    for (name, problem) in problems("challenging") {
        if !name.starts_with(['D', 'J']) {
            check_at_bound(&name, &problem);
        }
    }
}
