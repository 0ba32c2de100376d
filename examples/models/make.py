#!/usr/bin/env python3
"""Make the example models, or check the committed ones. README.md says what they are.

make.py                 train every network; write the models, their test data and models.csv
make.py --only NETWORK  the same for one network
make.py --calibration   write the calibration data only, train nothing
make.py --check         compare the files with models.csv, run them, and compare the scores
"""

import argparse
import csv
import hashlib
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import catalogue
import datasets
import scoring

FOLDER = Path(__file__).parent
TABLE = FOLDER / "models.csv"
README = FOLDER / "README.md"
README_MARKS = ("<!-- models.csv: begin -->\n", "<!-- models.csv: end -->\n")

# Float kernels may differ between builds of an interpreter in the last bit and so tip a tie; more
# than this many samples is a real difference. Integer kernels may not differ at all.
FLOAT_TOLERANCE_SAMPLES = 1


def in_new_process(function, *arguments):
    """Call `function` in a fresh process, so that no run sees another's state or libraries."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def train(recipe: catalogue.Recipe) -> float:
    """Write the test data and the models of one network; the score under Keras."""
    import training  # here, so that only a process that trains loads TensorFlow

    train_split, test_split = datasets.MAKERS[recipe.data]()
    datasets.save_test(recipe.data, test_split)
    datasets.save_calibration(recipe.data, train_split)
    return training.make(recipe, FOLDER)


def make_calibration() -> None:
    """Write the calibration data of every data set."""
    for name, maker in datasets.MAKERS.items():
        datasets.save_calibration(name, maker()[0])


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(recipe: catalogue.Recipe, element_type: str, keras_score: str) -> dict[str, str]:
    """One row of models.csv, from the files as they are."""
    name = f"{recipe.network}_{element_type}"
    path = FOLDER / f"{name}.tflite"
    data = datasets.data_path(recipe.data)
    test = datasets.load_test(recipe.data)
    facts = scoring.describe(path)
    classifies = recipe.task is catalogue.Task.CLASSIFICATION
    row = {
        "name": name,
        "task": recipe.task.value,
        "element_type": element_type,
        "input": facts["input"],
        "output": facts["output"],
        "parameters": facts["parameters"],
        "macs": facts["macs"],
        "size_bytes": path.stat().st_size,
        "test_data": data.relative_to(FOLDER),
        "test_samples": len(test.labels),
        "metric": "accuracy" if classifies else "roc_auc",
        "keras_float32": keras_score,
        "litert": f"{scoring.score(recipe.task, scoring.run_litert(path, test), test):.4f}",
        "tflm": f"{scoring.score(recipe.task, scoring.run_tflm(path, test), test):.4f}",
        "operators": facts["operators"],
        "sha256": sha256(path),
        "test_data_sha256": sha256(data),
    }
    return {key: str(value) for key, value in row.items()}


def read_table() -> dict[str, dict[str, str]]:
    """models.csv by name; empty where there is none yet."""
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def write_table(rows: dict[str, dict[str, str]]) -> None:
    """Write models.csv in the catalogue's order, and its summary in README.md."""
    order = [f"{r.network}_{t}" for r in catalogue.RECIPES for t in r.element_types]
    ordered = [rows[name] for name in order if name in rows]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ordered[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)
    README.write_text(with_summary(README.read_text(), ordered))


def with_summary(readme: str, rows: list[dict[str, str]]) -> str:
    """README.md's text with the table between its marks made anew."""
    columns = {
        "model": "name",
        "input": "input",
        "parameters": "parameters",
        "MACs": "macs",
        "bytes": "size_bytes",
        "metric": "metric",
        "trained (Keras)": "keras_float32",
        "file in LiteRT": "litert",
        "file in TFLM": "tflm",
    }
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(row[key] for key in columns.values()) + " |" for row in rows]
    before, rest = readme.split(README_MARKS[0])
    _, after = rest.split(README_MARKS[1])
    return before + README_MARKS[0] + "\n".join(lines) + "\n" + README_MARKS[1] + after


def make(recipes: list[catalogue.Recipe]) -> None:
    """Train, convert, measure and record."""
    rows = read_table()
    for recipe in recipes:
        keras_score = f"{in_new_process(train, recipe):.4f}"
        for element_type in recipe.element_types:
            row = in_new_process(measure, recipe, element_type, keras_score)
            rows[row["name"]] = row
            print(f"{row['name']}: Keras {keras_score}, LiteRT {row['litert']}, TFLM {row['tflm']}")
    write_table(rows)


def altered_files(recorded: dict[str, str]) -> list[str]:
    """Which of a row's two files are absent or have another SHA-256 than recorded."""
    files = {
        f"{recorded['name']}.tflite": recorded["sha256"],
        recorded["test_data"]: recorded["test_data_sha256"],
    }
    return [
        path
        for path, expected in files.items()
        if not (FOLDER / path).is_file() or sha256(FOLDER / path) != expected
    ]


def check(recipes: list[catalogue.Recipe]) -> list[str]:
    """What differs between the files and models.csv, one line a difference."""
    rows = read_table()
    findings = []
    for recipe in recipes:
        for element_type in recipe.element_types:
            name = f"{recipe.network}_{element_type}"
            if name not in rows:
                findings.append(f"{name}: not in {TABLE.name}")
                continue
            recorded = rows[name]
            altered = altered_files(recorded)
            if altered:
                # A file that is not the recorded one is not run: it may be broken in any way.
                findings += [f"{name}: {path} is absent or altered" for path in altered]
                continue
            found = in_new_process(measure, recipe, element_type, recorded["keras_float32"])
            allowed = 0.0
            if element_type == "float32":
                allowed = (FLOAT_TOLERANCE_SAMPLES + 0.5) / float(recorded["test_samples"])
            for key, value in found.items():
                if key in ("litert", "tflm"):
                    same = abs(float(value) - float(recorded[key])) <= allowed
                else:
                    same = value == recorded.get(key)
                if not same:
                    findings.append(f"{name}: {key} is {value}, recorded {recorded.get(key)}")
            print(f"{name}: LiteRT {found['litert']}, TFLM {found['tflm']}")
    readme = README.read_text()
    if with_summary(readme, list(rows.values())) != readme:
        findings.append(f"{README.name}: its table is not that of {TABLE.name}")
    return findings


def main() -> int:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(description="Make or check the example models.")
    parser.add_argument("--check", action="store_true", help="check the files, train nothing")
    parser.add_argument("--calibration", action="store_true", help="only write calibration data")
    networks = [recipe.network for recipe in catalogue.RECIPES]
    parser.add_argument("--only", choices=networks, help="one network instead of all")
    arguments = parser.parse_args()
    recipes = [r for r in catalogue.RECIPES if arguments.only in (None, r.network)]
    if arguments.calibration:
        make_calibration()
        return 0
    if not arguments.check:
        make(recipes)
        return 0
    findings = check(recipes)
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
