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


def seeded(rows: int, columns: int) -> np.ndarray:
    """Bell-shaped numbers that the tests make again, exactly, from the same generator.

    Sums of the four 16-bit parts of SplitMix64, seeded with 100000 * rows + columns; rows differ in width.
    """
    with np.errstate(over="ignore"):
        z = np.uint64(100000 * rows + columns) + np.uint64(0x9E3779B97F4A7C15) * np.arange(
            1, rows * columns + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    total = sum(((z >> np.uint64(16 * i)) & np.uint64(0xFFFF)).astype(np.int64) for i in range(4)) - 131070
    scale = 1 + np.arange(rows, dtype=np.int64) % 7
    return (total.reshape(rows, columns) * scale[:, None]).astype(np.float32) / np.float32(2**21)


def edges() -> np.ndarray:
    """One row of blocks of 64 that an NF4 quantiser can get wrong, and a short last one of odd length."""
    rng = np.random.default_rng(5)
    values = bnb.get_4bit_type("nf4", device="cpu").numpy()
    midpoints = (values[1:] + values[:-1]) / np.float32(2)
    around = np.concatenate([np.nextafter(midpoints, np.float32(-9)), midpoints, np.nextafter(midpoints, np.float32(9)),
                             [-1.0, 1.0, 0.0, -0.0]]).astype(np.float32)

    def block(*numbers: float) -> np.ndarray:
        return np.resize(np.array(numbers, dtype=np.float32), 64)

    blocks = [
        np.resize(around, 64), around[:49].repeat(2)[:64], np.append(around, np.zeros(15)) * np.float32(0.37),
        np.append(around, np.zeros(15)) * np.float32(-1e5), block(0.0), block(-0.0), block(0.25), block(-7.0),
        block(1e-45, 0, 0), block(1e-40, -3e-41), block(9e-39, -5e-39), block(1.2e-38, 3e-39), block(3e38, -1e38, 1e30),
        block(np.inf, 1.0, -np.inf), block(np.nan, 1.0, -1.0, 0.5), np.append(np.zeros(63), 1.0),
        np.append(np.full(63, -0.5), np.nan), rng.standard_normal(64), rng.standard_t(2, 64),
    ]
    return np.concatenate([np.concatenate(blocks), rng.standard_normal(37)]).astype(np.float32).reshape(1, -1)


def fnv1a(data: bytes) -> bytes:
    digest = 0xCBF29CE484222325
    for byte in data:
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return struct.pack("<Q", digest)


def write_nf4_matrix(name: str, values: np.ndarray, nested: bool) -> None:
    packed, state = bnb.quantize_4bit(torch.from_numpy(values), compress_statistics=nested, quant_type="nf4")
    back = bnb.dequantize_4bit(packed, state).numpy()
    absmax = state.absmax
    if nested:
        absmax = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
        write(f"{name}.absmax_codes", state.absmax.numpy())
        write(f"{name}.nested_absmax", state.state2.absmax.numpy())
        write(f"{name}.offset", state.offset.reshape(1).numpy())
        write(f"{name}.packed_fnv1a", np.frombuffer(fnv1a(packed.numpy().tobytes()), np.uint8))
        write(f"{name}.values_fnv1a", np.frombuffer(fnv1a(back.tobytes()), np.uint8))
    else:
        write(f"{name}.packed", packed.numpy())
        write(f"{name}.absmax", absmax.numpy())


def write_bitsandbytes() -> None:
    write("nf4.map", bnb.create_dynamic_map().numpy())
    for rows, columns in ((1, 1), (1, 63), (1, 65), (7, 100), (33, 65), (192, 576), (576, 576)):
        write_nf4_matrix(f"nf4.{rows}x{columns}", seeded(rows, columns), nested=True)
    write("nf4.edges.f32", edges())
    write_nf4_matrix("nf4.edges", edges(), nested=False)
    # A short last block of zeros is stored as 1e-38, a whole one as 0.
    write_nf4_matrix("nf4.zeros", np.zeros((1, 70), dtype=np.float32), nested=False)
    # 255 of 256 bins of the dynamic map and their borders: one element a block, so that it is the magnitude.
    magnitudes = np.abs(np.concatenate([bnb.create_dynamic_map().numpy(), np.linspace(0, 1, 1000)])) * 3 + 0.5
    write("nf4.magnitudes.f32", magnitudes.astype(np.float32))
    spread = np.zeros((len(magnitudes), 64), dtype=np.float32)
    spread[:, 0] = magnitudes
    write_nf4_matrix("nf4.magnitudes", spread, nested=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    write_gguf()
    write_bitsandbytes()
    print("numpy", np.__version__, "gguf 0.19.0", "torch", torch.__version__, "bitsandbytes", bitsandbytes.__version__)


if __name__ == "__main__":
    main()
