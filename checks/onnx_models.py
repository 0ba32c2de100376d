"""Small ONNX models of every origin, with what onnxruntime computes for them.

Writes `NAME.onnx` and `NAME.npz` to `crates/cofit-import/tests/onnx/`: models from real exporters
(PyTorch by tracing and by capture, scikit-learn, Keras), from onnxruntime's quantiser, and graphs
built by hand for what exporters write rarely. An archive holds one set of inputs under `in:NAME`
and onnxruntime's results under `out:NAME`. They prove to the importer's tests that a model means
the same after reading it. A model without `out:` is one that onnxruntime refuses.

    pip install -r checks/requirements-onnx.txt      # 5 GB; see there
    python checks/onnx_models.py [--group GROUP]     write the models, or those of one group
    python checks/onnx_models.py --check             run the committed models, compare the results

The models are committed since exporters change; `--check` needs onnxruntime and numpy alone. Exit
status 0 where all results agree.
"""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "crates/cofit-import/tests/onnx"
GROUPS = {
    "hand": "hand_built",
    "keras": "keras_models",
    "quantised": "quantised",
    "sklearn": "sklearn_models",
    "torch": "torch_models",
}
MODEL_BYTES = 60 << 10
ALL_BYTES = 1 << 20

# Float kernels differ between processors in the last bits; a quantised result in one step.
RELATIVE, ABSOLUTE = 1e-4, 1e-5


def run(path: Path, inputs: dict) -> dict:
    """onnxruntime's results by name, without rewriting the graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def strip(model) -> None:
    """Remove what says where and from which source a model was made, and takes most of its room."""
    graphs = [model.graph]
    model.doc_string = ""
    del model.metadata_props[:]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        graphs.append(function)
    while graphs:
        graph = graphs.pop()
        graph.doc_string = ""
        del graph.metadata_props[:]
        values = [*graph.input, *graph.output, *graph.value_info]
        for item in (*values, *graph.node, *getattr(graph, "initializer", ())):
            # Inputs and outputs of a function are plain names.
            if not isinstance(item, str):
                item.doc_string = ""
                del item.metadata_props[:]
        for node in graph.node:
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def write(case) -> int:
    """Write one case; how many bytes its model takes. Raises ValueError where it does not do."""
    path = FOLDER / f"{case.name}.onnx"
    strip(case.model)
    content = case.model.SerializeToString(deterministic=True)
    if len(content) > MODEL_BYTES:
        raise ValueError(f"{len(content)} bytes")
    path.write_bytes(content)
    for name, data in case.files.items():
        (FOLDER / name).write_bytes(data)
    arrays = {f"in:{name}": value for name, value in case.inputs.items()}
    try:
        results = run(path, case.inputs)
    except Exception as error:  # onnxruntime's own, of many kinds
        if case.runs:
            path.unlink()
            raise ValueError(str(error).splitlines()[0]) from error
    else:
        if not case.runs:
            raise ValueError("onnxruntime runs what it should not")
        arrays |= {f"out:{name}": np.asarray(value) for name, value in results.items()}
    np.savez(FOLDER / f"{case.name}.npz", **arrays)
    return len(content)


def check_one(path: Path) -> str:
    """What is wrong with a committed model, or nothing."""
    with np.load(path.with_suffix(".npz")) as stored:
        inputs = {key[3:]: stored[key] for key in stored.files if key.startswith("in:")}
        expected = {key[4:]: stored[key] for key in stored.files if key.startswith("out:")}
    try:
        found = run(path, inputs)
    except Exception as error:  # onnxruntime's own, of many kinds
        return "" if not expected else f"refused: {str(error).splitlines()[0]}"
    if found.keys() != expected.keys():
        return f"results {sorted(found)} instead of {sorted(expected)}"
    for name, value in found.items():
        other = expected[name]
        if value.dtype != other.dtype or value.shape != other.shape:
            return f"{name} is {value.dtype}{value.shape} instead of {other.dtype}{other.shape}"
        if np.issubdtype(value.dtype, np.floating):
            same = np.allclose(value, other, RELATIVE, ABSOLUTE, equal_nan=True)
        else:
            same = np.array_equal(value, other)
        if not same:
            return f"{name} differs"
    return ""


def check() -> int:
    """Run every committed model."""
    paths = sorted(FOLDER.glob("*.onnx"))
    wrong = [(path.name, complaint) for path in paths if (complaint := check_one(path))]
    for name, complaint in wrong:
        print(f"{name}: {complaint}")
    print(f"{len(paths)} models, {len(wrong)} wrong")
    return 1 if wrong or not paths else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", choices=sorted(GROUPS), action="append", help="only this group")
    parser.add_argument("--check", action="store_true", help="run the committed models instead")
    options = parser.parse_args()
    if options.check:
        return check()

    FOLDER.mkdir(parents=True, exist_ok=True)
    refused = 0
    for group in options.group or sorted(GROUPS):
        module = importlib.import_module(f"onnx_cases.{GROUPS[group]}")
        count = size = 0
        for case in module.cases():
            try:
                size += write(case)
                count += 1
            except ValueError as error:
                refused += 1
                print(f"{case.name}: {error}")
        print(f"{group}: {count} models, {size} bytes")
    together = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(list(FOLDER.glob('*.onnx')))} models, {together} bytes with results")
    models = sum(path.stat().st_size for path in FOLDER.glob("*.onnx"))
    if models > ALL_BYTES:
        print(f"{models} bytes of models are too many")
    return 1 if refused or models > ALL_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
