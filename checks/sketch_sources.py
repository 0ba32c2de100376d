"""Runs the sources that cofit writes and compares them with the models that they are of.

For every sketch and model given, `cofit convert` writes a PyTorch module and a Keras model (on the torch
backend, so that TensorFlow is not needed). Both are built and run on zeros; the number of trained
parameters and the shapes of the results must be the model's.

    pip install -r checks/requirements-sources.txt
    python checks/sketch_sources.py --cofit target/debug/cofit examples/sketches/*.toml
"""

import argparse
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy
import torch


def load(path):
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_torch(path):
    """Parameters and shapes of the results of a PyTorch module."""
    module = load(path)
    model = module.build().eval()
    with torch.no_grad():
        results = model(*[torch.zeros(shape) for shape in module.INPUT_SHAPES])
    results = results if isinstance(results, tuple) else (results,)
    numbers = sum(one.numel() for one in model.parameters() if one.requires_grad)
    statistics = sum(one.numel() for name, one in model.named_buffers() if "running" in name)
    return numbers + statistics, [tuple(result.shape) for result in results]


def run_keras(path):
    """Parameters and shapes of the results of a Keras model."""
    keras.utils.clear_session()
    model = load(path).build()
    results = model([numpy.zeros(one.shape, "float32") for one in model.inputs])
    results = results if isinstance(results, (list, tuple)) else (results,)
    numbers = sum(int(numpy.prod(one.shape)) for one in model.weights if "seed" not in one.name)
    return numbers, [tuple(result.shape) for result in results]


def alike(found, wanted):
    """Whether a shape is the model's, or the same with channels before height and width."""
    moved = (wanted[0], wanted[3], wanted[1], wanted[2]) if len(wanted) == 4 else wanted
    return found in (wanted, moved)


def check(cofit, model, folder):
    """Complaints about the sources of one model."""
    described = subprocess.run(
        [cofit, "inspect", model, "--format", "json"], capture_output=True, text=True, check=True
    )
    described = json.loads(described.stdout)["model"]
    wanted = [tuple(output["shape"]) for output in described["outputs"]]
    found = []
    for framework, run in (("torch", run_torch), ("keras", run_keras)):
        path = folder / f"{pathlib.Path(model).stem}_{framework}.py".replace("-", "_")
        path.unlink(missing_ok=True)
        written = subprocess.run(
            [cofit, "convert", model, "--framework", framework, "-o", str(path)],
            capture_output=True,
            text=True,
        )
        if written.returncode != 0:
            found.append(f"{framework}: {written.stderr.splitlines()[0]}")
            continue
        stated = int(re.search(r"(\d+) parameters", path.read_text()).group(1))
        try:
            parameters, shapes = run(path)
        except Exception as error:  # Whatever the source makes of itself is a finding.
            found.append(f"{framework}: {type(error).__name__}: {error}")
            continue
        if parameters != stated:
            found.append(f"{framework}: {parameters} parameters where {stated} are stated")
        # The model's own count knows weights and biases alone.
        if stated < described["parameters"]["value"]:
            found.append(f"{framework}: {stated} parameters of {described['parameters']['value']}")
        if len(shapes) != len(wanted) or not all(map(alike, shapes, wanted)):
            found.append(f"{framework}: results of {shapes} where the model's are {wanted}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cofit", default="target/debug/cofit")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in arguments.models:
            found = check(arguments.cofit, model, pathlib.Path(folder))
            print(f"{'FAIL' if found else 'ok  '} {model}")
            for line in found:
                print(f"     {line}")
            bad += bool(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
