//! Transcripts: commands with what they print and how they exit.
//!
//! A file of `transcripts/` holds
//!
//! | line | meaning |
//! |---|---|
//! | `# …` and empty lines | for the reader |
//! | `$ [COLUMNS=N] cofit …` | a command; `'…'` keeps blanks together |
//! | `$ cat FILE` | shows a file that a command wrote |
//! | `> …` | its standard output |
//! | `! …` | its standard error |
//! | `= N` | its exit code |
//!
//! Carriage returns are shown as `␍`. The commands of one file run one after another in one
//! sandbox; only files named with `-o` or `--apply`, or in the folder of `--output-dir`, may appear there. `UPDATE=1 cargo test -p cofit --test cli`
//! writes what the commands print now; read the difference before it is committed.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ran, Sandbox, conclude};

#[test]
fn transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("transcripts exist")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let findings: Vec<String> = files.iter().filter_map(|path| check(path)).collect();
    assert!(files.len() > 5, "transcripts are missing from {}", folder.display());
    conclude(&findings);
}

/// Runs a transcript again. The difference, or the new text written in its place with `UPDATE`.
fn check(path: &Path) -> Option<String> {
    let expected = fs::read_to_string(path).expect("a transcript is UTF-8");
    let name = path.file_stem().expect("a file has a name").to_string_lossy();
    let actual = replay(&expected, &Sandbox::new(&format!("cli-{name}")));
    if actual == expected {
        return None;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, actual).expect("a transcript is writable");
        return None;
    }
    Some(format!("{name}.txt differs; UPDATE=1 rewrites it\n{}", difference(&expected, &actual)))
}

/// The transcript's commands with what they print now.
fn replay(transcript: &str, sandbox: &Sandbox) -> String {
    let mut text = String::new();
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let _ = writeln!(text, "{line}");
            execute(command, sandbox, &mut text);
        } else if !["> ", "! ", "= "].iter().any(|mark| line.starts_with(mark))
            && !matches!(line, ">" | "!")
        {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Runs one line and adds what it printed.
fn execute(line: &str, sandbox: &Sandbox, text: &mut String) {
    let words = words(line);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut columns = None;
    if let Some(number) = words.first().and_then(|word| word.strip_prefix("COLUMNS=")) {
        columns = Some(number.parse().expect("COLUMNS is a number"));
        words.remove(0);
    }
    match words.as_slice() {
        ["cat", file] => {
            let content = fs::read_to_string(sandbox.folder.join(file)).expect("a written file");
            quote(text, '>', &content);
        }
        ["cofit", arguments @ ..] => {
            let mut before = sandbox.files();
            let Ran { stdout, stderr, code } = sandbox.run(arguments, columns);
            quote(text, '>', &stdout);
            quote(text, '!', &stderr);
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            let _ = writeln!(text, "= {code}");
            let after = sandbox.files();
            let named = |word: &&str| matches!(*word, "-o" | "--output" | "--apply");
            for at in (0..arguments.len()).filter(|&at| named(&arguments[at])) {
                // A file, or a folder of files.
                let written = Path::new(arguments[at + 1]);
                for (file, length) in after.iter().filter(|(file, _)| file.starts_with(written)) {
                    before.entry(file.clone()).or_insert(*length);
                }
            }
            if let Some(at) = arguments.iter().position(|word| *word == "--output-dir") {
                let folder = Path::new(arguments[at + 1]);
                for (file, length) in after.iter().filter(|(file, _)| file.starts_with(folder)) {
                    before.entry(file.clone()).or_insert(*length);
                }
            }
            assert_eq!(before, after, "`{line}` touched a file that it was not asked to write");
        }
        _ => panic!("`{line}` is neither `cofit` nor `cat`"),
    }
}

/// Adds lines with their mark.
fn quote(text: &mut String, mark: char, content: &str) {
    for line in content.split_terminator('\n') {
        let line = format!("{mark} {}", line.replace('\r', "␍"));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if !content.is_empty() && !content.ends_with('\n') {
        let _ = writeln!(text, "{mark} (no end of line)");
    }
}

/// The words of a line; single quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.last_mut().expect("there is always one").push_str(part);
            continue;
        }
        for (at, piece) in part.split(' ').enumerate() {
            if at > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("there is always one").push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The first lines that differ.
fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let command = old[..same].iter().rposition(|line| line.starts_with("$ "));
    let mut text = String::new();
    if let Some(command) = command {
        let _ = writeln!(text, "  after {}", old[command]);
    }
    for (mark, lines) in [("expected", &old), ("printed", &new)] {
        for line in lines.iter().skip(same).take(8) {
            let _ = writeln!(text, "  {mark:<8} {line}");
        }
    }
    text
}
