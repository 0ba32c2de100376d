//! Searches from outside: killed and resumed, with any number of threads, asked and told.

mod common;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use cofit_study::Study;
use common::{Ran, Sandbox};
use serde_json::Value;

/// A question that takes a few seconds.
const QUESTION: [&str; 12] = [
    "search",
    "sketches/ds_cnn.toml",
    "--chips",
    "stm32h747,stm32l4r5",
    "--evaluations",
    "300",
    "--population",
    "32",
    "--seed",
    "5",
    "--format",
    "json",
];

#[track_caller]
fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("the result is JSON")
}

fn entries(sandbox: &Sandbox, study: &str) -> usize {
    let study = Study::open(Path::new(&sandbox.folder.join(study))).expect("a study");
    study.stored().expect("entries").results.len()
}

/// What the file system knows of a study: lengths and times of the database and of its log.
fn written(sandbox: &Sandbox) -> Vec<(u64, SystemTime)> {
    ["killed.sqlite", "killed.sqlite-wal"]
        .iter()
        .filter_map(|file| std::fs::metadata(sandbox.folder.join(file)).ok())
        .map(|file| (file.len(), file.modified().expect("a time of change")))
        .collect()
}

/// Waits for the moment to kill: every third time some milliseconds after the start, which may fall
/// before the first write, and otherwise after more writes from time to time, wherever the search is then. Whoever
/// finishes first is left alone.
fn wait_for_the_moment(sandbox: &Sandbox, child: &mut Child, attempt: u64) {
    if attempt.is_multiple_of(3) {
        std::thread::sleep(Duration::from_millis(attempt * 7));
        return;
    }
    let mut seen = written(sandbox);
    let mut writes = 0;
    while writes <= attempt && child.try_wait().expect("a child").is_none() {
        let now = written(sandbox);
        writes += u64::from(now != seen);
        seen = now;
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn a_killed_search_resumes_to_the_same_front() {
    let sandbox = Sandbox::new("search-killed");
    let whole = sandbox.run(&[&QUESTION[..], &["--study", "whole.sqlite"]].concat(), None);
    assert_eq!(json(&whole)["done"], true);

    let mut kills = 0;
    let mut partial = 0;
    let last = loop {
        let arguments = [&QUESTION[..], &["--study", "killed.sqlite"]].concat();
        let mut command = sandbox.command(&arguments, None);
        let mut child: Child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cofit starts");
        wait_for_the_moment(&sandbox, &mut child, kills);
        if kills == 24 || child.try_wait().expect("a child").is_some() {
            let _ = child.wait();
            break sandbox.run(&arguments, None);
        }
        child.kill().expect("SIGKILL");
        let _ = child.wait();
        kills += 1;
        if let Ok(study) = Study::open(&sandbox.folder.join("killed.sqlite")) {
            let found = study.stored().expect("entries").results.len();
            partial += usize::from(found > 0 && found < 300);
        }
    };
    assert!(kills > 1 && partial > 0, "{kills} kills, {partial} of them between two writes");
    assert_eq!(last.stdout, whole.stdout);
    for study in ["whole.sqlite", "killed.sqlite"] {
        assert_eq!(entries(&sandbox, study), 300, "{study}");
        let shown = sandbox.run(&["search", "show", study, "--format", "json"], None);
        assert_eq!(shown.stdout, whole.stdout);
        let resumed = sandbox.run(&["search", "--resume", study, "--format", "json"], None);
        assert_eq!(resumed.stdout, whole.stdout);
    }
}

#[test]
fn threads_and_the_study_do_not_change_the_result() {
    let sandbox = Sandbox::new("search-threads");
    let one = sandbox.run(&[&QUESTION[..], &["--jobs", "1"]].concat(), None);
    let many = sandbox.run(&[&QUESTION[..], &["--jobs", "7"]].concat(), None);
    assert_eq!(json(&one)["evaluated"]["value"], 300);
    assert_eq!(one.stdout, many.stdout);
}

#[test]
fn a_study_refuses_another_question() {
    let sandbox = Sandbox::new("search-question");
    let question = [&QUESTION[..5], &["20", "--study", "a.sqlite"]].concat();
    json(&sandbox.run(&[&question[..], &["--format", "json"]].concat(), None));
    for other in [&["--seed", "9"][..], &["--max-sram", "10KiB"], &["--vary", "depth=1..3"]] {
        let ran = sandbox.run(&[&question[..], other].concat(), None);
        assert_eq!(ran.code, Some(2), "{other:?}");
        assert!(ran.stderr.contains("CF-SEA-004"), "{}", ran.stderr);
    }
    let path = sandbox.folder.join("models/digits_cnn_int8.tflite");
    let ran = sandbox.run(&["search", "show", &path.display().to_string()], None);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("CF-SEA-003"), "{}", ran.stderr);
}

/// Every point of the front is made again, and its verdict is that of the search.
#[test]
fn points_are_made_again() {
    let sandbox = Sandbox::new("search-make");
    let question = [&QUESTION[..5], &["40", "--study", "a.sqlite", "--format", "json"]].concat();
    let found = json(&sandbox.run(&question, None));
    let front = found["front"].as_array().expect("a front");
    assert!(!front.is_empty());
    for point in front {
        let id = point["id"].to_string();
        let file = format!("point{id}.toml");
        let make = ["search", "make", "a.sqlite", &id, "-o", &file, "--format", "json"];
        let made = json(&sandbox.run(&make, None));
        assert_eq!(made["verdict"], "pass");
        assert_eq!(made.pointer("/totals/latency"), point.pointer("/figures/latency"));
        assert_eq!(made.pointer("/model/macs"), point.pointer("/macs"));
        let chip = made["chip"]["id"].as_str().expect("a chip");
        let checked =
            json(&sandbox.run(&["check", &file, "--chip", chip, "--format", "json"], None));
        assert_eq!(checked.pointer("/totals/latency"), point.pointer("/figures/latency"));
    }
    let id = front[0]["id"].to_string();
    let model = sandbox.run(&["search", "make", "a.sqlite", &id, "-o", "a.tflite"], None);
    assert_eq!(model.code, Some(0), "{}", model.stderr);
    assert_eq!(sandbox.run(&["inspect", "a.tflite"], None).code, Some(0));
    let unknown = sandbox.run(&["search", "make", "a.sqlite", "999", "-o", "b.toml"], None);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("CF-SEA-005"));
}

/// Asking and telling by hand ends where an evaluator of the same function ends.
#[test]
fn told_accuracies_equal_an_evaluators() {
    let sandbox = Sandbox::new("search-told");
    let base = [
        "search",
        "sketches/ds_cnn.toml",
        "--chips",
        "stm32l4r5",
        "--vary",
        "channels=8..64:8",
        "--objectives",
        "sram,accuracy",
        "--evaluations",
        "12",
        "--population",
        "4",
        "--format",
        "json",
    ];
    // The accuracy of every candidate is 0.5: what is asked for is that it arrives.
    let answer = "echo '{\"accuracy\": 0.5}'";
    let evaluated = sandbox.run(&[&base[..], &["--evaluator", answer]].concat(), None);
    assert_eq!(json(&evaluated)["done"], true);

    let waiting = json(&sandbox.run(&[&base[..], &["--study", "a.sqlite"]].concat(), None));
    assert_eq!(waiting["done"], false);
    let mut told = 0;
    loop {
        let asked = sandbox.run(&["search", "ask", "a.sqlite", "--count", "3"], None);
        assert_eq!(asked.code, Some(0), "{}", asked.stderr);
        if asked.stdout.is_empty() {
            break;
        }
        for line in asked.stdout.lines() {
            let candidate: Value = serde_json::from_str(line).expect("a candidate");
            assert!(candidate["figures"]["latency"]["value"].is_f64());
            let id = candidate["id"].to_string();
            let tell = ["search", "tell", "a.sqlite", &id, "--accuracy", "0.5"];
            assert_eq!(sandbox.run(&tell, None).code, Some(0));
            let again = sandbox.run(&tell, None);
            assert!(again.stderr.contains("CF-SEA-005"), "{}", again.stderr);
            told += 1;
        }
    }
    let shown = sandbox.run(&["search", "show", "a.sqlite", "--format", "json"], None);
    assert_eq!(shown.stdout, evaluated.stdout);
    assert_eq!(json(&shown)["evaluated"]["value"], told);
    for (command, message) in [
        ("exit 3", "ended with"),
        ("echo 1", "no accuracy"),
        ("echo '{\"accuracy\": 1e999}'", "no accuracy"),
        ("sleep 5", "longer than"),
    ] {
        let failing = ["--evaluator", command, "--evaluator-timeout", "1"];
        let ran = sandbox.run(&[&base[..], &failing].concat(), None);
        assert!(ran.stderr.contains("CF-SEA-007"), "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}
