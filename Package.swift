// swift-tools-version: 6.2
import PackageDescription

// Two switches for this repository's own scripts. Without them the manifest carries no unsafe flag, so
// another package can depend on Lorikeet.
//
// LORIKEET_FAST_DEBUG=1   compiles the numeric and parsing targets with -O even in a debug build
// LORIKEET_STRICT=1       turns every warning into an error
let isFastDebug = Context.environment["LORIKEET_FAST_DEBUG"] == "1"
let isStrict = Context.environment["LORIKEET_STRICT"] == "1"

let common: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

/// Settings of a target whose loops are too slow to test unoptimised.
let hot: [SwiftSetting] =
  common + (isFastDebug ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])

let package = Package(
  name: "lorikeet",
  products: [
    .executable(name: "lorikeet", targets: ["lorikeet"]),
    .library(
      name: "Lorikeet",
      targets: [
        "Reporting", "Comparison", "Retrieval", "Inference", "Scoring", "Training", "CausalLM",
        "LoRA", "Datasets", "ModelFiles", "Tokenization", "Quantization", "Configuration",
        "Serialization", "Kernels",
      ]),
  ],
  targets: [
    // The C libraries, by module map alone.
    .systemLibrary(
      name: "CYAML", path: "Sources/C/CYAML", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
      name: "CPCRE2", path: "Sources/C/CPCRE2", pkgConfig: "libpcre2-8",
      providers: [.apt(["libpcre2-dev"])]),
    .systemLibrary(
      name: "CSQLite", path: "Sources/C/CSQLite", pkgConfig: "sqlite3",
      providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CXML2", path: "Sources/C/CXML2", pkgConfig: "libxml-2.0",
      providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(name: "CMicroKernels", path: "Sources/C/CMicroKernels"),
    // Two functions in Swift's calling convention, which only a C file can name.
    .target(name: "CBorrowedClosure", path: "Sources/C/CBorrowedClosure"),

    // The library, in a line: each target may import only those above it in this list.
    .target(
      name: "Kernels",
      dependencies: ["CMicroKernels", "CBorrowedClosure"],
      swiftSettings: hot, linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .target(name: "Serialization", dependencies: ["CYAML"], swiftSettings: hot),
    .target(name: "Configuration", dependencies: ["Serialization"], swiftSettings: common),
    .target(
      name: "Quantization", dependencies: ["Kernels", "CMicroKernels", "Serialization"],
      swiftSettings: hot),
    .target(
      name: "Tokenization", dependencies: ["Serialization", "CPCRE2"], swiftSettings: hot),
    .target(
      name: "ModelFiles", dependencies: ["Serialization", "Quantization", "Tokenization"],
      swiftSettings: hot),
    .target(
      name: "Datasets",
      dependencies: ["Serialization", "Configuration", "Tokenization", "Kernels"],
      swiftSettings: hot),
    .target(
      name: "LoRA",
      dependencies: [
        "Kernels", "Serialization", "Configuration", "Quantization", "ModelFiles", "CPCRE2",
      ],
      swiftSettings: hot),
    .target(
      name: "CausalLM",
      dependencies: [
        "Kernels", "Serialization", "Quantization", "Tokenization", "ModelFiles", "Datasets",
        "LoRA",
      ],
      swiftSettings: hot),
    .target(
      name: "Training",
      dependencies: [
        "Kernels", "Serialization", "Configuration", "Quantization", "Tokenization", "ModelFiles",
        "Datasets", "LoRA",
        "CausalLM",
      ], swiftSettings: hot),
    // What an answer is worth, and how sure one may be of a difference. Text and numbers; no model.
    .target(name: "Scoring", dependencies: ["Kernels", "Serialization"], swiftSettings: hot),
    .target(
      name: "Inference",
      dependencies: [
        "Kernels", "Serialization", "Quantization", "Tokenization", "ModelFiles", "Datasets",
        "LoRA", "CausalLM", "Training", "Scoring",
      ], swiftSettings: hot),

    // Documents cut into passages, kept and found.
    .target(
      name: "Retrieval",
      dependencies: ["Kernels", "Serialization", "Quantization", "ModelFiles", "CSQLite", "CXML2"],
      swiftSettings: hot),

    // Prompt, retrieve, fine-tune, or both: five arms on the same questions.
    .target(
      name: "Comparison",
      dependencies: [
        "Kernels", "Serialization", "Configuration", "Tokenization", "ModelFiles", "Datasets",
        "LoRA", "CausalLM", "Training", "Inference", "Scoring", "Retrieval",
      ], swiftSettings: hot),

    // What `lorikeet selftest` runs.
    .target(
      name: "SelfTest",
      dependencies: [
        "Kernels", "Serialization", "Configuration", "Quantization", "Tokenization", "ModelFiles",
        "Datasets", "LoRA", "CausalLM", "Training", "Inference",
      ], swiftSettings: common),

    // Text from values: needs no model, and no target but the tool needs it.
    .target(name: "Reporting", dependencies: ["Serialization"], swiftSettings: hot),

    // The tool: the only target that prints, reads the command line, or exits.
    .executableTarget(
      name: "lorikeet",
      dependencies: [
        "Kernels", "Serialization", "Configuration", "Quantization", "Tokenization", "ModelFiles",
        "Datasets", "LoRA",
        "CausalLM", "Training", "Inference", "Reporting", "SelfTest", "Retrieval",
        "Scoring", "Comparison",
      ], swiftSettings: common),

    // Tests: one target a target, one file a file. Fuzzing is a tool, too: scripts/fuzz.
    .target(
      name: "TestSupport", dependencies: ["Kernels", "Serialization"], path: "Tests/TestSupport",
      swiftSettings: common),
    .target(
      name: "Fuzzing",
      dependencies: [
        "Serialization", "Configuration", "Quantization", "Tokenization", "ModelFiles", "Datasets",
        "LoRA",
      ], path: "Tests/Fuzzing", swiftSettings: hot),
    .executableTarget(
      name: "lorikeet-fuzz", dependencies: ["Fuzzing"], path: "Tests/FuzzingTool",
      swiftSettings: common),
    // Lorikeet's side of scripts/test-interop.
    .executableTarget(
      name: "lorikeet-interop",
      dependencies: [
        "Serialization", "Quantization", "Tokenization", "ModelFiles", "CausalLM", "Inference",
      ], path: "Tests/InteropTool", swiftSettings: common),
    .testTarget(
      name: "FuzzingTests", dependencies: ["Fuzzing", "lorikeet-fuzz", "TestSupport"],
      path: "Tests/FuzzingTests", swiftSettings: common),
  ]
    + [
      ("Kernels", []), ("Serialization", []), ("Configuration", ["Serialization"]),
      ("Quantization", ["Kernels"]), ("Tokenization", ["Serialization"]),
      ("ModelFiles", ["Serialization", "Quantization", "Tokenization"]),
      ("Datasets", ["Serialization", "Tokenization", "Configuration"]),
      ("LoRA", ["Kernels", "Quantization", "ModelFiles", "Configuration", "Serialization"]),
      ("CausalLM", ["Kernels", "Quantization", "ModelFiles", "LoRA", "Datasets", "Serialization"]),
      (
        "Training",
        [
          "Kernels", "Quantization", "ModelFiles", "LoRA", "Datasets", "CausalLM", "Configuration",
          "Serialization",
        ]
      ),
      (
        "Inference",
        ["Kernels", "ModelFiles", "LoRA", "CausalLM", "Tokenization", "Training", "Datasets"]
      ),
      ("Scoring", ["Serialization"]),
      ("Retrieval", ["Serialization", "ModelFiles"]),
      (
        "Comparison",
        ["Serialization", "Configuration", "Scoring", "Retrieval", "Inference", "ModelFiles"]
      ),
      ("Reporting", ["Serialization"]),
    ].map { (name: String, others: [String]) -> Target in
      .testTarget(
        name: "\(name)Tests",
        dependencies: ([name, "TestSupport"] + others).map { .byName(name: $0) },
        path: "Tests/\(name)Tests", swiftSettings: common)
    }
    + [
      .testTarget(
        name: "EndToEndTests",
        dependencies: [
          "lorikeet", "TestSupport", "Serialization", "ModelFiles", "Configuration", "Reporting",
        ],
        path: "Tests/EndToEndTests", swiftSettings: common)
    ],
  swiftLanguageModes: [.v6]
)
