//! Runs the built command line in a folder of its own.

#![allow(dead_code, reason = "every test binary compiles this module and uses a part of it")]

pub mod pipeline;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one run left.
#[derive(Debug)]
pub struct Ran {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; a process that a signal ended has none.
    pub code: Option<i32>,
}

/// A folder with the example models and sketches, the tests' own data, and nothing else.
pub struct Sandbox {
    /// Where it is.
    pub folder: PathBuf,
}

impl Sandbox {
    /// A fresh folder for the test of this name.
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("an old sandbox can be removed");
        }
        let examples = workspace().join("examples");
        copy(&examples.join("models"), &folder.join("models"), "tflite");
        copy(&examples.join("models/data"), &folder.join("models/data"), "npz");
        copy(&examples.join("sketches"), &folder.join("sketches"), "toml");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        copy(&data, &folder.join("data"), "");
        let whole = fs::read(folder.join("models/digits_cnn_int8.tflite")).expect("an example");
        let half = &whole[..whole.len() / 2];
        fs::write(folder.join("data/truncated.tflite"), half).expect("the sandbox is writable");
        Self { folder }
    }

    /// Runs `cofit` with these arguments, in lines of `columns` characters if given.
    pub fn run(&self, arguments: &[&str], columns: Option<usize>) -> Ran {
        let output = self.command(arguments, columns).output().expect("cofit starts");
        Ran {
            stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
            code: output.status.code(),
        }
    }

    /// The command, not yet started: without a terminal, and without variables that change it.
    pub fn command(&self, arguments: &[&str], columns: Option<usize>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cofit"));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        for variable in
            ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "RUST_BACKTRACE", "LC_ALL"]
        {
            command.env_remove(variable);
        }
        if let Some(columns) = columns {
            command.env("COLUMNS", columns.to_string());
        }
        command
    }

    /// Every file with its length.
    pub fn files(&self) -> BTreeMap<PathBuf, u64> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the sandbox is readable") {
                let entry = entry.expect("an entry");
                let metadata = entry.metadata().expect("an entry has metadata");
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    let path = entry.path();
                    let path = path.strip_prefix(&self.folder).expect("it is inside").to_owned();
                    files.insert(path, metadata.len());
                }
            }
        }
        files
    }

    /// The example models, then the example sketches, as paths inside the sandbox.
    pub fn models(&self) -> Vec<String> {
        let is_example = |path: &&PathBuf| {
            (path.starts_with("models") && !path.starts_with("models/data"))
                || path.starts_with("sketches")
        };
        let files = self.files();
        files.keys().filter(is_example).map(|path| path.display().to_string()).collect()
    }
}

/// The root of the repository.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The ids of the catalogue.
pub fn chips() -> Vec<&'static str> {
    cofit_chip::catalogue().map(|entry| entry.id).collect()
}

/// Every model file on every chip, and every sketch on a sixth of them, so that each meets all families.
pub fn pairs<'a>(models: &'a [String], chips: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let mut pairs = Vec::new();
    for (row, chip) in chips.iter().enumerate() {
        for (column, model) in models.iter().enumerate() {
            if !model.starts_with("sketches") || (row + column).is_multiple_of(6) {
                pairs.push((model.as_str(), *chip));
            }
        }
    }
    pairs
}

/// Runs `one` on every item, on all cores, and gathers its findings in the items' order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], one: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, one(item)));
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no check panics")).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Copies the files of one extension, or all files.
fn copy(from: &Path, to: &Path, extension: &str) {
    fs::create_dir_all(to).expect("the target folder is writable");
    for entry in fs::read_dir(from).expect("the folder exists") {
        let path = entry.expect("an entry").path();
        let is_wanted = extension.is_empty() || path.extension().is_some_and(|e| e == extension);
        if path.is_file() && is_wanted {
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, to.join(name)).expect("a file can be copied");
        }
    }
}

/// Ends the test with every finding, or not at all.
pub fn conclude(findings: &[String]) {
    if !findings.is_empty() {
        let _ = writeln!(std::io::stderr(), "{}", findings.join("\n"));
        panic!("{} findings", findings.len());
    }
}
