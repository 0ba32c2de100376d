//! `cargo xtask bench`: what whole runs of the command line take, against their limits.
//!
//! Processor time and resident memory are the kernel's own figures for finished processes
//! (`getrusage`). Time is user and system time together, since a kernel that samples splits them by
//! chance, and the least of many runs. Instructions are callgrind's, where valgrind is installed; it
//! knows no SHA instructions, so hashing counts for more there than on the processor.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Runs of each command; the least time of them is not the machine's other work.
const RUNS: usize = 30;

/// A command with the limits that it is held to.
struct Case {
    name: &'static str,
    arguments: Vec<String>,
    /// Milliseconds of the processor.
    time: f64,
    /// Megabytes.
    resident: f64,
}

/// The table, or what went wrong.
pub fn run(workspace: &Path) -> Result<String, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.join("target"), PathBuf::from);
    let program = target.join("release/cofit");
    if !program.exists() {
        return Err("build it first: cargo build --release -p cofit".to_owned());
    }
    let mut text = format!(
        "{:<34} {:>8} {:>8} {:>8} {:>8}  {:>13}\n",
        "command", "CPU ms", "limit", "RSS MB", "limit", "instructions"
    );
    let mut broken = Vec::new();
    for case in cases(workspace) {
        let (time, resident) = isolated(&program, &case)?;
        let _ = writeln!(
            text,
            "{:<34} {time:>8.1} {:>8.1} {resident:>8.1} {:>8.1}  {:>13}",
            case.name,
            case.time,
            case.resident,
            instructions(&program, &case).unwrap_or_else(|| "no valgrind".to_owned())
        );
        if time > case.time || resident > case.resident {
            broken.push(case.name);
        }
    }
    if broken.is_empty() { Ok(text) } else { Err(format!("{text}beyond: {}", broken.join(", "))) }
}

/// The cases.
fn cases(workspace: &Path) -> Vec<Case> {
    let path = |path: &str| workspace.join(path).display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let example = path("examples/models/digits_cnn_int8.tflite");
    let sketch = path("examples/sketches/mobilenet_v2.toml");
    let shared = cofit_shared::shared_dir()
        .unwrap_or_default()
        .join("models/coral_test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite");
    let mut cases = vec![
        Case {
            name: "check digits, stm32h747",
            arguments: words(&["check", &example, "--chip", "stm32h747"]),
            time: 5.0,
            resident: 40.0,
        },
        Case {
            name: "check digits, ethos-u55-128",
            arguments: words(&["check", &example, "--chip", "ethos-u55-128"]),
            time: 5.0,
            resident: 40.0,
        },
        Case {
            name: "sim MobileNetV2 sketch, U55-128",
            arguments: words(&["sim", &sketch, "--chip", "ethos-u55-128"]),
            time: 20.0,
            resident: 40.0,
        },
        // Order and packing, with their proof.
        Case {
            name: "plan MobileNetV2 sketch, RT1170",
            arguments: words(&["plan", &sketch, "--chip", "imxrt1170"]),
            time: 10.0,
            resident: 40.0,
        },
        // As well as the distribution over memories, with its bound.
        Case {
            name: "plan MobileNetV2, RT1170 planned",
            arguments: words(&["plan", &sketch, "--chip", "imxrt1170", "--runtime", "planned"]),
            time: 200.0,
            resident: 40.0,
        },
        // Every trade of memory for work and time.
        Case {
            name: "plan --pareto MobileNetV2, RT1170",
            arguments: words(&["plan", "--pareto", &sketch, "--chip", "imxrt1170"]),
            time: 1000.0,
            resident: 100.0,
        },
    ];
    let (name, mut model) = if shared.exists() {
        ("sim MobileNetV2 .tflite, U55-128", words(&[&shared.display().to_string()]))
    } else {
        ("sim MobileNetV2 seeded, U55-128", words(&[&sketch, "--seed", "1"]))
    };
    let mut arguments = words(&["sim", "--chip", "ethos-u55-128"]);
    arguments.append(&mut model);
    cases.push(Case { name, arguments, time: 20.0, resident: 40.0 });
    cases
}

/// Milliseconds and megabytes of a case, measured by a process that has no other children: the
/// kernel reports the largest child so far, which may have been a compiler.
fn isolated(program: &Path, case: &Case) -> Result<(f64, f64), String> {
    let this = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let mut command = Command::new(this);
    command.args(["bench", "--"]).arg(program).args(&case.arguments);
    let output = command.output().map_err(|fault| fault.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(time)), Some(Ok(resident))) => Ok((time, resident)),
        _ => Err(format!("{}: {}", case.name, String::from_utf8_lossy(&output.stderr))),
    }
}

/// Runs a command many times: its least milliseconds and its most megabytes.
pub fn measure(command: &[&str]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("name a command")?;
    let usage = || getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|fault| fault.to_string());
    let milliseconds = |usage: &Usage| {
        let time = usage.user_time() + usage.system_time();
        time.num_microseconds() as f64 / 1e3
    };
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let before = milliseconds(&usage()?);
        let mut child = Command::new(program);
        let child = child.args(arguments).stdout(Stdio::null());
        let status = child.status().map_err(|fault| fault.to_string())?;
        // Exit 1 is a verdict.
        if !matches!(status.code(), Some(0 | 1)) {
            return Err(status.to_string());
        }
        least = least.min(milliseconds(&usage()?) - before);
    }
    let resident = usage()?.max_rss() as f64 * 1024.0 / 1e6;
    Ok(format!("{least} {resident}\n"))
}

/// Instructions of one run.
fn instructions(program: &Path, case: &Case) -> Option<String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(&case.arguments)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    Some(line.rsplit(' ').next()?.to_owned())
}
