"""How fast is our executor beside LiteRT's kernels, on one core?

Prints the seconds of one inference, the least of several, for our executor, for LiteRT's reference
kernels, for its optimised ones, and for XNNPACK, which it takes by default.

    cargo build --release -p cofit-exec --example speed
    pip install ai-edge-litert numpy
    python checks/execution_speed.py MODEL.tflite ... [--speed PROGRAM] [--inferences N]
"""

import argparse
import pathlib
import subprocess
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESOLVERS = {
    "LiteRT reference": OpResolverType.BUILTIN_REF,
    "LiteRT optimised": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "LiteRT XNNPACK": OpResolverType.AUTO,
}


def litert(path, resolver, inferences):
    """Seconds of the fastest inference on a random input."""
    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1
    )
    interpreter.allocate_tensors()
    generator = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        shape, dtype = details["shape"], details["dtype"]
        if np.issubdtype(dtype, np.integer):
            limits = np.iinfo(dtype)
            values = generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        else:
            values = generator.standard_normal(shape).astype(dtype)
        interpreter.set_tensor(details["index"], values)
    least = float("inf")
    for _ in range(inferences):
        start = time.perf_counter()
        interpreter.invoke()
        least = min(least, time.perf_counter() - start)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--speed", default=ROOT / "target/release/examples/speed")
    parser.add_argument("--inferences", type=int, default=20)
    arguments = parser.parse_args()
    for model in arguments.models:
        command = [arguments.speed, model, str(arguments.inferences)]
        ours = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"{model.name}\n  cofit             {ours * 1e3:9.2f} ms")
        for name, resolver in RESOLVERS.items():
            seconds = litert(model, resolver, arguments.inferences)
            print(f"  {name:<17} {seconds * 1e3:9.2f} ms")


if __name__ == "__main__":
    main()
