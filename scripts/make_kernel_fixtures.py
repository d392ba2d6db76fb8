"""Writes Tests/Fixtures/kernels: PyTorch's forward and backward of every kernel, one file each.

    python scripts/make_kernel_fixtures.py

A tensor is named `<case>.<role>`; `grad_x` is the gradient of Σ grad_output · output by x. Inputs
are multiples of 1/32, exact in every format. The reference computes in float64 from them and stores
float32, except where a kernel must do as Transformers does in float32 (RoPE's angles, AdamW).
"""

import json
import math
import shutil

import make_model_fixtures as tiny
import torch
from safetensors.torch import save_file
from transformers import get_scheduler
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

FOLDER = tiny.FIXTURES / "kernels"
EPSILON = 1e-5


class Inputs:
    """Random multiples of 1/32 between -2 and 2."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int) -> torch.Tensor:
        return torch.randint(-64, 65, shape, generator=self.generator) / 32


def write(kernel: str, cases: dict[str, dict[str, torch.Tensor]]):
    """Saves the cases of a kernel, floating point as float32 and integers as int32."""
    tensors = {}
    for case, roles in cases.items():
        for role, tensor in roles.items():
            kind = torch.float32 if tensor.is_floating_point() else torch.int32
            tensors[f"{case}.{role}"] = tensor.detach().to(kind).contiguous()
    save_file(tensors, FOLDER / f"{kernel}.safetensors")


def backward(output: torch.Tensor, grad_output: torch.Tensor, **inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """The inputs and their gradients, the output and its gradient."""
    gradients = torch.autograd.grad(output, list(inputs.values()), grad_output.to(output.dtype))
    return {
        **inputs,
        "output": output,
        "grad_output": grad_output,
        **{f"grad_{name}": gradient for name, gradient in zip(inputs, gradients)},
    }


def leaf(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double().requires_grad_()


def rms_norm():
    """input [tokens, channels], weight [channels], rstd [tokens]; epsilon is 1e-5."""
    cases = {}
    for seed, (tokens, channels) in enumerate([(1, 1), (1, 7), (3, 40), (5, 67), (2, 577)]):
        inputs = Inputs(seed)
        x, weight = leaf(inputs(tokens, channels)), 1 + inputs(channels).double() / 4
        if tokens == 5:
            with torch.no_grad():
                x[0] = 0  # a row that only epsilon keeps finite
                x[1] *= 1000
        rstd = torch.rsqrt(x.square().mean(-1) + EPSILON)
        case = backward(x * rstd[:, None] * weight, inputs(tokens, channels), input=x)
        cases[f"{tokens}x{channels}"] = case | {"weight": weight, "rstd": rstd}
    write("rms_norm", cases)


def swiglu():
    """silu(gate) · up, all [tokens, channels]; one row reaches where exp overflows."""
    cases = {}
    for seed, (tokens, channels) in enumerate([(1, 1), (3, 17), (5, 96), (2, 131)]):
        inputs = Inputs(10 + seed)
        gate, up = leaf(inputs(tokens, channels)), leaf(inputs(tokens, channels))
        if tokens == 5:
            with torch.no_grad():
                gate[1] *= 64
        output = torch.nn.functional.silu(gate) * up
        cases[f"{tokens}x{channels}"] = backward(output, inputs(tokens, channels), gate=gate, up=up)
    write("swiglu", cases)


def geglu():
    """gelu(gate) · up with the approximation "tanh", all [tokens, channels]; one row reaches far out."""
    cases = {}
    for seed, (tokens, channels) in enumerate([(1, 1), (3, 17), (5, 96), (2, 131)]):
        inputs = Inputs(70 + seed)
        gate, up = leaf(inputs(tokens, channels)), leaf(inputs(tokens, channels))
        if tokens == 5:
            with torch.no_grad():
                gate[1] *= 64
        output = torch.nn.functional.gelu(gate, approximate="tanh") * up
        cases[f"{tokens}x{channels}"] = backward(output, inputs(tokens, channels), gate=gate, up=up)
    write("geglu", cases)


def rope_tables(positions: torch.Tensor, head_dim: int, theta: float, dtype: torch.dtype):
    """cos and sin [tokens, head_dim], in float32 just as LlamaRotaryEmbedding takes them."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.int64).to(dtype) / head_dim
    angles = positions.to(dtype)[:, None] * (1.0 / theta**exponents)[None]
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rope():
    """input [tokens, heads, head_dim], rotated by halves; `far.exact` has angles in float64."""
    ragged = [0, 1, 2, 0, 0, 1, 2, 3, 4, 69]
    settings = {
        "8": (8, 5, 10000.0, ragged),
        "16": (16, 3, 10000.0, ragged),
        "64": (64, 2, 100000.0, ragged),
        "far": (64, 1, 100000.0, [0, 511, 2047, 8191]),
    }
    cases = {}
    for seed, (case, (head_dim, heads, theta, positions)) in enumerate(settings.items()):
        inputs = Inputs(20 + seed)
        positions = torch.tensor(positions)
        x = inputs(len(positions), heads, head_dim).requires_grad_()
        cos, sin = rope_tables(positions, head_dim, theta, torch.float32)
        output, _ = apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=1)
        cases[case] = backward(output, inputs(*x.shape), input=x)
        cases[case] |= {"positions": positions, "theta": torch.tensor([theta])}
        if case == "far":
            cos, sin = rope_tables(positions, head_dim, theta, torch.float64)
            cases[case]["exact"], _ = apply_rotary_pos_emb(x.double(), x.double(), cos, sin, unsqueeze_dim=1)
    write("rope", cases)


def causal_attention(q, k, v, segments: list[int], cap: float | None = None) -> torch.Tensor:
    """softmax(q kᵀ / √head_dim) v within each segment; query head h reads key head h / group.

    With a cap the scores s become cap · tanh(s / cap).
    """
    group = q.shape[1] // k.shape[1]
    outputs, start = [], 0
    for length in segments:
        rows = slice(start, start + length)
        keys, values = (t[rows].repeat_interleave(group, dim=1) for t in (k, v))
        scores = torch.einsum("ihd,jhd->hij", q[rows], keys) / math.sqrt(q.shape[2])
        if cap is not None:
            scores = cap * torch.tanh(scores / cap)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -math.inf).softmax(-1)
        outputs.append(torch.einsum("hij,jhd->ihd", weights, values))
        start += length
    return torch.cat(outputs)


def attention():
    """q and output [tokens, heads, head_dim], k and v [tokens, key-value heads, head_dim]."""
    settings = {
        "16": (16, 3, 1, [1, 5, 17, 70]),
        "64": (64, 2, 1, [70, 3]),
        "8": (8, 4, 2, [2, 1, 9]),
    }
    cases = {}
    for seed, (case, (head_dim, heads, kv_heads, segments)) in enumerate(settings.items()):
        inputs, tokens = Inputs(30 + seed), sum(segments)
        q = leaf(inputs(tokens, heads, head_dim))
        k, v = (leaf(inputs(tokens, kv_heads, head_dim)) for _ in range(2))
        output = causal_attention(q, k, v, segments)
        cases[case] = backward(output, inputs(*q.shape), q=q, k=k, v=v)
        cases[case]["segment_lengths"] = torch.tensor(segments)
    write("attention", cases)


def attention_soft_cap():
    """As `attention`, with scores that are bounded; cap is [1]."""
    settings = {"16": (16, 3, 1, [1, 5, 17, 70], 1.5), "8": (8, 4, 2, [2, 1, 9], 50.0)}
    cases = {}
    for seed, (case, (head_dim, heads, kv_heads, segments, cap)) in enumerate(settings.items()):
        inputs, tokens = Inputs(80 + seed), sum(segments)
        q = leaf(inputs(tokens, heads, head_dim))
        k, v = (leaf(inputs(tokens, kv_heads, head_dim)) for _ in range(2))
        output = causal_attention(q, k, v, segments, cap)
        cases[case] = backward(output, inputs(*q.shape), q=q, k=k, v=v)
        cases[case] |= {"segment_lengths": torch.tensor(segments), "cap": torch.tensor([cap])}
    write("attention_soft_cap", cases)


def cross_entropy_soft_cap():
    """As `cross_entropy`, of cap · tanh(logits / cap); gradients are by `logits`."""
    cases = {}
    for seed, (rows, vocabulary, cap) in enumerate([(1, 2, 1.0), (3, 17, 2.0), (6, 320, 30.0)]):
        inputs = Inputs(90 + seed)
        logits = leaf(inputs(rows, vocabulary) * 4)
        targets = torch.randint(0, vocabulary, (rows,), generator=inputs.generator)
        weights = torch.tensor([1.0, 0.0, 0.5, 2.0, 1.0, 1.0])[:rows].double()
        capped = cap * torch.tanh(logits / cap)
        losses = torch.nn.functional.cross_entropy(capped, targets, reduction="none")
        (gradient,) = torch.autograd.grad((weights * losses).sum(), logits)
        cases[f"{rows}x{vocabulary}"] = {
            "logits": logits, "capped": capped, "targets": targets, "weights": weights,
            "losses": losses, "cap": torch.tensor([cap]), "grad_logits": gradient,
        }  # fmt: skip
    write("cross_entropy_soft_cap", cases)


def cross_entropy():
    """loss = Σ weight · negative log-likelihood, not divided; losses [rows] are before the weight."""
    cases = {}
    for seed, (rows, vocabulary) in enumerate([(1, 1), (1, 2), (3, 17), (6, 320), (4, 131)]):
        inputs = Inputs(40 + seed)
        logits = leaf(inputs(rows, vocabulary))
        targets = torch.randint(0, vocabulary, (rows,), generator=inputs.generator)
        weights = torch.tensor([1.0, 0.0, 0.5, 2.0, 1.0, 1.0])[:rows].double()
        if rows == 4:
            with torch.no_grad():
                logits[2] *= 500  # exp overflows unless the maximum is taken out
                logits[3] += 1000
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        loss = (weights * losses).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        cases[f"{rows}x{vocabulary}"] = {
            "logits": logits, "targets": targets, "weights": weights,
            "losses": losses, "loss": loss.reshape(1), "grad_logits": gradient,
        }  # fmt: skip
    write("cross_entropy", cases)


def adamw():
    """Five steps: gradients and parameters_after [5, n], learning_rates [5]; moments after the last."""
    cases = {}
    for seed, (case, decay) in enumerate({"decay": 0.1, "plain": 0.0}.items()):
        inputs, count = Inputs(50 + seed), 37
        parameter = inputs(count).requires_grad_()
        initial = parameter.detach().clone()
        gradients = inputs(5, count)
        gradients[:, 0] = 0
        gradients[:, 1] = 1e-9  # beside epsilon
        gradients[:, 2] = 1e6
        gradients[1:, 3] = 0
        learning_rates = [0.0, 0.01, 0.02, 0.01, 0.001]
        optimizer = torch.optim.AdamW(
            [parameter], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=decay, foreach=False
        )
        after = []
        for gradient, rate in zip(gradients, learning_rates):
            optimizer.param_groups[0]["lr"] = rate
            parameter.grad = gradient.clone()
            optimizer.step()
            after.append(parameter.detach().clone())
        state = optimizer.state[parameter]
        cases[case] = {
            "initial": initial, "gradients": gradients, "learning_rates": torch.tensor(learning_rates),
            "weight_decay": torch.tensor([decay]), "parameters_after": torch.stack(after),
            "first_moment": state["exp_avg"], "second_moment": state["exp_avg_sq"],
        }  # fmt: skip
    write("adamw", cases)


def gradient_clipping():
    """Two gradients clipped to a global norm of 1, from above and from below it."""
    cases = {}
    for seed, (case, scale) in enumerate({"above": 3.0, "below": 0.01}.items()):
        inputs = Inputs(60 + seed)
        first, second = inputs(3, 7) * scale, inputs(11) * scale
        parameters = [torch.zeros_like(first).requires_grad_(), torch.zeros_like(second).requires_grad_()]
        parameters[0].grad, parameters[1].grad = first.clone(), second.clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        cases[case] = {
            "first": first, "second": second, "norm": norm.reshape(1),
            "clipped_first": parameters[0].grad, "clipped_second": parameters[1].grad,
        }  # fmt: skip
    write("gradient_clipping", cases)


def schedules():
    """schedules.json: the learning rate of each of fifty steps as Transformers' get_scheduler has it."""
    peak, steps = 0.003, 50
    settings = [
        ("constant", 0, {}),
        ("constant_with_warmup", 7, {}),
        ("linear", 0, {}),
        ("linear", 7, {}),
        ("cosine", 0, {}),
        ("cosine", 7, {}),
        ("cosine", 5, {"num_cycles": 1.5}),
        ("cosine_with_restarts", 7, {}),
        ("cosine_with_restarts", 4, {"num_cycles": 3}),
        ("polynomial", 7, {}),
        ("polynomial", 3, {"power": 2.0, "lr_end": 1e-4}),
        ("inverse_sqrt", 0, {}),
        ("inverse_sqrt", 7, {}),
        ("inverse_sqrt", 7, {"timescale": 20}),
    ]
    written = []
    for name, warmup, extra in settings:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
        schedule = get_scheduler(
            name, optimizer, num_warmup_steps=warmup, num_training_steps=steps, scheduler_specific_kwargs=extra
        )
        rates = []
        for _ in range(steps):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        written.append(
            {"lr_scheduler_type": name, "learning_rate": peak, "max_steps": steps, "warmup_steps": warmup,
             "lr_scheduler_kwargs": extra, "learning_rates": rates}
        )  # fmt: skip
    lines = ",\n".join(json.dumps(schedule) for schedule in written)
    (FOLDER / "schedules.json").write_text(f"[\n{lines}\n]\n")


def main():
    tiny.print_versions()
    tiny.quiet()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for kernel in (
        rms_norm, swiglu, geglu, rope, attention, attention_soft_cap, cross_entropy, cross_entropy_soft_cap,
        adamw, gradient_clipping, schedules,
    ):  # fmt: skip
        kernel()
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.stat().st_size:8d}  {path.relative_to(tiny.FIXTURES)}")


if __name__ == "__main__":
    main()
