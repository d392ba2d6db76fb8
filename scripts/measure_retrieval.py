#!/usr/bin/env python3
"""Times the encoder beside sentence-transformers, and exact search among many vectors.

    scripts/fetch-model minilm
    scripts/build
    python3 scripts/measure_retrieval.py [--threads 2] [--repeat 3] [--vectors 10000,25000,50000,100000]

Needs sentence-transformers==6.2.0 with torch; without it only Lorikeet is timed. Run on a quiet machine, from the root of
the repository. Both encode the same texts, the passages of docs/, on the same number of threads; of the repeats, which
alternate, the fastest counts. Prints one JSON object.
"""

import argparse
import json
import pathlib
import random
import sqlite3
import statistics
import struct
import subprocess
import tempfile
import time

TOOL = [".build/release/lorikeet"]
ENCODER = "models/all-MiniLM-L6-v2"


def run(*arguments: str) -> dict:
    done = subprocess.run([*TOOL, *arguments, "--json", "--quiet"], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def seconds_of_index(folder: pathlib.Path, name: str, *more: str) -> float:
    base = folder / name
    base.unlink(missing_ok=True)
    began = time.perf_counter()
    run("index", "docs", "-o", str(base), *more)
    return time.perf_counter() - began


def titled_texts(base: pathlib.Path) -> list[str]:
    rows = sqlite3.connect(base).execute("SELECT title, text FROM passages ORDER BY id").fetchall()
    return [text if title in text else f"{title}\n{text}" for title, text in rows]


def encoding(folder: pathlib.Path, threads: int, repeat: int) -> dict:
    options = ("--threads", str(threads))
    own, words, theirs = [], [], []
    try:
        import sentence_transformers
        import torch

        torch.set_num_threads(threads)
        model = sentence_transformers.SentenceTransformer(ENCODER, device="cpu")
        versions = {"sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__}
    except ImportError:
        model, versions = None, {}
    for _ in range(repeat):
        words.append(seconds_of_index(folder, "words.db", *options))
        own.append(seconds_of_index(folder, "both.db", "--encoder", ENCODER, *options))
        texts = titled_texts(folder / "both.db")
        if model is not None:
            began = time.perf_counter()
            model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
            theirs.append(time.perf_counter() - began)
    result = {
        "passages": len(texts),
        "characters": sum(map(len, texts)),
        "threads": threads,
        "index_seconds": round(min(own), 3),
        "index_without_encoder_seconds": round(min(words), 3),
        "lorikeet_passages_per_second": round(len(texts) / (min(own) - min(words)), 2),
        "versions": versions,
    }
    if theirs:
        result["sentence_transformers_seconds"] = round(min(theirs), 3)
        result["sentence_transformers_passages_per_second"] = round(len(texts) / min(theirs), 2)
    return result


def searching(folder: pathlib.Path, count: int, threads: int, repeat: int) -> dict:
    """Fills a knowledge base with `count` vectors of random directions, and searches in it."""
    base = folder / f"{count}.db"
    (folder / "one.md").write_text("# One\n\nA passage.\n")
    run("index", str(folder / "one.md"), "-o", str(base), "--encoder", ENCODER)
    randomness = random.Random(1)
    connection = sqlite3.connect(base)
    with connection:
        for index in range(count - 1):
            row = connection.execute(
                "INSERT INTO passages (file, title, first_line, last_line, text, metadata)"
                " SELECT id, 'One', 1, 1, 'filler', '{}' FROM files LIMIT 1"
            ).lastrowid
            vector = [randomness.gauss(0, 0.051) for _ in range(384)]
            connection.execute("INSERT INTO vectors VALUES (?, ?)", (row, struct.pack("<384f", *vector)))
    connection.close()
    times = [
        run("search", str(base), "a passage", "--encoder", ENCODER, "--method", "dense", "--threads", str(threads))
        for _ in range(max(5, repeat))
    ]
    assert times[0]["passages"][0]["title"] == "One"
    size = base.stat().st_size
    base.unlink()
    return {
        "vectors": count,
        "bytes": size,
        "median_search_milliseconds": round(1000 * statistics.median(t["search_seconds"] for t in times), 1),
        "median_encode_milliseconds": round(1000 * statistics.median(t["encode_seconds"] for t in times), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--vectors", default="10000,25000,50000,100000")
    parser.add_argument("--tool", default=TOOL[0], help="the built tool")
    arguments = parser.parse_args()
    TOOL[:] = [arguments.tool]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        result = {
            "encoding": encoding(folder, arguments.threads, arguments.repeat),
            "searching": [
                searching(folder, int(count), arguments.threads, arguments.repeat)
                for count in arguments.vectors.split(",")
            ],
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
