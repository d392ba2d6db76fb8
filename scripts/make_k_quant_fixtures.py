#!/usr/bin/env python3
"""Adds super-blocks to Tests/Fixtures/quantization: what ggml stores chosen and random numbers as, and what gguf-py
makes of stored bytes.

    pip install numpy==2.4.6 gguf==0.19.0 llama-cpp-python==0.3.36
    python scripts/make_k_quant_fixtures.py

gguf-py reads these types and does not write them, so the bytes come from the ggml library that llama-cpp-python
brings, called without an importance matrix. Every file is raw little-endian numbers without a header.
"""

import ctypes
import importlib.metadata
import importlib.util
import pathlib

import gguf
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "quantization"
Type = gguf.GGMLQuantizationType
# Where the half-precision numbers of a block stand, in bytes.
HALVES = {
    Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,), Type.IQ4_NL: (0,),
}  # fmt: skip
WRITTEN = (Type.Q4_K, Type.Q5_K, Type.Q6_K)


def ggml() -> ctypes.CDLL:
    """The library, without the Python module around it."""
    folder = pathlib.Path(importlib.util.find_spec("llama_cpp").origin).parent / "lib"
    library = ctypes.CDLL(str(folder / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
    ]  # fmt: skip
    return library


def quantize(library: ctypes.CDLL, values: np.ndarray, kind: Type) -> np.ndarray:
    rows, columns = values.shape
    block, size = gguf.GGML_QUANT_SIZES[kind]
    packed = np.zeros((rows, columns // block * size), dtype=np.uint8)
    written = library.ggml_quantize_chunk(kind, values.ctypes.data, packed.ctypes.data, 0, rows, columns, None)
    assert written == packed.nbytes
    return packed


def super_blocks() -> np.ndarray:
    """Super-blocks that a quantiser can get wrong, and random ones."""
    rng = np.random.default_rng(20251121)
    ramp = np.arange(256, dtype=np.float64)
    normal = rng.standard_normal(256)
    by_part = np.repeat(rng.standard_normal(8), 32)
    chosen = [
        np.zeros(256),
        np.full(256, -0.0),
        np.full(256, 0.25),  # a minimum above zero counts as zero
        np.full(256, -3.0),  # no range: the minimum alone holds all
        np.append(np.zeros(255), 1.0),
        np.append(np.zeros(255), -1e-3),
        np.append(np.full(128, -3.0), rng.standard_normal(128)),  # parts with a range and parts without
        np.append(np.zeros(128), rng.standard_normal(128)),
        ramp / 16 - 8,
        (ramp % 32) - 15.5,
        (ramp % 16) - 32,
        -np.abs(normal),
        np.abs(normal),
        np.abs(normal) + 5,  # far from zero: the minimum must stay zero
        -np.abs(normal) - 5,
        np.where(ramp % 2 == 0, 1.0, -1.0),
        np.where(ramp % 2 == 0, -1.0, 1.0),
        by_part,
        normal * np.exp2(by_part * 6),  # parts of very different size
        normal * 1e-4,
        normal * 1e-6,  # scales that are subnormal in half precision
        normal * 1e-9,  # scales that are 0 in half precision
        normal * 1e-13,  # squares times weights that are subnormal
        normal * 1e-17,  # below what q6_K takes for zero
        normal * 1e-40,
        normal * 3e3,
        normal * 1e7,  # a scale that is infinite in half precision
        np.append(rng.standard_normal(255) * 0.02, 4.0),
        np.append(rng.standard_normal(255) * 0.02, -4.0),
    ]
    random = [rng.standard_normal(256) * s for s in (0.02, 0.02, 0.02, 1.0)]
    random += [rng.standard_t(2, 256) * 0.05 for _ in range(3)]
    # Few distinct values: many ties.
    random += [rng.integers(-8, 9, 256) / 8, rng.integers(-2, 3, 256) / 4, rng.integers(0, 4, 256) / 4]
    return np.stack(chosen + random).astype(np.float32)


def stored(kind: Type) -> np.ndarray:
    """Blocks of random bytes: all are valid. Their scales are chosen, for most patterns of a half are huge or tiny."""
    rng = np.random.default_rng(int(kind))
    element_count, size = gguf.GGML_QUANT_SIZES[kind]
    scales = [1.0, -0.0, 6e-8, -2.5, 65504.0, np.inf, np.nan, 0.0] + rng.uniform(-0.1, 0.1, 4).tolist()
    count = len(scales) * (256 // element_count)
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for place in HALVES[kind]:
        halves = np.array([scales[i % len(scales)] for i in range(count)], dtype=np.float16)
        # Each minimum meets several scales.
        halves = np.roll(halves, place)
        blocks[:, place : place + 2] = halves.reshape(-1, 1).view(np.uint8)
    return blocks


def main() -> None:
    np.seterr(all="ignore")
    library = ggml()
    values = super_blocks()
    (FOLDER / "superblocks.f32").write_bytes(values.tobytes())
    for kind in WRITTEN:
        (FOLDER / f"superblocks.{kind.name.lower()}").write_bytes(quantize(library, values, kind).tobytes())
    for kind in HALVES:
        blocks = stored(kind)
        name = f"stored.{kind.name.lower()}"
        (FOLDER / name).write_bytes(blocks.tobytes())
        (FOLDER / f"{name}.f32").write_bytes(gguf.quants.dequantize(blocks, kind).astype(np.float32).tobytes())
    names = ["numpy", "gguf", "llama-cpp-python"]
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in names))


if __name__ == "__main__":
    main()
