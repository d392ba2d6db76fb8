"""Times Lorikeet and its peers in turns, and writes every sample as JSON. Standard library only.

Started by scripts/benchmark, which builds the executable and prepares the peers' environment; the
options are explained there. `--report RESULT.json` measures nothing and renders docs/performance.md.
"""

import argparse
import datetime
import fnmatch
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "Benchmarks" / "results"
EXECUTABLE = "Benchmarks/.build/release/lorikeet-benchmarks"
MODEL = "models/SmolLM2-135M-Instruct.Q4_1.gguf"
# Steps a round, the first of which warms up: a step of `full` is 2,048 tokens, of `chat` about 830, of `prefix` 5,120.
STEPS = {"full": 3, "chat": 4, "prefix": 2}
# The peers' steps take several times as long, and vary less than the machine does from round to round.
PEER_STEPS = {"full": 2, "chat": 3, "prefix": 2}
# What the executable says of a mode that the library does not have (EX_UNAVAILABLE).
UNAVAILABLE = 69


@dataclass
class Contestant:
    """One way to do one piece of work, run in a process of its own once a round."""

    name: str
    # Words after the program. {rows} stands for the file of this workload's rows.
    words: list[str]
    # What runs them: the executable, or the Python named by an environment variable.
    program: str = "lorikeet"
    workload: str | None = None
    # Seconds that a round takes, to estimate from until it has run.
    estimate: float = 15
    # Run in the first round only: a count, not a time.
    is_exact: bool = False
    samples: list[dict] = field(default_factory=list)
    absence: str | None = None

    @property
    def is_peer(self) -> bool:
        return self.program != "lorikeet"


def contestants(steps: int | None, threads: int) -> list[Contestant]:
    """All there are, in the order they run: tools take turns within a workload."""
    every = [Contestant("machine", ["machine", "--threads", str(threads)], estimate=8)]

    def common(workload: str) -> list[str]:
        return ["--workload", workload, "--steps", str(steps or STEPS[workload]), "--threads", str(threads)]

    def lorikeet(workload: str, variant: str, options: list[str], estimate: float):
        name = f"training/{workload}/lorikeet-{variant}"
        words = ["training", *common(workload), *options]
        every.append(Contestant(name, words, workload=workload, estimate=estimate))

    def peft(workload: str, variant: str, options: list[str], estimate: float):
        name = f"training/{workload}/peft-{variant}"
        words = ["Benchmarks/peers/train_peft.py", "--workload", workload, "--rows", "{rows}"]
        words += ["--steps", str(min(steps or PEER_STEPS[workload], PEER_STEPS[workload])), "--threads", str(threads)]
        words += options
        every.append(Contestant(name, words, "peers", workload, estimate))

    nf4, w8a16 = ["--precision", "nf4"], ["--compute", "w8a16"]
    without_trie = ["--without-trie"]
    as_fast_as_it_goes = ["--length-grouping", "--supervised-logits-only"]
    lorikeet("full", "f32", [], 12)
    peft("full", "f32", [], 32)
    lorikeet("full", "nf4", nf4, 12)
    peft("full", "nf4", ["--load-in-4bit"], 36)
    lorikeet("full", "w8a16", w8a16, 6)
    lorikeet("full", "nf4-350MB", [*nf4, "--max-memory", "350"], 20)
    lorikeet("chat", "f32", [], 6)
    peft("chat", "f32", [], 28)
    lorikeet("chat", "nf4", nf4, 6)
    peft("chat", "nf4", ["--load-in-4bit"], 30)
    lorikeet("chat", "w8a16", w8a16, 4)
    peft("chat", "f32-grouped-supervised", as_fast_as_it_goes, 22)
    lorikeet("prefix", "f32", [], 18)
    peft("prefix", "f32", [], 65)
    lorikeet("prefix", "nf4", nf4, 18)
    lorikeet("prefix", "w8a16", w8a16, 10)
    lorikeet("prefix", "f32-without-trie", without_trie, 18)
    for sequences in (1, 32):
        # One sequence is over within seconds, so that what else the machine does shows: the better of two counts.
        repeats = "2" if sequences == 1 else "1"
        options = ["--sequences", str(sequences), "--repeats", repeats, "--threads", str(threads)]
        every.append(
            Contestant(f"decoding/{sequences}/lorikeet", ["decoding", *options], estimate=6 if sequences == 1 else 25)
        )
        every.append(
            Contestant(
                f"decoding/{sequences}/llama.cpp",
                ["Benchmarks/peers/decode_llama_cpp.py", *options],
                "llama", estimate=6 if sequences == 1 else 35,
            )
        )  # fmt: skip
    for variant, options in (("f32", []), ("nf4", nf4)):
        every.append(
            Contestant(
                f"allocations/full/lorikeet-{variant}",
                ["allocations", "--workload", "full", "--steps", "4", "--threads", str(threads), *options],
                estimate=16, is_exact=True,
            )
        )  # fmt: skip
    return every


def output_of(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine_facts() -> dict:
    """What must be known to read the figures on another machine."""
    cpu = Path("/proc/cpuinfo").read_text()
    fields = dict(re.findall(r"^(.*?)\s*: (.*)$", cpu.split("\n\n")[0], re.M))
    flags = fields.get("flags", fields.get("Features", "")).split()
    telling = re.compile(r"^(avx|fma|f16c|amx|asimd|sve|bf16|i8mm)")
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    release = Path("/etc/os-release")
    named = re.search(r'^PRETTY_NAME="?(.*?)"?$', release.read_text(), re.M) if release.exists() else None
    swift = re.search(r"Swift version \S+", output_of("swift", "--version"))
    return {
        "cpu": fields.get("model name", fields.get("Model", "unknown")),
        "flags": [flag for flag in flags if telling.match(flag)],
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": memory,
        "system": named[1] if named else "unknown",
        "swift": swift[0] if swift else "unknown",
    }


class Run:
    """One benchmark run: rounds of contestants, and what came of them."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.pythons = {
            "peers": os.environ.get("LORIKEET_PEERS_PYTHON"),
            "llama": os.environ.get("LORIKEET_LLAMA_PYTHON") or os.environ.get("LORIKEET_PEERS_PYTHON"),
        }
        self.contestants = [
            one
            for one in contestants(options.steps, options.threads)
            if not (one.is_peer and options.without_peers)
            and (not options.only or any(fnmatch.fnmatch(one.name, f"*{text}*") for text in options.only))
        ]
        if not self.contestants:
            sys.exit(f"run.py: --only {' '.join(options.only)} names no contestant; see --list")
        self.began = time.time()
        # Now, not at the end: whoever commits meanwhile does not change what was built.
        self.commit = output_of("git", "rev-parse", "HEAD")
        self.is_modified = bool(output_of("git", "status", "--porcelain", "--untracked-files=no"))
        self.row_files: dict[str, Path] = {}

    def rows(self, workload: str) -> Path:
        """The file of a workload's rows, made once a run."""
        if workload not in self.row_files:
            steps = self.options.steps or STEPS[workload]
            path = RESULTS / f".rows-{workload}-{steps}.jsonl"
            command = [EXECUTABLE, "workload", "--workload", workload, "--steps", str(steps), "--model", MODEL]
            with open(path, "w") as file:
                subprocess.run(command, cwd=ROOT, stdout=file, check=True)
            self.row_files[workload] = path.relative_to(ROOT)
        return self.row_files[workload]

    def command(self, one: Contestant) -> list[str] | None:
        words = list(one.words)
        if "{rows}" in words:
            words[words.index("{rows}")] = str(self.rows(one.workload))
        if not one.is_peer:
            return [EXECUTABLE, *words] + ([] if words[0] == "machine" else ["--model", MODEL])
        python = self.pythons[one.program]
        return [python, *words, "--model", MODEL] if python else None

    def take(self, one: Contestant, number: int) -> None:
        command = self.command(one)
        if command is None:
            one.absence = "no Python environment with its packages"
            return
        started = time.time()
        # The files are local: no peer has a reason to ask a server about them.
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
        seconds = time.time() - started
        if done.returncode == 0:
            result = json.loads(done.stdout.strip().splitlines()[-1])
            one.samples.append({"round": number, "seconds": seconds, "result": result})
            one.estimate = seconds
            say(f"    {headline(result)}  ({seconds:.0f} s)")
            return
        remark = (done.stderr.strip().splitlines() or ["no message"])[-1]
        one.absence = "not in this build" if done.returncode == UNAVAILABLE else f"exit {done.returncode}: {remark}"
        say(f"    left out from here on: {remark}")

    def take_all(self) -> None:
        rounds = self.options.rounds
        for number in range(1, rounds + 1):
            # There and back, so that no contestant always runs after the same neighbour.
            order = self.contestants if number % 2 else list(reversed(self.contestants))
            due = [one for one in order if number == 1 or not one.is_exact]
            for position, one in enumerate(due):
                if one.absence:
                    continue
                left = sum(other.estimate for other in due[position:] if not other.absence)
                left += sum(
                    (rounds - number) * other.estimate
                    for other in self.contestants
                    if not other.absence and not other.is_exact
                )
                elapsed = time.time() - self.began
                say(f"round {number}/{rounds}, {clock(elapsed)} elapsed, about {clock(left)} left: {one.name}")
                self.take(one, number)

    def result(self) -> dict:
        versions = {}
        for one in self.contestants:
            for sample in one.samples:
                versions.update(sample["result"].get("versions", {}))
        return {
            "format": 1,
            "date": datetime.datetime.fromtimestamp(self.began).astimezone().isoformat(timespec="seconds"),
            "commit": self.commit,
            "is_modified": self.is_modified,
            "machine": machine_facts(),
            "threads": self.options.threads,
            "rounds": self.options.rounds,
            "steps": self.options.steps or STEPS,
            "peer_steps": PEER_STEPS,
            "seconds": time.time() - self.began,
            "versions": versions,
            "contestants": {
                one.name: {
                    "command": " ".join([one.program, *one.words]),
                    "absence": one.absence if not one.samples else None,
                    "summary": summary([sample["result"] for sample in one.samples]),
                    "samples": one.samples,
                }
                for one in self.contestants
            },
        }


def summary(results: list[dict]) -> dict:
    """Median, least and most of every figure that the samples share."""
    figures = {}
    for result in results:
        for key, value in result.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                figures.setdefault(key, []).append(value)
    return {key: report.spread(values) for key, values in figures.items()}


def headline(result: dict) -> str:
    if "fma_gflops_all_cores" in result:
        return f"{result['fma_gflops_all_cores']:.0f} GFLOP/s peak"
    if "allocations_per_step" in result:
        return f"{result['allocations_per_step']} allocations a step"
    rate = result.get("warm_tokens_per_second") or result["tokens_per_second"]
    return f"{rate:.1f} tokens/s, peak RSS {result['peak_rss_bytes'] / 1e6:.0f} MB"


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number above 0")
    return number


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--steps", type=positive, help=f"steps a round; default: {STEPS}")
    parser.add_argument("--threads", type=positive, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", action="append", metavar="PATTERN", help="contestants whose name holds it; repeatable")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one round of two steps without peers, no report")
    parser.add_argument("--list", action="store_true", help="print the contestants' names and stop")
    parser.add_argument("--report", metavar="RESULT.json", help="render docs/performance.md from an earlier run and stop")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.steps, options.without_peers = 1, options.steps or 2, True
    return options


def main() -> None:
    options = arguments()
    if options.report:
        report.write(Path(options.report), ROOT / "docs")
        return
    if options.list:
        print("\n".join(one.name for one in contestants(options.steps, options.threads)))
        return
    RESULTS.mkdir(parents=True, exist_ok=True)
    run = Run(options)
    # An interrupted run keeps what it has.
    try:
        run.take_all()
        is_whole = True
    except KeyboardInterrupt:
        is_whole = False
    result = run.result()
    stamp = f"{result['date'][:19].replace(':', '')}-{result['commit'][:7]}"
    path = RESULTS / f"{stamp}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    say(f"wrote {path.relative_to(ROOT)}")
    for name, one in result["contestants"].items():
        figures = one["summary"]
        rate = figures.get("warm_tokens_per_second") or figures.get("tokens_per_second")
        if rate:
            print(f"{name:45} {rate['median']:8.1f} tokens/s  [{rate['min']:.1f} to {rate['max']:.1f}]")
        elif one["absence"]:
            print(f"{name:45} not measured: {one['absence']}")
    # The page is of whole runs: a part would put "not measured" where an earlier run had measured.
    if is_whole and not (options.only or options.quick or options.without_peers):
        report.write(path, ROOT / "docs")
    else:
        say(f"docs/performance.md stays as it is; to render it: scripts/benchmark --report {path.relative_to(ROOT)}")
    if not is_whole:
        sys.exit(130)


if __name__ == "__main__":
    main()
