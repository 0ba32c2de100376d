"""Synthetic acceleration of a motor's bearing housing: one healthy state and four faults.

A window is WINDOW samples of one radial accelerometer, taken at SAMPLE_RATE and stored as signed
8-bit codes of G_PER_CODE each, as an 8-bit MEMS accelerometer with a range of +-4 g gives them.
The signatures are the textbook ones of vibration diagnosis:

* every state: a weak line at the shaft frequency (1x) and its double (2x), and broadband noise;
* imbalance: a strong line at 1x, since a heavy spot pulls outward once a turn;
* misalignment: a strong line at 2x with raised 1x and 3x, since a coupling flexes twice a turn;
* outer race fault: each rolling element hits the defect once, at the ball-pass frequency of the
  outer race, and each hit makes the housing's resonance ring and die away. The defect stands still
  in the load zone, so the hits are of about equal strength;
* inner race fault: the same at the ball-pass frequency of the inner race. The defect turns with the
  shaft through the load zone, so the hits are modulated at 1x.

Speed, severity, phases, resonance, damping and noise differ from window to window. Each window has
its own random stream, so a window does not depend on how many others are made.
"""

import numpy as np

SAMPLE_RATE = 5120.0  # hertz
WINDOW = 512  # samples: 0.1 s, about three turns of the shaft
G_PER_CODE = 1.0 / 32.0  # standard gravities; a power of two, so codes convert to float exactly
CLASSES = ("normal", "imbalance", "misalignment", "outer_race_fault", "inner_race_fault")

SHAFT_HERTZ = (25.0, 35.0)  # 1500 to 2100 turns a minute

# Deep-groove ball bearing 6205: number of balls, ball and pitch diameter in millimetres.
BALLS = 9
BALL_DIAMETER = 7.94
PITCH_DIAMETER = 39.04

# Ball-pass frequencies in turns of the shaft, from the bearing's geometry at contact angle 0 with
# a fixed outer ring: n/2 (1 - d/D) and n/2 (1 + d/D).
OUTER_RACE_ORDER = BALLS / 2.0 * (1.0 - BALL_DIAMETER / PITCH_DIAMETER)
INNER_RACE_ORDER = BALLS / 2.0 * (1.0 + BALL_DIAMETER / PITCH_DIAMETER)

SPECTRUM_BANDS = 64


def window(rng: np.random.Generator, label: int) -> np.ndarray:
    """One window of class CLASSES[label], int8 codes of shape [WINDOW]."""
    kind = CLASSES[label]
    time = np.arange(WINDOW) / SAMPLE_RATE
    shaft = rng.uniform(*SHAFT_HERTZ)

    # Peak acceleration in g of the first three orders of the shaft.
    orders = [rng.uniform(0.03, 0.12), rng.uniform(0.02, 0.08), rng.uniform(0.0, 0.03)]
    if kind == "imbalance":
        orders[0] = rng.uniform(0.2, 1.0)
    elif kind == "misalignment":
        orders = [rng.uniform(0.08, 0.4), rng.uniform(0.2, 0.9), rng.uniform(0.04, 0.25)]

    signal = rng.normal(0.0, rng.uniform(0.08, 0.25), WINDOW)
    for order, peak in enumerate(orders, start=1):
        phase = rng.uniform(0.0, 2.0 * np.pi)
        signal += peak * np.sin(2.0 * np.pi * order * shaft * time + phase)

    if kind == "outer_race_fault":
        signal += impacts(rng, time, shaft, OUTER_RACE_ORDER, load_zone_depth=0.0)
    elif kind == "inner_race_fault":
        signal += impacts(rng, time, shaft, INNER_RACE_ORDER, load_zone_depth=0.8)

    return np.clip(np.rint(signal / G_PER_CODE), -128, 127).astype(np.int8)


def impacts(
    rng: np.random.Generator, time: np.ndarray, shaft: float, order: float, load_zone_depth: float
) -> np.ndarray:
    """Ring-downs of the housing's resonance, one for each ball that passes the defect, in g.

    `load_zone_depth` is how much weaker a hit outside the load zone is: 0 for a defect that stands
    still, up to 1 for one that turns out of the load altogether.
    """
    peak = rng.uniform(0.4, 1.6)
    resonance = rng.uniform(1100.0, 1700.0)  # hertz
    damping = rng.uniform(0.03, 0.08)  # fraction of critical
    zone_phase = rng.uniform(0.0, 2.0 * np.pi)
    period = 1.0 / (order * shaft)
    signal = np.zeros_like(time)
    # Start two periods early, so that the window opens amid ring-downs like any other.
    hit = -2.0 * period + rng.uniform(0.0, period)
    while hit < time[-1]:
        zone = 0.5 * (1.0 + np.cos(2.0 * np.pi * shaft * hit + zone_phase))
        strength = peak * (1.0 - load_zone_depth * (1.0 - zone)) * rng.uniform(0.85, 1.15)
        since = np.maximum(time - hit, 0.0)
        ring = np.exp(-2.0 * np.pi * damping * resonance * since)
        signal += strength * ring * np.sin(2.0 * np.pi * resonance * since)
        # Balls slip a little: the hits are not strictly periodic.
        hit += period * (1.0 + rng.normal(0.0, 0.015))
    return signal


def windows(seed: int, stream: int, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """`per_class` windows of every class, classes alternating: codes [n, WINDOW], labels [n].

    Different `stream`s of one seed are independent: one for training, one for the test.
    """
    codes, labels = [], []
    for index in range(per_class):
        for label in range(len(CLASSES)):
            rng = np.random.Generator(np.random.PCG64([seed, stream, label, index]))
            codes.append(window(rng, label))
            labels.append(label)
    return np.stack(codes), np.array(labels, np.uint8)


def spectrum(codes: np.ndarray) -> np.ndarray:
    """Log magnitude spectrum in SPECTRUM_BANDS equal bands: uint8 of shape [n, SPECTRUM_BANDS].

    Hann window, sum of power in each band (the constant term is left out),
    in decibels relative to one code, mapped from 0 to 64 dB onto 0 to 255.
    """
    power = np.abs(np.fft.rfft(codes * np.hanning(WINDOW), axis=1)) ** 2 / WINDOW
    power = power[:, 1 : 1 + WINDOW // 2]
    bands = power.reshape(len(codes), SPECTRUM_BANDS, -1).sum(axis=2)
    decibels = 10.0 * np.log10(np.maximum(bands, 1.0))
    return np.clip(np.rint(decibels * (255.0 / 64.0)), 0, 255).astype(np.uint8)
