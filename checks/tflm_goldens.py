"""What TensorFlow Lite for Microcontrollers computes for the model collection, tensor by tensor.

Runs every .tflite file of the shared model collection and of `examples/models` on three inputs and
writes hashes of all intermediate tensors to `crates/cofit-exec/tests/goldens/tflm_models.csv`,
which proves to the executor's tests that it computes what TFLM's reference kernels compute. Models
that TFLM does not run are listed with its reason in `tflm_refused.csv`, and run under LiteRT's
reference kernels instead: `litert_models.csv`. `checks/tflm_runner.py` states how inputs and hashes
are made.

    pip install -r examples/models/requirements-check.txt
    python checks/tflm_goldens.py [--models DIRECTORY] [--check]

The collection is `models` in the directory that `COFIT_SHARED` names, else in `shared` beside the
repository.

`--check` compares with the files instead of writing them; exit status 0 where they agree.
"""

import argparse
import os
import sys
from pathlib import Path

import tflm_runner
from tflm_runner import GOLDENS, ROOT


def collection(models: Path) -> list:
    """`(name, path)` of every model, in the order of the names."""
    found = [(p.relative_to(models).as_posix(), p) for p in models.rglob("*.tflite")]
    examples = (ROOT / "examples/models").glob("*.tflite")
    found += [(p.relative_to(ROOT).as_posix(), p) for p in examples]
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(os.environ.get("COFIT_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--models", type=Path, default=shared / "models")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args()
    if not options.models.is_dir():
        parser.error(f"no model collection at {options.models}: give --models or COFIT_SHARED")

    import ai_edge_litert.interpreter  # noqa: F401  (so that every child finds it loaded)

    lines, refusals, others = [], [], []
    for name, path in collection(options.models):
        digest = tflm_runner.digest(path.read_bytes())
        try:
            lines += tflm_runner.rows(name, digest, tflm_runner.run(path))
        except tflm_runner.Refused as refusal:
            refusals.append((name, digest, str(refusal)))
            print(f"refused {name}: {refusal}")
            try:
                found = tflm_runner.in_child(tflm_runner.litert_here, path)
                others += tflm_runner.rows(name, digest, found)
            except tflm_runner.Refused as other:
                print(f"LiteRT refuses it too: {other}")
    first = tflm_runner.header("tflite-micro")
    models = tflm_runner.csv_text(first, tflm_runner.COLUMNS, lines)
    refused = tflm_runner.csv_text(first, ("model", "sha256", "reason"), refusals)
    agree = tflm_runner.settle(GOLDENS / "tflm_models.csv", models, options.check)
    agree &= tflm_runner.settle(GOLDENS / "tflm_refused.csv", refused, options.check)
    litert = tflm_runner.csv_text(tflm_runner.header("ai-edge-litert"), tflm_runner.COLUMNS, others)
    agree &= tflm_runner.settle(GOLDENS / "litert_models.csv", litert, options.check)
    models = len({line[0] for line in lines})
    print(f"{models} models, {len(lines)} inferences, {len(refusals)} refused")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
