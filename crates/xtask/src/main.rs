//! Developer tasks, run as `cargo xtask TASK`.

use std::path::Path;
use std::process::ExitCode;

mod bench;
mod goldens;
mod memory;
mod readme;

fn main() -> ExitCode {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done =
        match words.as_slice() {
            ["bench"] => bench::run(&workspace),
            ["bench", "--", command @ ..] => bench::measure(command),
            ["goldens"] => goldens::summary(&workspace),
            ["memory"] => memory::run(&workspace, memory::Mode::Print),
            ["memory", "--write"] => memory::run(&workspace, memory::Mode::Write),
            ["memory", "--check"] => memory::run(&workspace, memory::Mode::Check),
            ["readme"] => readme::run(&workspace, readme::Mode::Rewrite),
            ["readme", "--check"] => readme::run(&workspace, readme::Mode::Check),
            _ => Err("name a task: bench, goldens, memory [--write|--check], readme [--check]"
                .to_owned()),
        };
    report(done)
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]
fn report(done: Result<String, String>) -> ExitCode {
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
