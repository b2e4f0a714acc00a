"""The hashed logistic model: one small weight for every feature, and two numbers that make its score a probability.

A file has a line of JSON and the weights, one signed byte each, compressed: 2^20 of them, most of them 0, some 200 kB.
Weights are kept as bytes in memory as well: scoring adds numbers out of an array and takes less time than making the
features, so a library for arrays would gain nothing here.
"""

import json
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from securemail.antispam.calibration import Calibration
from securemail.antispam.tokens import BITS, VERSION, Blocks

MAGIC = "optimails spam model"
BLOCK_WEIGHTS = (1.0, 1.0, 0.7)
"""Of words, characters, origin. Each block has its own length, so that long texts do not drown the rest."""
_MOST = 127
_MAX_FILE = 4 * 1024 * 1024


class BadModel(Exception):
    """A model file that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Model:
    """``weights`` are signed bytes, to be multiplied by ``unit``."""

    weights: array  # type: ignore[type-arg]  # of int; not generic at run time before 3.12
    unit: float
    calibration: Calibration
    name: str  # what it was trained on, and when: the version that facts carry

    def score(self, blocks: Blocks) -> float:
        """Above 0: rather spam. Only ``odds`` says how much."""
        get = self.weights.__getitem__
        total = sum(scale * sum(map(get, block)) for scale, block in zip(scales(blocks), blocks, strict=True))
        return float(self.unit * total)

    def odds(self, blocks: Blocks) -> float:
        """The logarithm of the odds that the message is spam."""
        return self.calibration.odds(self.score(blocks))

    def dump(self) -> bytes:
        """As a file has it."""
        about = {
            "format": MAGIC,
            "tokens": VERSION,
            "bits": BITS,
            "name": self.name,
            "unit": self.unit,
            "calibration": [self.calibration.slope, self.calibration.offset],
        }
        return json.dumps(about).encode() + b"\n" + zlib.compress(self.weights.tobytes(), 9)


def scales(blocks: Blocks) -> list[float]:
    """What one feature of each block counts."""
    return [weight / sqrt(len(block) or 1) for weight, block in zip(BLOCK_WEIGHTS, blocks, strict=True)]


def packed(weights: Sequence[float], calibration: Calibration, name: str) -> Model:
    """The model of these weights, rounded to bytes."""
    # The few largest would make the unit too coarse for all others: they are cut off.
    known = sorted(abs(weight) for weight in weights if weight)
    largest = known[-max(1, len(known) // 2000)] if known else 1.0
    unit = largest / _MOST
    rounded = array("b", (max(-_MOST, min(_MOST, round(weight / unit))) for weight in weights))
    return Model(rounded, unit, calibration, name)


def load(path: Path) -> Model:
    """The model in a file.

    Raises:
        BadModel: it is none, damaged, or made by another version of this program.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE)
    except OSError as wrong:
        raise BadModel(f"{path} cannot be read: {wrong.strerror}") from wrong
    return parse(content)


def parse(content: bytes) -> Model:
    """The model that a file contains. Raises ``BadModel``."""
    head, _, rest = content.partition(b"\n")
    try:
        about = json.loads(head)
        if (about["format"], about["tokens"], about["bits"]) != (MAGIC, VERSION, BITS):
            raise BadModel("The model was made by another version of this program")
        unpacker = zlib.decompressobj()
        weights = array("b", unpacker.decompress(rest, (1 << BITS) + 1))
        slope, offset = map(float, about["calibration"])
        model = Model(weights, float(about["unit"]), Calibration(slope, offset), about["name"])
    except (ValueError, KeyError, TypeError, zlib.error) as wrong:
        raise BadModel("This is no spam model") from wrong
    if len(weights) != 1 << BITS:
        raise BadModel("The model is damaged")
    return model
