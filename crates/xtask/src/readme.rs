//! `cargo xtask readme`: runs the commands of the README and of the pages of examples, and writes their
//! output below them.
//!
//! A fenced block marked `console` is a transcript: lines that begin with `$ ` are commands, what
//! follows is their output. A file that a command writes with `-o` serves the commands after it and
//! is removed in the end; one that was there before is a failure, as it is for the reader. With `--check` nothing is written, and a transcript that differs from
//! what the commands print is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What to do with transcripts that are not current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Write the new output.
    Rewrite,
    /// Fail.
    Check,
}

/// The pages with transcripts, from the workspace's folder: the README and that of every example.
fn pages(root: &Path) -> Result<Vec<String>, String> {
    let mut pages = vec!["README.md".to_owned()];
    let folders = std::fs::read_dir(root.join("examples")).map_err(|error| error.to_string())?;
    for folder in folders {
        let name = folder.map_err(|error| error.to_string())?.file_name();
        let page = format!("examples/{}/README.md", name.to_string_lossy());
        if root.join(&page).is_file() {
            pages.push(page);
        }
    }
    pages.sort();
    Ok(pages)
}

/// Runs the task in the workspace `root`.
///
/// # Errors
/// A command that cannot be run, or a stale transcript in [`Mode::Check`].
pub fn run(root: &Path, mode: Mode) -> Result<String, String> {
    pages(root)?.iter().map(|page| run_page(root, page, mode)).collect()
}

fn run_page(root: &Path, page: &str, mode: Mode) -> Result<String, String> {
    let path = root.join(page);
    let old = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let mut written: Vec<PathBuf> = Vec::new();
    let new = refreshed(&old, &mut |command| {
        let files: Vec<PathBuf> = written_by(command).map(|file| root.join(file)).collect();
        if let Some(there) = files.iter().find(|file| file.exists()) {
            return Err(format!("`{command}` would write {}, which is there", there.display()));
        }
        written.extend(files);
        output_of(root, command)
    });
    for file in written.iter().filter(|file| file.exists()) {
        std::fs::remove_file(file).map_err(|error| error.to_string())?;
    }
    let new = new?;
    match mode {
        Mode::Rewrite if old != new => {
            std::fs::write(&path, &new).map_err(|error| error.to_string())?;
            Ok(format!("{page} rewritten\n"))
        }
        Mode::Check if old != new => {
            let differs = old.lines().zip(new.lines()).find(|(old, new)| old != new);
            Err(format!(
                "the transcripts of {page} are stale; run `cargo xtask readme`\n{}",
                differs.map_or_else(String::new, |(old, new)| format!("- {old}\n+ {new}\n"))
            ))
        }
        Mode::Rewrite | Mode::Check => Ok(format!("{page} is current\n")),
    }
}

/// The text with the output of every command in place of what stood there.
fn refreshed(
    text: &str,
    run: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let mut new = String::new();
    let mut is_transcript = false;
    for line in text.lines() {
        if is_transcript && !line.starts_with("```") {
            if let Some(command) = line.strip_prefix("$ ") {
                new.push_str(line);
                new.push('\n');
                new.push_str(&run(command)?);
            }
            continue;
        }
        is_transcript = line == "```console";
        new.push_str(line);
        new.push('\n');
    }
    Ok(new)
}

/// The files that a command writes.
fn written_by(command: &str) -> impl Iterator<Item = &str> {
    let words = command.split(' ');
    words.clone().zip(words.skip(1)).filter(|(word, _)| *word == "-o").map(|(_, file)| file)
}

/// What a command prints, at 80 columns. `cofit` is the release build's.
fn output_of(root: &Path, command: &str) -> Result<String, String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let built = root.join("target/release");
    let output = Command::new("bash")
        .args(["-c", command])
        .current_dir(root)
        .env("COLUMNS", "80")
        .env("PATH", format!("{}:{path}", built.display()))
        .output()
        .map_err(|error| format!("{command}: {error}"))?;
    // Exit 1 is a verdict; anything above is a mistake in the README.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("`{command}` failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_are_found() {
        let files: Vec<&str> = written_by("cofit quantize a -o b.tflite --data c | head").collect();
        assert_eq!(files, ["b.tflite"]);
        assert_eq!(written_by("cofit sim a").count(), 0);
    }

    #[test]
    fn outputs_are_replaced_and_everything_else_stays() {
        let text = "a\n```console\n$ x\nold\n```\nb\n```sh\n$ y\n```\n";
        let new = refreshed(text, &mut |command| Ok(format!("ran {command}\n")));
        assert_eq!(new.as_deref(), Ok("a\n```console\n$ x\nran x\n```\nb\n```sh\n$ y\n```\n"));
    }
}
