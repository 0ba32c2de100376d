//! The command line of cofit: the only crate that reads files, prints and exits.
//!
//! Results go to standard output or to `-o`, everything else to standard error. The exit code
//! says whose fault a failure is: [`failure::exit_code`].

mod args;
mod arrays;
mod commands;
mod data;
mod failure;
mod inputs;
mod layer_rows;
mod load;
mod measured;
mod output;
mod progress;
mod scoring;
mod search;
mod size;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;

/// What a command that produced its result found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything holds: exit 0.
    Holds,
    /// A constraint is violated: exit 1.
    Violated,
    /// Two results are not comparable: exit 4.
    NotComparable,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; mistakes are usage errors.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(cli.command) {
        Ok(Outcome::Holds) => ExitCode::SUCCESS,
        Ok(Outcome::Violated) => ExitCode::from(1),
        Ok(Outcome::NotComparable) => ExitCode::from(4),
        Err(failure) => {
            output::complain(&failure.render());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Check(args) => commands::check::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Sim(args) => commands::sim::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Sketch(args) => commands::sketch::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Pack(args) => commands::pack::run(&args),
        Command::Advise(args) => commands::advise::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Choose(args) => commands::choose::run(&args),
        Command::Diff(args) => commands::diff::run(&args),
        Command::Chips(args) => commands::chips::run(&args.command),
        Command::Run(args) => commands::run::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Quantize(args) => commands::quantize::run(&args),
        Command::Sensitivity(args) => commands::sensitivity::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Calibrate(args) => commands::calibrate::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Search(args) => commands::search::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
    }
}
