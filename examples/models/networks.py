"""The architectures of the example models.

A network over a time series is written with two-dimensional convolutions over [1, length,
channels]: the converter would otherwise wrap each one-dimensional convolution in reshapes.
"""

import keras
from keras import layers


def digits_cnn() -> keras.Model:
    """Plain image CNN: conv, conv, pool, conv, pool, conv, pool, dense, dense, softmax."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 1), name="image"),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(24, 3, padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Conv2D(24, 3, padding="valid", activation="relu", name="conv4"),
            layers.MaxPooling2D(2, name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout", seed=1),
            layers.Dense(32, activation="relu", name="dense1"),
            layers.Dense(10, activation="softmax", name="dense2"),
        ],
        name="digits_cnn",
    )


def digits_separable() -> keras.Model:
    """Small MobileNetV2: inverted residual blocks, two of them with an addition, average pool."""

    def block(x, name: str, expanded: int, channels: int, stride: int):
        y = layers.Conv2D(expanded, 1, use_bias=False, name=f"{name}_expand")(x)
        y = layers.BatchNormalization(momentum=0.9, name=f"{name}_expand_norm")(y)
        y = layers.ReLU(6.0, name=f"{name}_expand_relu6")(y)
        y = layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
        )(y)
        y = layers.BatchNormalization(momentum=0.9, name=f"{name}_depthwise_norm")(y)
        y = layers.ReLU(6.0, name=f"{name}_depthwise_relu6")(y)
        y = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(y)
        y = layers.BatchNormalization(momentum=0.9, name=f"{name}_project_norm")(y)
        if stride == 1 and x.shape[-1] == channels:
            y = layers.Add(name=f"{name}_add")([x, y])
        return y

    image = keras.Input((32, 32, 1), name="image")
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(momentum=0.9, name="stem_norm")(x)
    x = layers.ReLU(6.0, name="stem_relu6")(x)
    x = block(x, "block1", expanded=48, channels=16, stride=1)
    x = block(x, "block2", expanded=48, channels=24, stride=2)
    x = block(x, "block3", expanded=72, channels=24, stride=1)
    x = block(x, "block4", expanded=72, channels=32, stride=2)
    x = layers.Conv2D(64, 1, use_bias=False, name="head")(x)
    x = layers.BatchNormalization(momentum=0.9, name="head_norm")(x)
    x = layers.ReLU(6.0, name="head_relu6")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dense(10, activation="softmax", name="classifier")(x)
    return keras.Model(image, x, name="digits_separable")


def mnist1d_cnn() -> keras.Model:
    """One-dimensional CNN that strides instead of pooling."""
    return keras.Sequential(
        [
            keras.Input((1, 40, 1), name="signal"),
            layers.Conv2D(24, (1, 5), padding="same", activation="relu", name="conv1"),
            layers.Conv2D(32, (1, 5), (1, 2), padding="same", activation="relu", name="conv2"),
            layers.Conv2D(32, (1, 3), (1, 2), padding="same", activation="relu", name="conv3"),
            layers.Conv2D(48, (1, 3), padding="same", activation="relu", name="conv4"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.4, name="dropout", seed=1),
            layers.Dense(10, activation="softmax", name="dense"),
        ],
        name="mnist1d_cnn",
    )


def vibration_cnn() -> keras.Model:
    """One-dimensional CNN: a wide first kernel as a filter bank, then pooling."""
    return keras.Sequential(
        [
            keras.Input((1, 512, 1), name="acceleration"),
            layers.Conv2D(12, (1, 16), (1, 2), padding="same", activation="relu", name="conv1"),
            layers.Conv2D(16, (1, 9), (1, 2), padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D((1, 2), name="pool1"),
            layers.Conv2D(24, (1, 5), padding="same", activation="relu", name="conv3"),
            layers.MaxPooling2D((1, 2), name="pool2"),
            layers.Conv2D(32, (1, 5), padding="same", activation="relu", name="conv4"),
            layers.AveragePooling2D((1, 4), name="pool3"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout", seed=1),
            layers.Dense(5, activation="softmax", name="dense"),
        ],
        name="vibration_cnn",
    )


def vibration_autoencoder() -> keras.Model:
    """Dense autoencoder: a window is abnormal where its spectrum is rebuilt badly."""
    return keras.Sequential(
        [
            keras.Input((64,), name="spectrum"),
            layers.Dense(48, activation="relu", name="encoder1"),
            layers.Dense(24, activation="relu", name="encoder2"),
            layers.Dense(6, activation="relu", name="code"),
            layers.Dense(24, activation="relu", name="decoder1"),
            layers.Dense(48, activation="relu", name="decoder2"),
            layers.Dense(64, name="rebuilt"),
        ],
        name="vibration_autoencoder",
    )
