internal import Serialization

// The keys of PEFT's `adapter_config.json`, read and written.
extension AdapterFolder {
  /// Reads the keys that shape an adapter.
  ///
  /// Keys that would change what it computes in a way not implemented here are refused; keys that PEFT itself would
  /// ignore are ignored.
  static func configuration(_ json: JSONObject, path: String) throws(LoRAError) -> LoRAConfiguration
  {
    func bad(_ key: String, _ expected: String) -> LoRAError {
      .badConfiguration(
        path: path,
        reason: "\(key) is \(json[key]?.serialized() ?? "missing"), expected \(expected)")
    }
    func isSet(_ key: String) -> Bool {
      switch json[key] {
      case nil, .null, .bool(false): false
      case .object(let object): object.count > 0
      case .array(let array): !array.isEmpty
      default: true
      }
    }
    guard json["peft_type"]?.stringValue ?? "LORA" == "LORA" else {
      throw bad("peft_type", "\"LORA\"")
    }
    for key in [
      "use_qalora", "use_bdlora", "layer_replication",
      "trainable_token_indices",
      "target_parameters", "lora_bias", "fan_in_fan_out", "alora_invocation_tokens", "arrow_config",
      "kasa_config",
      "velora_config", "monteclora_config",
    ] where isSet(key) {
      throw .unsupported(path: path, feature: key)
    }
    if let bias = json["bias"]?.stringValue, bias != "none" {
      throw .unsupported(path: path, feature: "bias \"\(bias)\"")
    }
    var result = LoRAConfiguration()
    if let value = json["r"] {
      guard let rank = value.intValue, rank > 0, rank <= 65_536 else {
        throw bad("r", "a whole number above 0")
      }
      result.rank = rank
    }
    if let value = json["lora_alpha"] {
      guard let alpha = value.doubleValue, alpha.isFinite else {
        throw bad("lora_alpha", "a number")
      }
      result.alpha = alpha
    }
    if let value = json["lora_dropout"] {
      guard let dropout = value.doubleValue, dropout >= 0, dropout < 1 else {
        throw bad("lora_dropout", "a number from 0 to below 1")
      }
      result.dropout = dropout
    }
    result.isRankStabilized = json["use_rslora"]?.boolValue ?? false
    result.usesDoRA = json["use_dora"]?.boolValue ?? false
    if let value = json["modules_to_save"], value != .null {
      let names = value.arrayValue?.compactMap(\.stringValue)
      guard let names, names.count == value.arrayValue?.count, !names.contains("") else {
        throw bad("modules_to_save", "a list of module names, or null")
      }
      // Each once: a file may repeat one at will.
      var seen: Set<String> = []
      result.wholeModules = names.filter { seen.insert($0).inserted }
      // PEFT then trains one tensor under two names.
      if isSet("ensure_weight_tying"), !names.isEmpty {
        throw .unsupported(path: path, feature: "ensure_weight_tying")
      }
    }
    result.isGaussian = json["init_lora_weights"]?.stringValue == "gaussian"
    guard let targets = targets(json["target_modules"]) else {
      throw bad("target_modules", "a list of module names or a regular expression")
    }
    result.targets = targets
    if let excluded = json["exclude_modules"], excluded != .null {
      guard let targets = Self.targets(excluded) else {
        throw bad("exclude_modules", "a list of module names or a regular expression")
      }
      result.excluded = targets
    }
    switch json["layers_to_transform"] {
    case nil, .null: break
    case .some(let value):
      let numbers = value.arrayValue?.compactMap(\.intValue) ?? value.intValue.map { [$0] }
      guard let numbers, numbers.count == value.arrayValue?.count ?? 1 else {
        throw bad("layers_to_transform", "block numbers")
      }
      result.layers = numbers
    }
    for (pattern, value) in json["rank_pattern"]?.objectValue ?? JSONObject() {
      guard let rank = value.intValue, rank > 0, rank <= 65_536 else {
        throw bad("rank_pattern", "whole numbers above 0")
      }
      result.rankOverrides.append(.init(pattern: pattern, value: rank))
    }
    for (pattern, value) in json["alpha_pattern"]?.objectValue ?? JSONObject() {
      guard let alpha = value.doubleValue, alpha.isFinite else {
        throw bad("alpha_pattern", "numbers")
      }
      result.alphaOverrides.append(.init(pattern: pattern, value: alpha))
    }
    return result
  }

  private static func targets(_ value: JSONValue?) -> LoRAConfiguration.Targets? {
    if let text = value?.stringValue { return text == "all-linear" ? .allLinear : .pattern(text) }
    guard let list = value?.arrayValue else { return nil }
    let names = list.compactMap(\.stringValue)
    return names.count == list.count && !names.isEmpty ? .names(names) : nil
  }

  /// The whole object that PEFT 0.21 writes: its keys, sorted as it sorts them.
  static func json(_ c: LoRAConfiguration, adapter: LoRAAdapter, baseModel: String) -> JSONObject {
    func number(_ value: Double) -> JSONValue {
      value == value.rounded() && abs(value) < 1e15 ? .integer(Int(value)) : .number(value)
    }
    func value(_ targets: LoRAConfiguration.Targets) -> JSONValue {
      switch targets {
      // PEFT replaces "all-linear" by the names it stands for in this model.
      case .allLinear:
        .array(
          Set(adapter.modules.compactMap { $0.name.split(separator: ".").last.map(String.init) })
            .sorted().map { .string($0) })
      case .names(let names): .array(names.map { .string($0) })
      case .pattern(let pattern): .string(pattern)
      }
    }
    var json = JSONObject()
    json["alora_invocation_tokens"] = .null
    json["alpha_pattern"] = .object(
      JSONObject(c.alphaOverrides.map { ($0.pattern, number($0.value)) }))
    json["arrow_config"] = .null
    json["auto_mapping"] = .null
    json["base_model_name_or_path"] = .string(baseModel)
    json["bias"] = "none"
    json["corda_config"] = .null
    json["ensure_weight_tying"] = false
    json["eva_config"] = .null
    json["exclude_modules"] = c.excluded.map(value) ?? .null
    json["fan_in_fan_out"] = false
    json["inference_mode"] = true
    json["init_lora_weights"] = c.isGaussian ? "gaussian" : true
    json["kasa_config"] = .null
    json["layer_replication"] = .null
    json["layers_pattern"] = .null
    json["layers_to_transform"] = c.layers.map { .array($0.map { .integer($0) }) } ?? .null
    json["loftq_config"] = .object(JSONObject())
    json["lora_alpha"] = number(c.alpha)
    json["lora_bias"] = false
    json["lora_dropout"] = .number(c.dropout)
    json["lora_ga_config"] = .null
    json["megatron_config"] = .null
    json["megatron_core"] = "megatron.core"
    json["modules_to_save"] =
      c.wholeModules.isEmpty ? .null : .array(c.wholeModules.map { .string($0) })
    json["monteclora_config"] = .null
    json["peft_type"] = "LORA"
    json["peft_version"] = .string(peftVersion)
    json["qalora_group_size"] = 16
    json["r"] = .integer(c.rank)
    json["rank_pattern"] = .object(
      JSONObject(c.rankOverrides.map { ($0.pattern, .integer($0.value)) }))
    json["revision"] = .null
    json["target_modules"] = value(c.targets)
    json["target_parameters"] = .null
    json["task_type"] = "CAUSAL_LM"
    json["trainable_token_indices"] = .null
    json["use_bdlora"] = .null
    json["use_dora"] = .bool(c.usesDoRA)
    json["use_qalora"] = false
    json["use_rslora"] = .bool(c.isRankStabilized)
    json["velora_config"] = .null
    return json
  }
}
