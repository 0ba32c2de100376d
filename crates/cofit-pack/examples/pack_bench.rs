//! Packs every CSV file of the directories or files given and prints one line each: buffers,
//! bound, height, whether proven, nodes and milliseconds.
//!
//! * `--nodes N` sets the budget.
//! * `--capacity N` decides instead of minimising.
//! * `--repeat N` runs each problem so often and prints the least time.
//! * `--published` adds the time that minimalloc's authors publish for their suite.
//! * `--generated` adds a problem of the size and kind of a large network's training step.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use cofit_pack::{Budget, Decision, Problem, csv, decide, solve_minimise, verify};

/// Problems with the milliseconds that minimalloc takes to decide them; the file names the source.
const PUBLISHED: &str = include_str!("minimalloc.csv");

/// What minimalloc takes for the problem of a file.
fn published(file: &str) -> Option<f64> {
    let name = file.split('.').next()?;
    let mut rows = PUBLISHED.lines().filter_map(|line| line.split_once(','));
    rows.find(|(problem, _)| *problem == name)?.1.parse().ok()
}

struct Options {
    budget: Budget,
    capacity: Option<u64>,
    repeat: u32,
    published: bool,
    problems: Vec<(String, Problem)>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        budget: Budget::STANDARD,
        capacity: None,
        repeat: 1,
        published: false,
        problems: Vec::new(),
    };
    let mut files: Vec<PathBuf> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().ok_or("the option needs a number");
        match argument.as_str() {
            "--nodes" => options.budget.nodes = number()?.parse()?,
            "--capacity" => options.capacity = Some(number()?.parse()?),
            "--repeat" => options.repeat = number()?.parse()?,
            "--published" => options.published = true,
            "--generated" => {
                let problem = cofit_pack::training::problem(18_692, 1);
                options.problems.push(("training 18692".to_owned(), problem));
            }
            path => {
                let path = PathBuf::from(path);
                if path.is_dir() {
                    for entry in std::fs::read_dir(&path)? {
                        files.push(entry?.path());
                    }
                } else {
                    files.push(path);
                }
            }
        }
    }
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "csv")) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        options.problems.push((name, csv::read(&std::fs::read_to_string(file)?)?.problem));
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let columns = if options.published { "\tminimalloc ms\ttimes faster" } else { "" };
    println!("problem\tbuffers\tbound\theight\tproven\tnodes\tms{columns}");
    let mut total = 0.0;
    for (name, problem) in &options.problems {
        let mut ms = f64::INFINITY;
        let mut decision = None;
        for _ in 0..options.repeat.max(1) {
            let start = Instant::now();
            decision = Some(match options.capacity {
                Some(capacity) => decide(problem, capacity, options.budget)?,
                None => Decision::Fits(solve_minimise(problem, options.budget)?),
            });
            ms = ms.min(start.elapsed().as_secs_f64() * 1e3);
        }
        total += ms;
        let (bound, height, proven, nodes) = match decision {
            Some(Decision::Fits(it)) => {
                verify(problem, &it)?;
                (it.lower_bound.to_string(), it.height.to_string(), it.proven_optimal, it.nodes)
            }
            Some(Decision::ExceedsBound(it)) => (it.bound.to_string(), "none".into(), true, 0),
            Some(Decision::Exhausted { nodes, .. }) => (String::new(), "none".into(), true, nodes),
            Some(Decision::Unknown { nodes }) => (String::new(), "unknown".into(), false, nodes),
            None => continue,
        };
        let theirs = match published(name).filter(|_| options.published) {
            Some(theirs) => format!("\t{theirs}\t{:.0}", theirs / ms),
            None => String::new(),
        };
        let count = problem.buffers.len();
        println!("{name}\t{count}\t{bound}\t{height}\t{proven}\t{nodes}\t{ms:.2}{theirs}");
    }
    println!("total\t\t\t\t\t\t{total:.2}");
    Ok(())
}
