"""Training a network and converting it to .tflite; the only module that loads TensorFlow."""

import os
import tempfile
from pathlib import Path

# Before TensorFlow is loaded: oneDNN's kernels may differ between processors in the last bit.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf

import catalogue
import datasets
import networks
import scoring

SEED = 7
CALIBRATION_SAMPLES = 256


def make(recipe: catalogue.Recipe, folder: Path) -> float:
    """Train `recipe`'s network, write its .tflite files to `folder`; the test score under Keras."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)

    train, test = datasets.MAKERS[recipe.data]()
    model = getattr(networks, recipe.network)()
    fit(model, recipe, train)
    score = scoring.score(recipe.task, model.predict(test.inputs(), verbose=0), test)
    for element_type in recipe.element_types:
        path = folder / f"{recipe.network}_{element_type}.tflite"
        path.write_bytes(convert(model, element_type, train))
    return score


def fit(model: keras.Model, recipe: catalogue.Recipe, train: datasets.Split) -> None:
    """Adam with a cosine decay to zero over all the steps."""
    inputs = train.inputs()
    targets = inputs if recipe.task is catalogue.Task.ANOMALY_DETECTION else train.labels
    steps = recipe.epochs * -(-len(inputs) // recipe.batch)
    rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        "mse" if targets is inputs else "sparse_categorical_crossentropy",
    )
    model.fit(inputs, targets, recipe.batch, recipe.epochs, verbose=0)


def convert(model: keras.Model, element_type: str, train: datasets.Split) -> bytes:
    """The model as .tflite with batch 1; int8 means all-integer, inputs and outputs too."""
    # A signature with a fixed batch keeps every shape static, which microcontroller runtimes need.
    source = model.inputs[0]
    signature = tf.TensorSpec([1, *source.shape[1:]], tf.float32, source.name)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve", lambda tensor: {"output": model(tensor, training=False)}, [signature]
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if element_type == "int8":
            inputs = train.inputs()
            chosen = np.linspace(0, len(inputs) - 1, CALIBRATION_SAMPLES).astype(int)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([inputs[i : i + 1]] for i in chosen)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
        return converter.convert()
