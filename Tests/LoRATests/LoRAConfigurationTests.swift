import LoRA
import Testing

@Suite("LoRAConfiguration") struct LoRAConfigurationTests {
  /// The linear layers of a Llama of `blocks` blocks, and its head.
  static func layers(blocks: Int = 3) -> [LoRAConfiguration.Layer] {
    var layers: [LoRAConfiguration.Layer] = []
    for block in 0..<blocks {
      for (name, inputs, outputs) in [
        ("self_attn.q_proj", 9, 9), ("self_attn.k_proj", 9, 3), ("self_attn.v_proj", 9, 3),
        ("self_attn.o_proj", 9, 9), ("mlp.gate_proj", 9, 24), ("mlp.up_proj", 9, 24),
        ("mlp.down_proj", 24, 9),
      ] {
        layers.append(
          .init(name: "model.layers.\(block).\(name)", inputs: inputs, outputs: outputs))
      }
    }
    layers.append(.init(name: "lm_head", inputs: 9, outputs: 100, isHead: true))
    return layers
  }

  static func names(_ configuration: LoRAConfiguration, blocks: Int = 3) throws -> [String] {
    try configuration.shapes(for: layers(blocks: blocks)).map {
      $0.name.hasPrefix("model.layers.") ? String($0.name.dropFirst(13)) : $0.name
    }
  }

  static func expectError(
    _ configuration: LoRAConfiguration, _ text: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: LoRAError.self, sourceLocation: sourceLocation) {
      try configuration.shapes(for: layers())
    }
    #expect(error.map { "\($0)" } == text, sourceLocation: sourceLocation)
  }

  @Test("a name is a layer's path or the end of it from a dot, in the model's order")
  func suffixNames() throws {
    #expect(
      try Self.names(.init(targets: .names(["v_proj", "self_attn.q_proj"])), blocks: 2)
        == ["0.self_attn.q_proj", "0.self_attn.v_proj", "1.self_attn.q_proj", "1.self_attn.v_proj"])
    #expect(
      try Self.names(.init(targets: .names(["model.layers.1.mlp.up_proj"]))) == ["1.mlp.up_proj"])
    // `proj` ends every path, but not from a dot.
    Self.expectError(
      .init(targets: .names(["proj"])),
      """
      lora.target_modules: "proj" matches no linear layer of this model; it has \
      q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj
      """)
  }

  @Test("a module has its layer's shape")
  func shapes() throws {
    let shapes = try LoRAConfiguration(rank: 4, alpha: 6, targets: .names(["down_proj"]))
      .shapes(for: Self.layers(blocks: 1))
    #expect(
      shapes == [
        LoRAModuleShape(
          name: "model.layers.0.mlp.down_proj", inputs: 24, outputs: 9, rank: 4, alpha: 6,
          isRankStabilized: false)
      ])
  }

  @Test("all-linear is every linear layer but the head")
  func allLinear() throws {
    let names = try Self.names(.init(targets: .allLinear))
    #expect(names.count == 21)
    #expect(!names.contains("lm_head"))
  }

  @Test("a regular expression must match the whole path")
  func patterns() throws {
    #expect(
      try Self.names(.init(targets: .pattern(#".*\.[12]\.mlp\.(up|down)_proj"#)))
        == ["1.mlp.up_proj", "1.mlp.down_proj", "2.mlp.up_proj", "2.mlp.down_proj"])
    // Alternatives at the top level do not escape from the anchors.
    #expect(
      try Self.names(.init(targets: .pattern(#"x|model.layers.0.mlp.up_proj|y"#)))
        == ["0.mlp.up_proj"])
    for pattern in ["up_proj", #".*up_pro"#, #"layers\.0\.mlp\.up_proj"#, "x|.*up_pro", ""] {
      #expect(throws: LoRAError.self, "\(pattern)") {
        try Self.names(.init(targets: .pattern(pattern)))
      }
    }
  }

  @Test(
    "what is not a regular expression is refused with the reason",
    arguments: ["(", "a)|(b", "[z-a]"])
  func badPatterns(_ pattern: String) {
    for configuration in [
      LoRAConfiguration(targets: .pattern(pattern)),
      LoRAConfiguration(excluded: .pattern(pattern)),
      LoRAConfiguration(rankOverrides: [.init(pattern: pattern, value: 2)]),
      LoRAConfiguration(alphaOverrides: [.init(pattern: pattern, value: 2)]),
    ] {
      let error = #expect(throws: LoRAError.self) { try Self.names(configuration) }
      guard case .badPattern(pattern, let reason) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(!reason.isEmpty)
    }
  }

  @Test("exclusions take away by name and by pattern")
  func exclusions() throws {
    #expect(
      try Self.names(
        .init(targets: .allLinear, excluded: .names(["mlp.up_proj", "q_proj"])), blocks: 1)
        == [
          "0.self_attn.k_proj", "0.self_attn.v_proj", "0.self_attn.o_proj", "0.mlp.gate_proj",
          "0.mlp.down_proj",
        ])
    #expect(
      try Self.names(
        .init(targets: .names(["q_proj"]), excluded: .pattern(#".*\.[02]\..*"#)))
        == ["1.self_attn.q_proj"])
    Self.expectError(
      .init(targets: .names(["q_proj"]), excluded: .names(["q_proj"])),
      """
      lora.target_modules: no linear layer is left to adapt; this model has \
      q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj
      """)
  }

  @Test("only the listed blocks are adapted")
  func blocks() throws {
    #expect(
      try Self.names(.init(targets: .names(["q_proj"]), layers: [2, 0]))
        == ["0.self_attn.q_proj", "2.self_attn.q_proj"])
    // Block 1 is not block 11.
    let names = try Self.names(.init(targets: .names(["q_proj"]), layers: [1]), blocks: 12)
    #expect(names == ["1.self_attn.q_proj"])
    #expect(throws: LoRAError.self) { try Self.names(.init(layers: [3])) }
  }

  @Test("of several patterns of a rank or alpha the first that matches counts")
  func overrides() throws {
    let shapes = try LoRAConfiguration(
      rank: 8, alpha: 16, targets: .names(["q_proj", "v_proj"]), isRankStabilized: true,
      rankOverrides: [
        .init(pattern: #"1\.self_attn\.q_proj"#, value: 2), .init(pattern: "q_proj", value: 4),
        .init(pattern: ".*", value: 6),
      ],
      alphaOverrides: [.init(pattern: "v_proj", value: 1), .init(pattern: "v_proj", value: 3)]
    ).shapes(for: Self.layers(blocks: 2))
    #expect(shapes.map(\.rank) == [4, 6, 2, 6])
    #expect(shapes.map(\.alpha) == [16, 1, 16, 1])
    #expect(shapes.map(\.isRankStabilized) == [true, true, true, true])
  }

  @Test("an override's pattern matches the end of a path from a dot")
  func overrideAnchors() throws {
    for (pattern, isMatch) in [
      ("q_proj", true), (#"self_attn\.q_proj"#, true), ("proj", false), ("q_pro", false),
      (#"layers\.0\..*"#, true), ("model.*", true), ("self_attn", false), ("_proj|q_proj", true),
    ] {
      let shapes = try LoRAConfiguration(
        rank: 8, targets: .names(["q_proj"]), rankOverrides: [.init(pattern: pattern, value: 2)]
      ).shapes(for: Self.layers(blocks: 1))
      #expect(shapes.map(\.rank) == [isMatch ? 2 : 8], "\(pattern)")
    }
  }

  @Test("the output head is refused by name and by pattern")
  func head() {
    for targets in [LoRAConfiguration.Targets.names(["q_proj", "lm_head"]), .pattern(".*")] {
      Self.expectError(
        .init(targets: targets),
        """
        lora.target_modules: the output head lm_head cannot be adapted; name other layers or use \
        all-linear, or train it as a whole with lora.modules_to_save
        """)
    }
  }
}
