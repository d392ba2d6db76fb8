/// Words that mean something in a format.
enum FuzzDictionary {
  static func tokens(of format: FuzzFormat) -> [[UInt8]] {
    switch format {
    case .gguf: return ggufTokens
    case .safetensors: return json + words(safetensors)
    case .tokenizer: return json + words(tokenizer) + words(patterns)
    case .json: return json + words(modelConfiguration)
    case .yaml: return words(yaml)
    case .template: return words(template)
    case .jsonl: return json + words(rows)
    case .adapter:
      return json + words(adapter) + words(safetensors) + words(patterns) + ggufTokens
    }
  }

  private static func words(_ text: String) -> [[UInt8]] {
    text.split(separator: "¦").map { Array($0.utf8) }
  }

  private static let json =
    words(
      #"{¦}¦[¦]¦,¦:¦"¦\¦""¦{}¦[]¦null¦true¦false¦"a"¦"a":¦,"a":¦\u0000¦\ud800¦\ud83d\ude00¦\n¦\"¦/¦"#
        + "-¦.¦e¦E+¦0¦-0¦1e308¦ ¦\n¦\t¦\r\n¦é¦😀¦\u{FEFF}¦\u{0}¦\u{7F}¦\"\u{1F}\"")
    + [
      [0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xE2, 0x82],
    ]

  private static let safetensors =
    #""F32"¦"F16"¦"BF16"¦"F64"¦"I64"¦"U8"¦"F4"¦"F6_E2M3"¦"F8_E4M3"¦"dtype":¦"shape":¦"data_offsets":¦"#
    + #""__metadata__":{"format":"pt"},¦[0,0]¦[0,4]¦[1,1]¦[0]¦[]¦[4611686018427387904,4]¦"#
    + #"[9223372036854775807,2]¦[0,9223372036854775807,9223372036854775807]¦"#
    + #"[9223372036854775807,9223372036854775807,0]¦,"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#

  private static let tokenizer =
    #""model":¦"vocab":¦"merges":¦"added_tokens":¦"pre_tokenizer":¦"decoder":¦"post_processor":¦"#
    + #""normalizer":null,¦"type":¦"BPE"¦"ByteLevel"¦"Sequence"¦"Split"¦"Digits"¦"pretokenizers":¦"#
    + #""pattern":¦"Regex":¦"String":¦"behavior":¦"Removed"¦"Isolated"¦"MergedWithPrevious"¦"#
    + #""MergedWithNext"¦"Contiguous"¦"invert":true¦"individual_digits":true¦"add_prefix_space":true¦"#
    + #""use_regex":false¦"trim_offsets":true¦"unk_token":"a"¦"fuse_unk":true¦"byte_fallback":true¦"#
    + #""ignore_merges":true¦"dropout":0.1¦"continuing_subword_prefix":""¦"id":¦"content":¦"#
    + #""special":true¦"lstrip":true¦"rstrip":true¦"single_word":true¦"normalized":true¦"processors":¦"#
    + #""TemplateProcessing"¦"single":¦"pair":¦"special_tokens":¦"SpecialToken"¦"Sequence"¦"type_id":0¦"#
    + #""normalizer":{"type":"Sequence","normalizers":[¦{"type":"NFC"}¦{"type":"Prepend","prepend":"▁"}¦"#
    + #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}¦{"type":"ByteFallback"}¦{"type":"Fuse"}¦"#
    + #"{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}¦"<0x0A>"¦▁¦"Unigram"¦"#
    + #""unk_id":0¦"vocab":[["a",-1.5]]¦"#
    + #"["a","b"]¦"a b"¦"Ġ"¦"Ġa"¦"ĠĠ"¦{"a":0}¦{"type":"ByteLevel","add_prefix_space":true}¦"#
    + #"{"type":"Split","pattern":{"Regex":"a*"},"behavior":"Removed","invert":true},"#

  private static let patterns =
    #"(?:¦(?=¦(?!¦(?<=¦(?<!¦(?>¦(?i:¦(?i)¦)¦*¦+¦?¦*?¦+?¦??¦{1,3}¦{,3}¦{0,65535}¦{2}¦|¦^¦$¦.¦.*¦(.*)*¦"#
    + #"(a+)+¦(a|aa)+¦(\\w*)*¦\\p{L}¦\\p{N}¦\\p{Lu}¦\\P{M}¦\\s¦\\S¦\\d¦\\w¦\\W¦\\b¦\\A¦\\z¦\\Z¦\\R¦\\X¦\\K¦"#
    + #"\\1¦\\g<0>¦\\k<a>¦(?<a>¦[¦]¦[^¦[^\\s\\p{L}]¦[a-z&&[^b]]¦[[:alpha:]]¦\\x{10FFFF}¦\\u0041¦\\n¦\\\\¦(*ACCEPT)¦(?R)¦(?#"#

  private static let modelConfiguration =
    #""model_type":"llama"¦"architectures":["LlamaForCausalLM"]¦"hidden_size":¦"intermediate_size":¦"#
    + #""num_hidden_layers":¦"num_attention_heads":¦"num_key_value_heads":¦"head_dim":¦"vocab_size":¦"#
    + #""rms_norm_eps":¦"rope_theta":¦"rope_scaling":¦"rope_parameters":¦"rope_type":"llama3"¦"#
    + #""factor":8.0¦"low_freq_factor":1.0¦"high_freq_factor":4.0¦"#
    + #""original_max_position_embeddings":8192¦"tie_word_embeddings":true¦"attention_bias":true¦"#
    + #""mlp_bias":true¦"torch_dtype":"bfloat16"¦"hidden_act":"silu"¦"quantization_config":{}¦"qwen2"¦"mistral"¦"#
    + #""gemma2"¦"gemma3_text"¦"sliding_window":¦"sliding_window_pattern":¦"layer_types":¦"#
    + #""query_pre_attn_scalar":¦"attn_logit_softcapping":¦"final_logit_softcapping":¦"#
    + #""rope_local_base_freq":¦"full_attention":¦"sliding_attention":¦"hidden_activation":¦"#
    + #""use_bidirectional_attention":true"#

  private static let yaml =
    "model:¦\n  path: ¦data:¦\n  train: ¦lora:¦\n  r: ¦training:¦\n  output_dir: ¦lora_alpha: ¦"
    + "lora_dropout: ¦target_modules: ¦all-linear¦[q_proj, v_proj]¦learning_rate: ¦lr_scheduler_type: ¦"
    + "cosine¦polynomial¦cosine_with_min_lr¦lr_scheduler_kwargs:¦\n    num_cycles: ¦warmup_ratio: ¦"
    + "warmup_steps: ¦max_memory: ¦8 GB¦1.5GiB¦load_in_4bit: true¦bnb_4bit_quant_type: nf4¦max_length: ¦"
    + "rank_pattern: {q_proj: 4}¦layers_to_transform: [0, 1]¦eval_strategy: ¦steps¦epoch¦'no'¦"
    + "load_best_model_at_end: true¦early_stopping_patience: ¦num_train_epochs: ¦max_steps: ¦seed: ¦"
    + "true¦false¦yes¦null¦~¦.inf¦-.inf¦.nan¦1e-5¦0x1F¦0o17¦1_000¦: ¦:¦- ¦-¦?¦? ¦!¦!!str ¦&a ¦*a¦<<: ¦"
    + "|\n  a\n¦>-\n  a\n¦\"a\\u0000\"¦\"\\x41\"¦'a''b'¦[¦]¦{¦}¦,¦#¦# a\n¦\n¦\n  ¦\n    ¦\t¦---\n¦...\n¦"
    + "%YAML 1.1\n---\n¦%TAG ! tag:a,2000:\n¦\u{FEFF}¦\u{85}¦\u{2028}¦é¦😀¦a: a\n¦\r\n¦\r¦=¦data.max_length=¦"
    + "training.seed=¦lora.r=¦model.path=¦["

  private static let template =
    "{{ ¦ }}¦{{- ¦ -}}¦{% ¦ %}¦{%- ¦ -%}¦{# ¦ #}¦{%+ ¦for m in messages¦endfor¦if ¦elif ¦else¦endif¦set ¦"
    + "{% set x = ¦endset¦macro f(a, b=1)¦endmacro¦call f()¦endcall¦filter upper¦endfilter¦with a = 1¦"
    + "endwith¦generation¦endgeneration¦raw¦endraw¦break¦continue¦{% for m in messages %}¦{% endfor %}¦"
    + "{% if m.role == 'assistant' %}¦{% endif %}¦{% set ns = namespace(x=0) %}¦{% set ns.x = ¦"
    + "{% generation %}¦{% endgeneration %}¦{{ m.content }}¦{{ m['role'] }}¦messages¦messages[0]¦"
    + "messages[-1]¦messages[1:]¦messages[::-1]¦[::-2]¦[5:1]¦[-9223372036854775807 - 1:]¦tools¦bos_token¦"
    + "eos_token¦add_generation_prompt¦loop.index¦loop.index0¦loop.last¦loop.previtem¦loop.nextitem¦"
    + "loop.cycle('a', 'b')¦loop.changed(m)¦loop.length¦loop.revindex¦loop.depth¦namespace()¦range(10)¦"
    + "range(-5, 9223372036854775807, 3)¦range(0, -5, -1)¦dict(a=1)¦lipsum()¦cycler('a', 'b')¦joiner(', ')¦"
    + "raise_exception('a')¦strftime_now('%Y-%m-%d %j %U')¦caller()¦varargs¦kwargs¦*[1, 2]¦**{'a': 1}¦"
    + " | tojson¦ | tojson(indent=4)¦ | trim¦ | upper¦ | lower¦ | title¦ | capitalize¦ | length¦ | list¦"
    + " | first¦ | last¦ | join(', ')¦ | replace('a', 'bb')¦ | default('x', true)¦ | int¦ | int(0, 16)¦"
    + " | float¦ | round(2)¦ | round(400, 'floor')¦ | abs¦ | sort¦ | sort(attribute='role', reverse=true)¦"
    + " | unique¦ | reverse¦ | map(attribute='content')¦ | map('upper')¦ | select('string')¦"
    + " | selectattr('role', 'equalto', 'user')¦ | rejectattr('x')¦ | reject('none')¦ | batch(2, 0)¦"
    + " | slice(3)¦ | groupby('role')¦ | dictsort¦ | items¦ | indent(4, true)¦ | wordcount¦ | wordwrap(5)¦"
    + " | truncate(9)¦ | center(80)¦ | escape¦ | e¦ | safe¦ | striptags¦ | string¦ | sum¦ | min¦ | max¦"
    + " | urlencode¦ | filesizeformat¦ | xmlattr¦ | pprint¦ | format(1, 2)¦ | attr('x')¦"
    + " is defined¦ is none¦ is string¦ is mapping¦ is iterable¦ is sequence¦ is number¦ is even¦"
    + " is divisibleby 3¦ is sameas none¦ is in [1]¦ is not undefined¦ is lower¦ is callable¦ is eq 1¦"
    + ".strip()¦.lstrip('a')¦.rstrip()¦.split()¦.split('a', 1)¦.rsplit(none, 2)¦.splitlines(true)¦"
    + ".startswith('a')¦.endswith(('a', 'b'))¦.replace('a', 'b', 1)¦.find('a', -3)¦.rfind('')¦.index('a')¦"
    + ".count('')¦.join(['a', 'b'])¦.format(1, a=2)¦.title()¦.zfill(30)¦.center(20, '*')¦.ljust(9)¦"
    + ".encode()¦.items()¦.keys()¦.values()¦.get('role', 1)¦.pop()¦.update({})¦.append(1)¦.copy()¦"
    + ".partition(' ')¦.rpartition('a')¦.expandtabs(3)¦.swapcase()¦.casefold()¦.removeprefix('a')¦"
    + ".isdigit()¦.isalpha()¦.istitle()¦.__class__¦[1, 'a', none, 2.5]¦{'a': 1, 2: [3]}¦(1, 2)¦(1,)¦()¦"
    + "'a'¦\"b\"¦'\\n\\x41\\u00e9\\N{BULLET}'¦1¦0¦-1¦2.5¦1e300¦9223372036854775807¦-9223372036854775807 - 1¦"
    + "true¦None¦ + ¦ - ¦ * ¦ / ¦ // ¦ % ¦ ** ¦ ~ ¦ == ¦ != ¦ < ¦ >= ¦ and ¦ or ¦not ¦ in ¦ not in ¦ if ¦"
    + " else ¦(¦)¦[¦]¦{¦}¦,¦:¦=¦|¦.¦'%s %d %5.2f' % ('a', 1, 2.0)¦'%.*s' % (-1, 'abc')¦'%*d' % (¦"
    + "'%(role)s' % messages[0]¦'{:>9} {0!r:^5}'.format(¦'{:,.3f}'.format(1e9)¦ * 1000¦ * 100000000¦"
    + "{% for i in range(1000) %}¦{% for c in 'abc' %}¦{% for k, v in {'a': 1}.items() %}¦"
    + "{{ f() }}¦{% macro f() %}{{ f() }}{% endmacro %}¦\n¦ ¦é¦😀¦\u{1E9E}¦İ¦ǆ¦<|im_start|>¦<|im_end|>"

  private static let rows =
    #"{"messages": [¦{"role": "user", "content": "¦{"role": "assistant", "content": "¦"}]}¦"role":¦"#
    + #""content":¦"weight": 0.5¦"weight": -1¦"weight": 1e39¦"tool_calls": [{"type": "function", "function": {"#
    + #""name": "f", "arguments": "{\"a\": 1}"}}]¦"tools": [{"type": "function"}]¦"tools": "[]"¦"system"¦"#
    + #""tool"¦"user"¦"assistant"¦{"prompt": "¦", "completion": "¦{"text": "¦{"instruction": "¦"input": "¦"#
    + #""output": "¦{"conversations": [{"from": "human", "value": "¦{"from": "gpt", "value": "¦"#
    + #""name": "x"¦[{"type": "text", "text": "a"}]¦"reasoning_content": "b"¦<|im_end|>¦<|im_start|>assistant¦"#
    + "\n¦\r\n¦\u{2028}"

  private static let adapter =
    #""peft_type":"LORA"¦"r":¦"r": 65536¦"r": 64¦"lora_alpha":¦"lora_dropout":¦"target_modules":¦"#
    + #""all-linear"¦["q_proj","v_proj"]¦"exclude_modules":¦"layers_to_transform":¦[0,1]¦[-1]¦"#
    + #""rank_pattern":{"q_proj":2}¦"alpha_pattern":{"v_proj":3}¦"use_rslora":true¦"bias":"none"¦"#
    + #""init_lora_weights":"gaussian"¦"use_dora":true¦"modules_to_save":["lm_head"]¦"model.layers.0.mlp""#

  private static let ggufTokens: [[UInt8]] = {
    func string(_ text: String) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: text.utf8.count >> ($0 * 8)) } + text.utf8
    }
    let keys = [
      "general.architecture", "general.alignment", "general.name", "llama.block_count",
      "llama.embedding_length", "llama.attention.head_count", "llama.attention.head_count_kv",
      "llama.rope.freq_base", "llama.vocab_size", "tokenizer.ggml.tokens", "tokenizer.ggml.merges",
      "tokenizer.ggml.token_type", "tokenizer.ggml.pre", "tokenizer.ggml.model",
      "tokenizer.ggml.bos_token_id", "tokenizer.chat_template", "token_embd.weight",
      "blk.0.attn_q.weight", "output.weight", "rope_freqs.weight", "llama", "gpt2", "smollm", "a b",
      "general.type", "adapter", "adapter.type", "lora", "adapter.lora.alpha",
      "blk.0.attn_q.weight.lora_a", "blk.1.attn_k.weight.lora_b", "output.weight.lora_a",
    ]
    let types = (0..<14).map { [UInt8($0), 0, 0, 0] }
    let tensorTypes = [0, 1, 2, 3, 6, 8, 12, 14, 30, 39].map { [UInt8($0), 0, 0, 0] }
    let arrays = (0..<13).map { [9, 0, 0, 0, UInt8($0), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] }
    return [Array("GGUF".utf8), [UInt8](repeating: 0, count: 32)] + keys.map(string)
      + keys.map { Array($0.utf8) } + types + tensorTypes + arrays
  }()
}
