//! Packs every CSV file of the directories or files given and prints one line each: buffers,
//! bound, height, whether proven, nodes and milliseconds. `--nodes N` sets the budget,
//! `--capacity N` decides instead of minimising.

#![allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use cofit_pack::{Budget, Decision, csv, decide, solve_minimise, verify};

fn main() -> Result<(), Box<dyn Error>> {
    let mut budget = Budget::STANDARD;
    let mut capacity: Option<u64> = None;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--nodes" => {
                budget.nodes = arguments.next().ok_or("--nodes needs a number")?.parse()?
            }
            "--capacity" => {
                capacity = Some(arguments.next().ok_or("--capacity needs a number")?.parse()?);
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
    println!("instance\tbuffers\tbound\theight\tproven\tnodes\tms");
    let mut total = 0.0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|it| it == "csv")) {
        let table = csv::read(&std::fs::read_to_string(file)?)?;
        let start = Instant::now();
        let decision = match capacity {
            Some(capacity) => decide(&table.problem, capacity, budget)?,
            None => Decision::Fits(solve_minimise(&table.problem, budget)?),
        };
        let ms = start.elapsed().as_secs_f64() * 1e3;
        total += ms;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let count = table.ids.len();
        match decision {
            Decision::Fits(it) => {
                verify(&table.problem, &it)?;
                println!(
                    "{name}\t{count}\t{}\t{}\t{}\t{}\t{ms:.3}",
                    it.lower_bound, it.height, it.proven_optimal, it.nodes
                );
            }
            Decision::ExceedsBound(it) => {
                println!("{name}\t{count}\t{}\tnone\ttrue\t0\t{ms:.3}", it.bound);
            }
            Decision::Exhausted { nodes } => {
                println!("{name}\t{count}\t\tnone\ttrue\t{nodes}\t{ms:.3}");
            }
            Decision::Unknown { nodes } => {
                println!("{name}\t{count}\t\tunknown\tfalse\t{nodes}\t{ms:.3}");
            }
        }
    }
    println!("total\t\t\t\t\t\t{total:.3}");
    Ok(())
}
