"""Small Keras networks as tf2onnx exports them."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

from .case import Case, normal, random


def networks():
    """Name -> (layers, shape of the input)."""
    return {
        "cnn": (
            [
                layers.Conv2D(6, 3, 2, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(6.0),
                layers.DepthwiseConv2D(3, padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(4, activation="softmax"),
            ],
            (12, 12, 3),
        ),
        "pools": (
            [
                layers.MaxPooling2D(3, 2, padding="same"),
                layers.AveragePooling2D(2),
                layers.Flatten(),
            ],
            (10, 10, 2),
        ),
        "upsampling": (
            [
                layers.UpSampling2D(2, interpolation="bilinear"),
                layers.Conv2DTranspose(2, 3, 2, padding="same"),
            ],
            (3, 4, 2),
        ),
        "cnn_1d": (
            [
                layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
                layers.GlobalMaxPooling1D(),
                layers.Dense(3),
            ],
            (10, 3),
        ),
        "separable": (
            [
                layers.SeparableConv2D(4, 3, padding="valid", activation="swish"),
                layers.LayerNormalization(),
            ],
            (6, 6, 3),
        ),
        "lstm": ([layers.LSTM(4), layers.Dense(2)], (6, 3)),
        "gru": ([layers.GRU(4), layers.Dense(2)], (6, 3)),
    }


def cases():
    for name, (stack, shape) in networks().items():
        network = keras.Sequential([keras.Input(shape, batch_size=1), *stack])
        generator = random(f"keras {name}")
        for weight in network.weights:
            drawn = generator.standard_normal(weight.shape).astype(np.float32) * 0.5
            weight.assign(np.abs(drawn) + 0.5 if "variance" in weight.name else drawn)
        signature = [tf.TensorSpec((1, *shape), tf.float32, name="x")]
        function = tf.function(lambda x, network=network: network(x, training=False))
        try:
            model, _ = tf2onnx.convert.from_function(function, signature, opset=15)
        except Exception as error:  # the exporter's own, of many kinds
            print(f"keras_{name}: the exporter refuses: {str(error).splitlines()[0]}")
            continue
        yield Case(f"keras_{name}", model, {"x": normal(f"keras input {name}", 1, *shape)})
