"""What QLoRA's NF4 leaves of a model's linear layers, by bitsandbytes, for the reference scripts."""

import torch
from bitsandbytes import functional as bitsandbytes


def round_trip_through_nf4(model):
    """Replaces every linear layer but the head by what NF4 with double quantisation keeps of it."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            codes, state = bitsandbytes.quantize_4bit(
                module.weight.data, blocksize=64, quant_type="nf4", compress_statistics=True
            )
            module.weight.data = bitsandbytes.dequantize_4bit(codes, state)
