/// Keys that people know from elsewhere and that mean nothing here, with what Lorikeet does instead.
enum InapplicableKeys {
  /// What Lorikeet does in place of the key `name`, in whichever section it stands.
  static func explanation(for name: String) -> String? { explanations[name] }

  private static let explanations: [String: String] = {
    var result: [String: String] = [:]
    for (names, explanation) in groups {
      for name in names { result[name] = explanation }
    }
    return result
  }()

  /// Keys that have one explanation, and it.
  static let groups: [(names: [String], explanation: String)] = [
    (
      ["packing", "padding_free", "eval_packing", "packing_strategy", "sample_packing"],
      "examples already lie end to end without padding, and never see each other"
    ),
    (
      ["group_by_length", "length_column_name", "train_sampling_strategy", "pad_to_multiple_of"],
      "nothing is padded, so there is nothing to gain by grouping examples of one length"
    ),
    (
      [
        "bf16", "fp16", "tf32", "bf16_full_eval", "fp16_full_eval", "half_precision_backend",
        "bnb_4bit_compute_dtype", "torch_dtype", "dtype", "mixed_precision", "precision",
      ],
      "Lorikeet computes in 32-bit floating point; model.load_in_4bit saves memory"
    ),
    (
      [
        "load_in_8bit", "llm_int8_threshold", "llm_int8_skip_modules",
        "llm_int8_enable_fp32_cpu_offload",
      ],
      "weights keep the file's precision or, with model.load_in_4bit, take 4 bits"
    ),
    (["bnb_4bit_quant_storage"], "4-bit weights are always held as packed bytes"),
    (
      ["gradient_checkpointing", "gradient_checkpointing_kwargs", "activation_offloading"],
      "Lorikeet plans memory itself; training.max_memory says how much it may take"
    ),
    (
      [
        "device_map", "device", "use_cpu", "no_cuda", "use_mps_device", "local_rank", "ddp_backend",
        "deepspeed", "fsdp", "fsdp_config", "accelerator_config", "parallelism_config", "n_gpu",
        "auto_find_batch_size", "low_cpu_mem_usage", "max_memory_MB",
      ],
      "Lorikeet trains on this machine's CPU; --threads sets how many cores"
    ),
    (
      [
        "dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor",
        "dataloader_persistent_workers", "dataset_num_proc", "preprocessing_num_workers",
      ],
      "the data is tokenised once, before the first step, and kept in memory"
    ),
    (
      ["dataloader_drop_last"],
      "the last, smaller batch of an epoch is always used"
    ),
    (
      [
        "report_to", "run_name", "logging_dir", "wandb_project", "wandb_run_id", "project",
        "trackio_space_id", "disable_tqdm", "log_level", "logging_strategy", "logging_first_step",
      ],
      "metrics go to metrics.jsonl and report.html in the run folder"
    ),
    (
      ["push_to_hub", "hub_model_id", "hub_token", "hub_strategy", "hub_private_repo"],
      "Lorikeet never uploads; the adapter folder is in PEFT's format and can be uploaded as it is"
    ),
    (
      [
        "attn_implementation", "flash_attention", "use_flash_attention_2", "use_liger_kernel",
        "use_liger", "torch_compile", "torch_compile_backend", "sdpa_attention",
        "xformers_attention",
      ],
      "there is one implementation, chosen for this CPU when the program starts"
    ),
    (
      ["overwrite_output_dir"],
      "a run never overwrites another; give a new output_dir, or --resume to go on"
    ),
    (["resume_from_checkpoint"], "resume a run with lorikeet train --resume"),
    (["do_train", "do_eval", "do_predict"], "lorikeet train trains, lorikeet evaluate evaluates"),
    (
      ["greater_is_better"],
      "the best adapter is the one of lowest validation loss"
    ),
    (
      [
        "remove_unused_columns", "dataset_text_field", "dataset_kwargs", "formatting_func",
        "field_messages",
      ],
      "the format of each data file is detected from its first row"
    ),
    (
      ["completion_only_loss"],
      "data.assistant_only_loss also decides whether a prompt is learnt with its completion"
    ),
    (
      ["chat_template", "chat_template_path", "eos_token", "pad_token", "add_eos_token"],
      "template and special tokens are the model's own"
    ),
    (["trust_remote_code"], "no code of a model is ever run; templates run in a sandbox"),
    (["task_type", "peft_type"], "Lorikeet trains LoRA adapters of causal language models only"),
    (["bias", "lora_bias"], "an adapter has no biases, as with bias: none"),
    (["fan_in_fan_out"], "weights are always read as [out, in]"),
    (["layers_pattern"], "the number of a transformer block is found in the module's name"),
    (["inference_mode"], "lorikeet train trains"),
    (
      ["include_num_input_tokens_seen", "include_tokens_per_second", "skip_memory_metrics"],
      "tokens, tokens per second and memory are always measured"
    ),
    (
      ["average_tokens_across_devices"], "the loss is always per supervised token of the whole step"
    ),
    (["full_determinism"], "a run is always deterministic: one seed, one adapter"),
  ]
}
