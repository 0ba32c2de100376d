//! What a person at a terminal relies on: lines that fit, numbers that are whole, pipes that close.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use cofit_vocab::Code;
use common::{Sandbox, chips, conclude, in_parallel, pairs};

const COLUMNS: usize = 80;

/// Chips whose fronts are looked at: below the tensor with cycles and without, and of cascades.
const FRONTS: [&str; 3] = ["stm32h747", "max78000", "ethos-u55-128"];

/// The first table of a Markdown result: titles, which columns hold numbers, and rows.
fn table(markdown: &str) -> (Vec<String>, Vec<bool>, Vec<Vec<String>>) {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_start_matches('|').trim_end_matches('|');
        line.split(" | ").map(|cell| cell.trim().replace("\\|", "|")).collect()
    };
    let mut lines = markdown.lines().skip_while(|line| !line.starts_with('|'));
    let titles = cells(lines.next().expect("a table has titles"));
    let rule = lines.next().expect("a table has a rule").trim_matches('|');
    let is_number = rule.split('|').map(|mark| mark.ends_with(':')).collect();
    (titles, is_number, lines.take_while(|line| line.starts_with('|')).map(cells).collect())
}

/// Whether the words of `wanted` stand in `line` in their order, whole.
fn holds(line: &str, wanted: &[&str]) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut from = 0;
    wanted.iter().flat_map(|cell| cell.split_whitespace()).all(|word| {
        let found = words[from..].iter().position(|candidate| *candidate == word);
        found.map(|at| from += at + 1).is_some()
    })
}

/// Compares a command's text in 80 columns with the same table in Markdown.
fn check(sandbox: &Sandbox, arguments: &[&str], findings: &mut Vec<String>) {
    let markdown = sandbox.run(&[arguments, &["--format", "md"]].concat(), None).stdout;
    let (titles, is_number, rows) = table(&markdown);
    let text = sandbox.run(arguments, Some(COLUMNS)).stdout;
    let command = arguments.join(" ");
    // Where there is nothing to list, a sentence says so.
    if rows.is_empty() && text.contains("there is nothing to") {
        return;
    }
    let titles: Vec<&str> = titles.iter().flat_map(|title| title.split_whitespace()).collect();
    let Some(head) =
        text.lines().position(|line| line.split_whitespace().eq(titles.iter().copied()))
    else {
        findings.push(format!("{command}: there is no line of the titles {titles:?}"));
        return;
    };
    for (line, row) in text.lines().skip(head).take(rows.len() + 1).zip(
        // The titles have no numbers to lose.
        std::iter::once(Vec::new()).chain(rows),
    ) {
        if line.chars().count() > COLUMNS {
            findings.push(format!("{command}: {} columns: {line}", line.chars().count()));
        }
        let cells = row.iter().zip(&is_number).filter(|(_, is_number)| **is_number);
        let numbers: Vec<&str> = cells.map(|(cell, _)| cell.as_str()).collect();
        if !holds(line, &numbers) {
            findings.push(format!("{command}: {numbers:?} are not whole in: {line}"));
        }
    }
}

#[test]
fn tables_fit_eighty_columns_and_keep_their_numbers() {
    let sandbox = Sandbox::new("terminal-width");
    let models = sandbox.models();
    let mut findings = Vec::new();
    for model in &models {
        check(&sandbox, &["inspect", model], &mut findings);
    }
    // A table's form depends on its rows, not on which chip meets which model: a quarter shows all.
    let chips = chips();
    let pairs: Vec<_> = pairs(&models, &chips).into_iter().step_by(4).collect();
    let of_pairs = in_parallel(&pairs, |(model, chip)| {
        let mut findings = Vec::new();
        for command in ["check", "sim", "plan"] {
            check(&sandbox, &[command, model, "--chip", chip], &mut findings);
        }
        if FRONTS.contains(chip) {
            let front = ["plan", model, "--chip", chip, "--pareto", "--no-recompute"];
            check(&sandbox, &front, &mut findings);
        }
        findings
    });
    findings.extend(of_pairs.into_iter().flatten());
    check(&sandbox, &["chips", "list"], &mut findings);
    let float = "models/digits_cnn_float32.tflite";
    let data = ["--data", "models/data/digits_calibration.npz", "--samples", "5"];
    let command = ["eval", "models/digits_cnn_int8.tflite", "--against", float];
    check(&sandbox, &[command.as_slice(), &data].concat(), &mut findings);
    let command = ["sensitivity", float, "--scheme", "w4a8"];
    check(&sandbox, &[command.as_slice(), &data].concat(), &mut findings);
    conclude(&findings);
}

/// `cofit … | head -1` is no failure and no noise.
#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let sandbox = Sandbox::new("terminal-pipe");
    let long = ["inspect", "models/digits_cnn_float32.tflite", "--dump"];
    assert!(sandbox.run(&long, None).stdout.len() > 1 << 17, "longer than any pipe's buffer");
    let mut command = sandbox.command(&long, None);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("cofit starts");
    let mut first = String::new();
    let mut reader = BufReader::with_capacity(64, child.stdout.take().expect("a pipe"));
    reader.read_line(&mut first).expect("a first line");
    assert!(first.starts_with("model "), "{first}");
    drop(reader);
    let mut noise = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut noise).expect("UTF-8");
    let status = child.wait().expect("cofit ends");
    assert_eq!((status.code(), noise.as_str()), (Some(0), ""));
}

#[test]
fn every_code_is_explained() {
    let sandbox = Sandbox::new("terminal-explain");
    let list = sandbox.run(&["explain"], None).stdout;
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes, Code::all().map(|code| code.id).collect::<Vec<_>>());
    for code in codes {
        let ran = sandbox.run(&["explain", code], None);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{code}");
        assert!(ran.stdout.starts_with(code), "{}", ran.stdout);
        for part in ["why  ", "do   ", "exit "] {
            let line = ran.stdout.lines().find_map(|line| line.strip_prefix(part));
            assert!(line.is_some_and(|rest| !rest.trim().is_empty()), "{part}: {}", ran.stdout);
        }
    }
}

/// Help is a result: it goes to standard output, with every command in it.
#[test]
fn help_and_version_are_results() {
    let sandbox = Sandbox::new("terminal-help");
    for arguments in [&["--help"][..], &["check", "--help"], &["chips", "list", "-h"], &["-V"]] {
        let ran = sandbox.run(arguments, None);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(!ran.stdout.is_empty(), "{arguments:?}");
    }
}

/// `-o` writes what standard output would have got, and nothing else to it.
#[test]
fn a_file_gets_what_the_terminal_would() {
    let sandbox = Sandbox::new("terminal-output");
    let formats =
        ["text", "json", "csv", "md", "html", "trace", "folded", "model-explorer"].into_iter();
    for (at, format) in formats.enumerate() {
        let file = format!("result{at}");
        let arguments = ["sim", "data/tiny.cofit", "--chip", "k210", "--format", format];
        let shown = sandbox.run(&arguments, None).stdout;
        let ran = sandbox.run(&[&arguments[..], &["-o", &file]].concat(), None);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
        let written = std::fs::read_to_string(sandbox.folder.join(&file)).expect("a result");
        assert_eq!(written, shown);
        let again = sandbox.run(&[&arguments[..], &["-o", &file]].concat(), None);
        assert_eq!(again.code, Some(2));
    }
}

/// What a terminal shows beside tables: only where it is asked for, within the line, and the same text
/// without its bars and colours.
#[test]
fn bars_and_colours_stand_beside_the_same_text() {
    let sandbox = Sandbox::new("terminal-bars");
    let model = "models/digits_cnn_int8.tflite";
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = sandbox.command(arguments, Some(100));
        command.env("TERM", "xterm").envs(variables.iter().copied());
        let output = command.output().expect("cofit starts");
        String::from_utf8(output.stdout).expect("output is UTF-8")
    };
    let has_blocks = |text: &str| text.contains(|c| "█▏▎▍▌▋▊▉".contains(c));
    for arguments in [
        &["sim", model, "--chip", "k210"][..],
        &["check", model, "--chip", "stm32h747"],
        &["check", model, "--chip", "stm32h747", "--max-latency", "1us"],
        &["compare", model, "--chips", "k210,gap9,stm32h747"],
    ] {
        let piped = run(arguments, &[]);
        assert!(!piped.contains(['\u{1b}', '#']) && !has_blocks(&piped), "{piped}");
        let forced = [("CLICOLOR_FORCE", "1"), ("LC_ALL", "C.UTF-8")];
        let shown = run(arguments, &forced);
        assert!(shown.contains("\u{1b}[") && has_blocks(&shown), "{arguments:?}\n{shown}");
        let is_violated = arguments.contains(&"--max-latency");
        assert_eq!(shown.contains("\u{1b}[31m"), is_violated, "{arguments:?}\n{shown}");
        let bare = run(arguments, &[&forced[..], &[("NO_COLOR", "1")]].concat());
        assert!(!bare.contains('\u{1b}') && has_blocks(&bare), "{bare}");
        assert!(bare.lines().all(|line| line.chars().count() <= 100), "{bare}");
        for (line, plain) in bare.lines().zip(piped.lines()) {
            let line = line.trim_end_matches(|c: char| "█▏▎▍▌▋▊▉".contains(c)).trim_end();
            assert_eq!(line, plain);
        }
        let ascii = run(arguments, &[("CLICOLOR_FORCE", "1"), ("LC_ALL", "C")]);
        assert!(ascii.contains('#') && !has_blocks(&ascii), "{ascii}");
        let dumb = run(arguments, &[("TERM", "dumb"), ("LC_ALL", "C.UTF-8")]);
        assert_eq!(dumb, piped);
    }
}
