#!/usr/bin/env python3
"""Writes Tests/Fixtures/quantization: what gguf-py and bitsandbytes make of chosen and of random numbers.

    pip install numpy==2.4.6 gguf==0.19.0 torch==2.13.0 bitsandbytes==0.50.2
    python scripts/make_quantization_fixtures.py

Every file is raw little-endian numbers without a header; shapes stand in the file name.
"""

import pathlib
import struct

import bitsandbytes
import gguf
import numpy as np
import torch
from bitsandbytes import functional as bnb

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "quantization"


def write(name: str, array: np.ndarray) -> None:
    (FOLDER / name).write_bytes(np.ascontiguousarray(array).tobytes())


def blocks() -> np.ndarray:
    """Blocks of 32 that a quantiser can get wrong, and random ones."""
    rng = np.random.default_rng(20240611)
    ramp = np.arange(32, dtype=np.float32)
    chosen = [
        np.zeros(32),
        # Not a block of -0.0 alone: of it gguf-py makes a scale of 0, ggml's C code one of -0.
        np.append(np.full(31, -0.0), 1.0),
        np.full(32, 0.25),
        np.full(32, -3.0),
        ramp - 16,  # every code of q5_0, exactly
        (ramp % 16) - 8,  # every code of q4_0, exactly
        (ramp % 16) / 2 - 4,
        ramp,  # every code of q5_1
        ramp % 16,
        np.where(ramp % 2 == 0, 1.0, -1.0),  # the largest magnitude, with both signs: the first one counts
        np.where(ramp % 2 == 0, -1.0, 1.0),
        (ramp - 16) * 2 + 1,
        np.append(np.arange(31) + 0.5, 127.0),  # q8_0: scale 1, so every other value is a half
        np.append(-(np.arange(31) + 0.5), -127.0),
        np.append(np.arange(31) + 0.5, -8.0),  # halves in q4_0
        np.append(np.zeros(31), 1e-3),
        np.append(np.full(31, 1e-30), 1.0),
        ramp * 1e-40,  # subnormal values, and a scale whose inverse is infinite
        np.append(np.zeros(31), 1e-45),
        ramp * 1e-7,  # a scale that is subnormal in half precision
        ramp * 1e-9,  # a scale that is 0 in half precision
        (ramp - 15.5) * 1e4,
        (ramp - 15.5) * 1e6,  # a scale that is infinite in half precision
        np.append(np.zeros(31), 3e38),
        np.append(np.full(31, 0.49999997), 127.0),  # just below a half, where adding one half would round up
        np.append(np.full(31, -0.49999997), 127.0),
    ]
    random = [rng.standard_normal(32) * s for s in (0.02, 1.0, 50.0) for _ in range(12)]
    random += [rng.standard_t(2, 32) * 0.05 for _ in range(12)]
    # Few distinct values: many ties.
    random += [rng.integers(-8, 9, 32) / 8 for _ in range(12)]
    return np.stack(chosen + random).astype(np.float32)


def scalars() -> np.ndarray:
    """Floats around every rounding boundary of the two half-width types."""
    rng = np.random.default_rng(7)
    bits = []
    for exponent in range(0, 256, 1):
        for mantissa in (0, 1, 0x0FFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0x18000, 0x7FEFFF, 0x7FF000,
                         0x7FFFFF):
            if exponent < 255 or mantissa == 0:
                bits.append(exponent << 23 | mantissa)
    # Exact halves between neighbouring subnormals of half precision.
    for k in range(0, 1026, 3):
        bits.append(struct.unpack("<I", struct.pack("<f", (k + 0.5) * 2.0**-24))[0])
    bits += rng.integers(0, 0x7F800000, 500).tolist()
    positive = np.array(bits, dtype=np.uint32)
    return np.concatenate([positive, positive | np.uint32(1 << 31)]).view(np.float32)


def write_gguf() -> None:
    values = blocks()
    write("blocks.f32", values)
    for kind in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"):
        qtype = gguf.GGMLQuantizationType[kind]
        packed = gguf.quants.quantize(values, qtype)
        write(f"blocks.{kind.lower()}", packed)
        write(f"blocks.{kind.lower()}.f32", gguf.quants.dequantize(packed, qtype))
    values = scalars()
    write("scalars.f32", values)
    write("scalars.f16", values.astype(np.float16))
    write("scalars.bf16", gguf.quants.quantize(values.reshape(1, -1), gguf.GGMLQuantizationType.BF16))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    write_gguf()
    print("numpy", np.__version__, "gguf 0.19.0", "torch", torch.__version__, "bitsandbytes", bitsandbytes.__version__)


if __name__ == "__main__":
    main()
