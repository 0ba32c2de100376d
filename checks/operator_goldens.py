"""What TFLM computes for single operators over a grid of types, shapes and quantisations.

Writes the cases of `checks/operator_cases` as model texts to `crates/cofit-exec/tests/operators/`,
one file a case, and hashes of what TensorFlow Lite for Microcontrollers computes for them to
`crates/cofit-exec/tests/goldens/tflm_operators.csv`. They prove to the executor's tests that each
kernel is exact. Cases that TFLM does not run are dropped: `tflm_operators_refused.csv` lists them
with its reason. Since the order of float additions is not defined, the float results are compared
with a tolerance: `litert_float_operators.csv` holds what LiteRT's reference kernels compute, up to
256 elements a result, as little-endian hexadecimal float32.

    cargo build -p cofit-import --example rewrite
    pip install -r examples/models/requirements-check.txt
    python checks/operator_goldens.py [--rewrite PROGRAM] [--only TEXT] [--check]

`--only` runs the cases whose names contain a text and writes nothing. `--check` compares with the
files instead of writing them; exit status 0 where they agree.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
import tflm_runner
from operator_cases import convolution, elementwise, movement, recurrent, reduction
from tflm_runner import GOLDENS, ROOT

CASES = ROOT / "crates/cofit-exec/tests/operators"
FLOAT_ELEMENTS = 256
CASE_BYTES = 4096


def all_cases() -> list:
    """Every case of the grid, in the order of the names, which are all different."""
    found = [
        case
        for module in (convolution, elementwise, movement, recurrent, reduction)
        for case in module.cases()
    ]
    found.sort(key=lambda case: case.name)
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit(f"cases of one name: {', '.join(sorted(twice))}")
    return found


def litert_floats(path: Path) -> list:
    """`(seed, call, tensor, values)` of the float results of every inference under LiteRT."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = path.read_bytes()
    graph = tflm_runner.Graph(content)
    resolver = OpResolverType.BUILTIN_REF
    try:
        Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    except ValueError:
        # A few operators have one kernel only, which the reference set does not list.
        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    results = []
    for seed in tflm_runner.SEEDS:
        interpreter = Interpreter(
            model_content=content, experimental_op_resolver_type=resolver, num_threads=1
        )
        interpreter.allocate_tensors()
        for call in range(2 if graph.stateful else 1):
            for position, detail in enumerate(interpreter.get_input_details()):
                values = tflm_runner.graph_input(graph, seed, position, detail)
                interpreter.set_tensor(detail["index"], values)
            interpreter.invoke()
            for detail in interpreter.get_output_details():
                if detail["dtype"] == np.float32:
                    values = interpreter.get_tensor(detail["index"]).reshape(-1)
                    data = values[:FLOAT_ELEMENTS].astype("<f4").tobytes().hex()
                    results.append((seed, call, int(detail["index"]), data))
    return results


def settle_texts(kept: dict, check: bool) -> bool:
    """Write the model texts that TFLM runs and remove all others, or compare; whether all is well."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in CASES.glob("*.cofit")}
    if not check:
        CASES.mkdir(parents=True, exist_ok=True)
        for name in found.keys() - kept.keys():
            (CASES / f"{name}.cofit").unlink()
        for name, text in kept.items():
            (CASES / f"{name}.cofit").write_text(text, encoding="utf-8")
        return True
    for name in sorted(found.keys() | kept.keys()):
        if found.get(name) != kept.get(name):
            print(f"{name}.cofit DIFFERS")
    return found == kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rewrite", type=Path, default=ROOT / "target/debug/examples/rewrite")
    parser.add_argument("--only", help="run the cases whose names contain this; write nothing")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--keep", type=Path, help="leave the .tflite files in this directory")
    options = parser.parse_args()

    import ai_edge_litert.interpreter  # noqa: F401  (so that every child finds it loaded)

    kept, kinds, lines, refusals, floats, wrong = {}, set(), [], [], [], []
    with tempfile.TemporaryDirectory() as directory:
        source, directory = Path(directory) / "case.cofit", options.keep or Path(directory)
        for case in all_cases():
            if options.only and options.only not in case.name:
                continue
            text = case.text()
            if len(text) > CASE_BYTES:
                wrong.append((case.name, f"{len(text)} bytes"))
            source.write_text(text, encoding="utf-8")
            target = directory / f"{case.name}.tflite"
            done = subprocess.run(
                [options.rewrite, source, target], capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                wrong.append((case.name, done.stderr.strip()))
                continue
            try:
                lines += tflm_runner.rows(case.name, "", tflm_runner.run(target))
            except tflm_runner.Refused as refusal:
                refusals.append((case.name, str(refusal)))
                print(f"refused {case.name}: {refusal}")
                continue
            kept[case.name] = text
            kinds.add(case.kind)
            results = [case.types[label][0] for label in case.results]
            if "float32" in results:
                try:
                    found = tflm_runner.in_child(litert_floats, target)
                    floats += [(case.name, *values) for values in found]
                except tflm_runner.Refused as refusal:
                    print(f"LiteRT refuses {case.name}: {refusal}")

    for name, complaint in wrong:
        print(f"WRONG {name}: {complaint}")
    print(f"{len(kept)} cases of {len(kinds)} kinds, {len(refusals)} refused, {len(wrong)} wrong")
    if options.only:
        return 1 if wrong else 0
    first = tflm_runner.header("tflite-micro")
    litert = f"# ai-edge-litert {metadata.version('ai-edge-litert')}, BUILTIN_REF\n"
    agree = settle_texts(kept, options.check)
    for name, text in (
        ("tflm_operators", tflm_runner.csv_text(first, tflm_runner.COLUMNS, lines)),
        ("tflm_operators_refused", tflm_runner.csv_text(first, ("model", "reason"), refusals)),
        (
            "litert_float_operators",
            tflm_runner.csv_text(litert, ("model", "seed", "call", "tensor", "values"), floats),
        ),
    ):
        agree &= tflm_runner.settle(GOLDENS / f"{name}.csv", text, options.check)
    return 0 if agree and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
