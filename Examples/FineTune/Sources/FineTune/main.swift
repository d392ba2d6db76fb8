import CausalLM
import Configuration
import Datasets
import Inference
import Kernels
import LoRA
import ModelFiles
import Quantization
import Serialization
import Tokenization
import Training

print("FineTune: built against Lorikeet")
