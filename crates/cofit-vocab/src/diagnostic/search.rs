//! Rules of searches and their studies.

crate::codes! {
    NOTHING_TO_VARY = "CF-SEA-001", Usage,
        "The search has nothing to vary",
        why: "A search varies the parameters of a sketch that have a range or choices, and the targets. With one value of each there is nothing to search.",
        cure: "Give a parameter `minimum` and `maximum` or `choices` in the sketch, or `--vary NAME=LEAST..MOST`, or several chips.";
    BAD_AXIS = "CF-SEA-002", Usage,
        "A parameter cannot be varied like that",
        why: "An axis of a search has at least one and at most 4096 values, all of them within the range that the sketch declares.",
        cure: "Write `--vary NAME=LEAST..MOST`, `--vary NAME=LEAST..MOST:STEP` or `--vary NAME=a,b,c` with values that the sketch allows.";
    BROKEN_STUDY = "CF-SEA-003", Data,
        "The file is no study, or a damaged one",
        why: "A study is an SQLite file that `cofit search --study` made. It holds the question and every evaluation.",
        cure: "Check the path; a study of another version of cofit is started anew under another name.";
    OTHER_QUESTION = "CF-SEA-004", Usage,
        "The study answers another question",
        why: "A study holds the results of one sketch, one set of cards, limits and objectives, one seed and one version of cofit. Results under different ones do not compare.",
        cure: "Continue it with `cofit search --resume STUDY`, restore what the message names, or give `--study` another name.";
    UNKNOWN_POINT = "CF-SEA-005", Usage,
        "The study has no such point",
        why: "Points are numbered from 1 in the order in which the search proposed them.",
        cure: "`cofit search show STUDY` lists the front, `cofit search ask STUDY` what waits for an accuracy.";
    NO_ACCURACY = "CF-SEA-006", Usage,
        "Nobody tells the accuracy",
        why: "Accuracy comes from a function of the user's, or a stated proxy stands in for it. Cofit does not guess it.",
        cure: "Give `--evaluator COMMAND` or `--proxy parameters`, or keep a `--study` and use `cofit search ask` and `tell`.";
    EVALUATOR_FAILED = "CF-SEA-007", Data,
        "The evaluator gave no accuracy",
        why: "The evaluator reads one JSON object from standard input and writes `{\"accuracy\": NUMBER}` to standard output within its time. Whatever was evaluated before is kept in the study.",
        cure: "Run the command by hand on what `cofit search ask` prints, mend it, and resume the study.";
}
