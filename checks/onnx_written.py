"""Runs the ONNX files that cofit writes in ONNX Runtime and compares them with the models that they are of.

Every model is written as ONNX, looked over by `onnx.checker`, and run by ONNX Runtime on random inputs;
`cofit run` runs the model itself, and what cofit reads back from the file. Floats must agree to 1e-4 of the
greatest magnitude. Integers may differ by steps, which add up from layer to layer because ONNX Runtime computes
in floats and rounds ties to even; `--steps` says how many are let pass.

    pip install -r checks/requirements.txt
    python checks/onnx_written.py --cofit target/debug/cofit examples/sketches/*.toml
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime


def run(cofit, model, inputs, folder, seed):
    """The outputs of a model by `cofit run`, in its order."""
    arguments = [cofit, "run", str(model), "--output-dir", str(folder), *seed, "--format", "json"]
    for path in inputs:
        arguments += ["--input", str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.splitlines()[0])
    files = sorted(folder.glob("*.npy"))
    found = []
    for output in json.loads(done.stdout)["model"]["outputs"]:
        ending = "_" + re.sub(r"[^A-Za-z0-9.-]", "_", output["name"])
        named = [file for file in files if re.sub(r"[^A-Za-z0-9.-]", "_", file.stem).endswith(ending)]
        found.append(numpy.load(named[0] if named else files[len(found)]))
    return found


def alike(ours, theirs, steps):
    """Nothing, or how two arrays differ; maps may have their channels in front."""
    orders = [theirs, theirs.transpose(0, 2, 3, 1)] if theirs.ndim == 4 else [theirs]
    orders = [one for one in orders if one.shape == ours.shape and one.dtype == ours.dtype]
    if not orders:
        return f"{ours.dtype}{ours.shape} and {theirs.dtype}{theirs.shape}"
    if ours.dtype.kind == "f":
        reach = max(1e-6, float(numpy.abs(theirs).max()))
        error = min(float(numpy.abs(ours - one).max()) for one in orders) / reach
        return "" if error <= 1e-4 else f"differs by {error:.2e} of the greatest magnitude"
    gap = min(int(numpy.abs(ours.astype(int) - one.astype(int)).max()) for one in orders)
    return "" if gap <= steps else f"differs by {gap} steps"


def check(cofit, model, folder, steps, parameters):
    """Complaints about the ONNX file of one model."""
    seed = ["--seed", "1", *parameters] if model.suffix == ".toml" else []
    path = folder / "model.onnx"
    written = subprocess.run(
        [cofit, "convert", str(model), *seed, "-o", str(path)], capture_output=True, text=True
    )
    if written.returncode != 0:
        return [written.stderr.splitlines()[0]]
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    generator = numpy.random.default_rng(7)
    fed, ours, files = {}, [], []
    for index, one in enumerate(session.get_inputs()):
        if one.type == "tensor(float)":
            array = generator.random(one.shape, dtype=numpy.float32)
        else:
            kind = numpy.dtype(one.type.removeprefix("tensor(").removesuffix(")"))
            bounds = numpy.iinfo(kind)
            array = generator.integers(bounds.min, bounds.max, one.shape, dtype=kind, endpoint=True)
        fed[one.name] = array
        own = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        for name, value in ((f"own{index}", own), (f"file{index}", array)):
            numpy.save(folder / f"{name}.npy", numpy.ascontiguousarray(value))
        ours.append(folder / f"own{index}.npy")
        files.append(folder / f"file{index}.npy")
    theirs = session.run(None, fed)
    found = []
    cases = ((model, ours, seed, "the model"), (path, files, [], "the file read back"))
    for subject, inputs, extra, what in cases:
        out = folder / f"out_{subject.suffix[1:]}"
        out.mkdir()
        try:
            results = run(cofit, subject, inputs, out, extra)
        except RuntimeError as error:
            found.append(f"{what}: {error}")
            continue
        if len(results) != len(theirs):
            found.append(f"{what}: {len(results)} results of {len(theirs)}")
        for index, (one, two) in enumerate(zip(results, theirs)):
            difference = alike(one, two, steps)
            if difference:
                found.append(f"{what}, result {index}: {difference}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cofit", default="target/debug/cofit")
    parser.add_argument("--steps", type=int, default=3, help="steps that integers may differ by")
    parser.add_argument("--param", action="append", default=[], help="a parameter of the sketches")
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    parameters = [word for one in arguments.param for word in ("--param", one)]
    bad = 0
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = check(arguments.cofit, model, pathlib.Path(folder), arguments.steps, parameters)
            except Exception as error:  # Whatever a checker or runtime refuses is a finding.
                found = [f"{type(error).__name__}: {str(error).splitlines()[0]}"]
        print(f"{'FAIL' if found else 'ok  '} {model}")
        for line in found:
            print(f"     {line}")
        bad += bool(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
