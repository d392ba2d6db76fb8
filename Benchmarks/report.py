"""Renders docs/performance.md and its picture from one result of run.py. Standard library only.

Nothing here measures or remembers: the same result always gives the same bytes, and a contestant that did
not run reads "not measured".
"""

import json
import shlex
import statistics
from pathlib import Path
from xml.sax.saxutils import escape

# FLOP a token of `full`: 4 · 134.5 M for the two products with each frozen weight, 53 for causal attention at
# length 512, 11 for LoRA of rank 16 on q, k, v and o.
FLOP_A_TOKEN = 602e6
NOT_MEASURED = "not measured"

WORKLOADS = {
    "full": "4 × 512 tokens, all supervised; LoRA r = 16 on q, k, v, o",
    "chat": "16 chat rows of about 52 tokens, 8 of each supervised; r = 16 on all linear layers",
    "prefix": "16 rows of a shared instruction of 300 tokens and a message of 20, 6 supervised; r = 16 on all linear layers",
}
VARIANTS = {
    "lorikeet-f32": "Lorikeet, f32",
    "lorikeet-nf4": "Lorikeet, NF4",
    "lorikeet-w8a16": "Lorikeet, W8A16",
    "lorikeet-nf4-350MB": "Lorikeet, NF4, 350 MB",
    "lorikeet-f32-without-trie": "Lorikeet, f32, no trie",
    "peft-f32": "PEFT, f32",
    "peft-nf4": "PEFT + bitsandbytes, NF4",
    "peft-f32-grouped-supervised": "PEFT, f32, grouped, supervised logits",
}


def spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "count": len(values)}


class Result:
    """A result file, asked for figures by contestant."""

    def __init__(self, data: dict):
        self.data = data

    def samples(self, name: str) -> dict[int, dict]:
        """The contestant's results by round."""
        one = self.data["contestants"].get(name, {})
        return {sample["round"]: sample["result"] for sample in one.get("samples", [])}

    def values(self, name: str, figure) -> dict[int, float]:
        """A figure by round; none where a result lacks it."""
        found = {number: figure(result) for number, result in self.samples(name).items()}
        return {number: value for number, value in found.items() if value is not None}

    def spread(self, name: str, figure) -> dict | None:
        values = list(self.values(name, figure).values())
        return spread(values) if values else None

    def ratio(self, name: str, other: str, figure) -> float | None:
        """The median of each round's ratio: what slowed a whole round down slowed both."""
        mine, theirs = self.values(name, figure), self.values(other, figure)
        ratios = [mine[number] / theirs[number] for number in mine.keys() & theirs.keys()]
        return statistics.median(ratios) if ratios else None

    def peak(self) -> float | None:
        """FLOP/s of multiply-adds on all cores: the most of all rounds, since nothing can exceed a peak."""
        found = self.spread("machine", lambda result: result["fma_gflops_all_cores"])
        return found["max"] * 1e9 if found else None

    def share_of_peak(self, name: str) -> float | None:
        peak, found = self.peak(), self.spread(name, rate)
        return found["median"] * FLOP_A_TOKEN / peak if peak and found else None


# Figures of one sample.


def rate(result: dict) -> float:
    """Real tokens a second, the first step left out."""
    return result.get("warm_tokens_per_second") or result["tokens_per_second"]


def peak_rss(result: dict) -> float:
    return result["peak_rss_bytes"]


def start_up(result: dict) -> float:
    """Seconds from the start of the process to the first optimizer step, beyond what a later step takes.

    What makes the first step slower than the others, memory that is touched for the first time above all, belongs to
    the start.
    """
    return result["seconds_to_first_step"] - statistics.median(result["step_seconds"][1:])


# Text.


def shown(found: dict | None, scale: float = 1, digits: int = 0, unit: str = "") -> str:
    if not found:
        return NOT_MEASURED
    median, least, most = (f"{found[key] / scale:,.{digits}f}" for key in ("median", "min", "max"))
    return f"{median}{unit}" + (f" [{least}–{most}]" if found["count"] > 1 else "")


def times(ratio: float | None) -> str:
    return NOT_MEASURED if ratio is None else f"{ratio:.2f} ×"


def percent(share: float | None, digits: int = 0) -> str:
    return NOT_MEASURED if share is None else f"{100 * share:.{digits}f} %"


def table(header: list[str], rows: list[list[str]], numeric_from: int = 1) -> str:
    ruler = ["---" if column < numeric_from else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ruler, *rows])


def label(name: str) -> str:
    return VARIANTS.get(name.rsplit("/", 1)[1], name)


def training_names(result: Result, workload: str) -> list[str]:
    prefix = f"training/{workload}/"
    names = [name for name in result.data["contestants"] if name.startswith(prefix)]
    known = list(VARIANTS)
    return sorted(names, key=lambda name: known.index(name[len(prefix) :]))


# Sections.


def section_heading(result: Result) -> str:
    data, machine = result.data, result.data["machine"]
    modified = ", with changes not yet committed" if data["is_modified"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(data["versions"].items()))
    steps = data["steps"]
    steps = f"{steps} steps" if isinstance(steps, int) else ", ".join(f"{name} {n}" for name, n in steps.items())
    peer_steps = ", ".join(f"{name} {n}" for name, n in data["peer_steps"].items())
    return f"""# Performance

<!-- Rendered by scripts/benchmark --report; edits are lost. -->

Rendered from one run of `scripts/benchmark`; what integer compute does to quality is in [quality.md](quality.md). All tools read the same model file (SmolLM2-135M-Instruct, Q4_1) and the same rows, one after the other in {data["rounds"]} {"round" if data["rounds"] == 1 else "rounds"} in alternating order. Figures are medians, with the least and the most in brackets; ratios are medians of each round's ratio. A round takes few steps (training: {steps}; peers at most {peer_steps}), of which the first warms up and is not counted.

| | |
|---|---|
| date, commit | {data["date"][:10]}, {data["commit"][:10]}{modified} |
| CPU | {machine["cpu"]}, {machine["cores"]} cores, {data["threads"]} threads |
| instruction sets | {" ".join(machine["flags"])} |
| memory | {machine["memory_bytes"] / 1e9:.0f} GB |
| system | {machine["system"]}, {machine["swift"]} |
| peers | {versions or NOT_MEASURED} |"""


def section_targets(result: Result) -> str:
    def verdict(value: float | None, must: float, aim: float, is_upper_bound: bool = False) -> str:
        if value is None:
            return NOT_MEASURED
        reaches = (lambda bound: value <= bound) if is_upper_bound else (lambda bound: value >= bound)
        return "aim" if reaches(aim) else "must" if reaches(must) else "no"

    def ratio_row(what, must, aim, name, other, only):
        value = result.ratio(name, other, rate)
        return [what, f"{must:g} ×", f"{aim:g} ×", times(value), verdict(value, must, aim), command(only)]

    def command(*only: str) -> str:
        return "`scripts/benchmark " + " ".join(f"--only {shlex.quote(text)}" for text in only) + "`"

    full = "training/full/"
    share = result.share_of_peak(full + "lorikeet-f32")
    memory = result.spread(full + "lorikeet-nf4", peak_rss)
    bounded = result.spread(full + "lorikeet-nf4-350MB", peak_rss)
    start = result.spread(full + "lorikeet-nf4", start_up)
    counts = [
        result.spread(f"allocations/full/lorikeet-{kind}", lambda one: one["allocations_per_step_most"])
        for kind in ("f32", "nf4")
    ]
    allocations = max((one["max"] for one in counts if one), default=None)
    if memory is None:
        memory_met = NOT_MEASURED
    elif memory["median"] > 700e6:
        memory_met = "no"
    else:
        memory_met = "aim" if bounded and bounded["median"] <= 350e6 else "must"
    rows = [
        ratio_row("f32 against PEFT f32", 1.8, 2.2, full + "lorikeet-f32", full + "peft-f32", "training/full/*-f32"),
        ["f32, share of the multiply-add peak", "70 %", "85 %", percent(share), verdict(share, 0.70, 0.85),
         command("machine", "training/full/lorikeet-f32")],
        ratio_row("NF4 against our own f32", 0.95, 1, full + "lorikeet-nf4", full + "lorikeet-f32", "training/full/lorikeet"),
        ratio_row("NF4 against PEFT + bitsandbytes", 2.2, 3, full + "lorikeet-nf4", full + "peft-nf4", "training/full/*-nf4"),
        ratio_row("W8A16 against PEFT f32", 3, 4, full + "lorikeet-w8a16", full + "peft-f32", "training/full"),
        ratio_row("shared instruction against ourselves without the trie", 5, 10,
                  "training/prefix/lorikeet-f32", "training/prefix/lorikeet-f32-without-trie", "training/prefix/lorikeet-f32"),
        ["peak RSS, NF4, 4 × 512", "700 MB", "350 MB under `max_memory`",
         f"{shown(memory, 1e6, unit=' MB')}; under `max_memory` {shown(bounded, 1e6, unit=' MB')}", memory_met,
         command("training/full/lorikeet-nf4")],
        ["GGUF to first optimizer step, NF4, beyond what a later step takes", "1.5 s", "0.7 s",
         shown(start, digits=2, unit=" s"), verdict(start and start["median"], 1.5, 0.7, True),
         command("training/full/lorikeet-nf4")],
        ["heap allocations in a steady training step, numeric core", "0", "0",
         NOT_MEASURED if allocations is None else f"{allocations:,.0f}", verdict(allocations, 0, 0, True),
         command("allocations")],
        ratio_row("decoding one sequence against llama.cpp, Q4_1", 1, 2, "decoding/1/lorikeet", "decoding/1/llama.cpp", "decoding/1"),
    ]  # fmt: skip
    return f"""## Targets

All training rates are at 4 × 512 unless another workload is named. The last column but one says which bound is met.

{table(["", "must", "aim", "measured", "met", "command"], rows, numeric_from=9)}"""


def section_machine(result: Result) -> str:
    def figure(key: str, unit: str) -> str:
        return shown(result.spread("machine", lambda one: one.get(key)), unit=unit)

    peaks = [
        ["f32 multiply-add peak, one core", figure("fma_gflops_one_core", " GFLOP/s")],
        ["f32 multiply-add peak, all cores", figure("fma_gflops_all_cores", " GFLOP/s")],
        ["reading memory, all cores", figure("memory_bandwidth_gigabytes_per_second", " GB/s")],
    ]
    text = f"""## Machine

The peak is a loop of fused multiply-adds on registers alone (`Benchmarks/Sources/C/CFMAPeak`); shares on this page are of its largest figure on all cores. Products are the library's own, forward (Y = X · Wᵀ) and backward (∂X = ∂Y · W), at this model's shapes and 1,024 tokens, unpacking the weights included.

{table(["", "measured"], peaks)}"""
    samples = list(result.samples("machine").values())
    if not samples:
        return text
    rows = []
    for index, product in enumerate(samples[0]["products"]):
        cells = []
        for key in ("forward_gflops", "backward_gflops"):
            found = spread([sample["products"][index][key] for sample in samples])
            cells += [shown(found), percent(found["median"] * 1e9 / result.peak())]
        rows.append([f"{product['inputs']:,} → {product['outputs']:,}, {product['weights']}", *cells])
    header = ["product", "forward, GFLOP/s", "of peak", "backward, GFLOP/s", "of peak"]
    return f"{text}\n\n{table(header, rows)}"


def section_training(result: Result) -> str:
    parts = [
        """## Training

![Tokens a second by workload and tool](performance.svg)

Every real token counts once, padding never, whatever a tool computes. Peak RSS is `VmHWM` of the whole process, mapped pages of the model file included. The share of the peak takes 602 MFLOP a token, which holds for the first workload only."""
    ]
    for workload, description in WORKLOADS.items():
        names = training_names(result, workload)
        if not names:
            continue
        base = f"training/{workload}/peft-f32"
        rows = []
        for name in names:
            cells = [label(name), shown(result.spread(name, rate)), shown(result.spread(name, peak_rss), 1e6, unit=" MB")]
            cells.append(times(result.ratio(name, base, rate)))
            if workload == "full":
                cells.append(percent(result.share_of_peak(name)))
            rows.append(cells)
        header = ["", "tokens/s", "peak RSS", "against PEFT f32"] + (["share of peak"] if workload == "full" else [])
        parts.append(f"### `{workload}`: {description}\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def section_memory(result: Result) -> str:
    kinds = ["lorikeet-f32", "lorikeet-nf4", "lorikeet-w8a16", "lorikeet-nf4-350MB", "peft-f32", "peft-nf4"]
    rows = []
    for kind in kinds:
        cells = [VARIANTS[kind]]
        for workload in WORKLOADS:
            name = f"training/{workload}/{kind}"
            absent = name not in result.data["contestants"] and kind == "lorikeet-nf4-350MB" and workload != "full"
            cells.append("–" if absent else shown(result.spread(name, peak_rss), 1e6))
        rows.append(cells)
    return f"""## Memory

Peak RSS of a training process in MB (10⁶ bytes). "350 MB" is the run told to stay below that by `max_memory`.

{table(["", *(f"`{workload}`" for workload in WORKLOADS)], rows)}"""


def section_decoding(result: Result) -> str:
    rows = []
    for sequences in (1, 32):
        for tool, text in (("lorikeet", "Lorikeet"), ("llama.cpp", "llama.cpp")):
            name = f"decoding/{sequences}/{tool}"
            rows.append([
                f"{text}, {sequences} {'sequence' if sequences == 1 else 'sequences'}",
                shown(result.spread(name, lambda one: one["prompt_tokens_per_second"])),
                shown(result.spread(name, lambda one: one["tokens_per_second"]), digits=1),
                shown(result.spread(name, peak_rss), 1e6, unit=" MB"),
                times(result.ratio(name, f"decoding/{sequences}/llama.cpp", lambda one: one["tokens_per_second"])),
            ])  # fmt: skip
    header = ["", "prompt tokens/s", "decoded tokens/s", "peak RSS", "decoding against llama.cpp"]
    return f"""## Decoding

Greedy, from the Q4_1 file, a prompt of 256 tokens a sequence and 128 more, on past any end of text; tokens of all sequences together. With one sequence both tools take the better of two tries in a process.

{table(header, rows)}"""


def section_start_up(result: Result) -> str:
    rows = []
    for kind in ("f32", "nf4", "w8a16"):
        name = f"training/full/lorikeet-{kind}"
        rows.append([
            VARIANTS[f"lorikeet-{kind}"],
            shown(result.spread(name, lambda one: one["seconds_to_first_step"]), digits=2, unit=" s"),
            shown(result.spread(name, lambda one: one["first_step_seconds"]), digits=2, unit=" s"),
            shown(result.spread(name, start_up), digits=2, unit=" s"),
        ])  # fmt: skip
    return f"""## Start-up

From the start of the process to the end of the first optimizer step at 4 × 512: loading, packing or quantising the weights, starting the adapter and the step itself. Rows are ready-made token ids, so no tokenising is in it.

{table(["", "to the end of the first step", "that step", "beyond a later step"], rows)}"""


def section_allocations(result: Result) -> str:
    rows = []
    for kind in ("f32", "nf4"):
        name = f"allocations/full/lorikeet-{kind}"
        samples = list(result.samples(name).values())
        cells = [NOT_MEASURED, NOT_MEASURED]
        if samples:
            cells = [f"{samples[-1]['allocations_per_step']:,}", f"{samples[-1]['step_allocations'][-1]:,}"]
        rows.append([VARIANTS[f"lorikeet-{kind}"], *cells])
    return f"""## Allocations

Calls of malloc, calloc, realloc, aligned_alloc and posix_memalign on any thread in a step at 4 × 512, after two steps that make the buffers. The numeric core is forward, backward, clipping and AdamW over batches that stand ready; a whole step also lays rows out and reports.

{table(["", "numeric core", "whole step"], rows)}"""


def section_profile(result: Result) -> str:
    parts = ["## Where a step's time goes"]
    for kind in ("f32", "nf4", "w8a16"):
        samples = [one for one in result.samples(f"training/full/lorikeet-{kind}").values() if one.get("profile")]
        if not samples:
            continue
        steps = sum(max(1, len(one["step_seconds"]) - 1) for one in samples)
        total = sum(one["profiled_seconds"] for one in samples)
        seconds = {}
        for one in samples:
            for part, spent in one["profile"].items():
                seconds[part] = seconds.get(part, 0) + spent
        ranked = sorted(seconds.items(), key=lambda item: -item[1])
        accounted = sum(seconds.values())
        rows = [[part, f"{1e3 * spent / steps:,.1f}", percent(spent / total, 1)] for part, spent in ranked]
        rows.append(["accounted for", f"{1e3 * accounted / steps:,.1f}", percent(accounted / total, 1)])
        rows.append(["step", f"{1e3 * total / steps:,.1f}", "100 %"])
        parts.append(f"{VARIANTS[f'lorikeet-{kind}']}, 4 × 512:\n\n{table(['part', 'ms a step', 'share'], rows)}")
    if len(parts) == 1:
        parts.append(f"The step profile was {NOT_MEASURED} in this run.")
    return "\n\n".join(parts)


def page(result: Result) -> str:
    sections = [
        section_heading, section_targets, section_machine, section_training, section_memory, section_decoding,
        section_start_up, section_allocations, section_profile,
    ]  # fmt: skip
    return "\n\n".join(section(result) for section in sections) + "\n"


# The picture.


def picture(result: Result) -> str:
    """Bars of tokens a second by workload, readable on light and dark ground alike."""
    left, width, bar, gap = 270, 400, 18, 8
    rows, y = [], 16
    titles = {"full": "4 × 512 tokens, all supervised", "chat": "16 chat rows of about 52 tokens",
              "prefix": "16 messages after a shared instruction"}  # fmt: skip
    for workload, title in titles.items():
        found = [(name, result.spread(name, rate)) for name in training_names(result, workload)]
        found = [(name, one) for name, one in found if one]
        if not found:
            continue
        # Each workload has a scale of its own: only bars of one group compare.
        scale = width / max(one["max"] for _, one in found)
        rows.append(f'<text class="title" x="0" y="{y + 12}">{escape(title)}</text>')
        y += 26
        for name, one in found:
            middle = y + bar / 2
            kind = "own" if "/lorikeet" in name else "peer"
            length, least, most = (one[key] * scale for key in ("median", "min", "max"))
            rows.append(f'<text x="{left - 10}" y="{middle + 4.5}" text-anchor="end">{escape(label(name))}</text>')
            rows.append(f'<rect class="{kind}" x="{left}" y="{y}" width="{length:.1f}" height="{bar}" rx="2"/>')
            if most - least > 1:
                rows.append(
                    f'<path class="range" d="M{left + least:.1f} {middle}H{left + most:.1f}'
                    f"M{left + least:.1f} {middle - 4}v8M{left + most:.1f} {middle - 4}v8\"/>"
                )
            end = left + max(length, most) + 8
            rows.append(f'<text x="{end:.1f}" y="{middle + 4.5}">{one["median"]:,.0f}</text>')
            y += bar + gap
        y += 14
    total = left + width + 70
    body = "\n".join(rows)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {y + 14}" width="{total}" height="{y + 14}" role="img">
<title>Training tokens a second by workload and tool</title>
<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }}
.title {{ font-weight: 600; }}
.note {{ font-size: 11px; fill: #59636e; }}
.own {{ fill: #1a7f5a; }}
.peer {{ fill: #9aa4af; }}
.range {{ stroke: #1f2328; stroke-width: 1.2; fill: none; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.note {{ fill: #9198a1; }}
.own {{ fill: #3fb984; }}
.peer {{ fill: #6b7683; }}
.range {{ stroke: #e6edf3; }}
}}
</style>
{body}
<text class="note" x="0" y="{y + 4}">Tokens a second, median, with least and most; each group has a scale of its own.</text>
</svg>
"""


def write(path: Path, docs: Path) -> None:
    result = Result(json.loads(path.read_text()))
    (docs / "performance.md").write_text(page(result))
    (docs / "performance.svg").write_text(picture(result))
