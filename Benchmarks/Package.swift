// swift-tools-version: 6.2
import PackageDescription

// Timings live here, never in tests. `scripts/benchmark` builds and runs this beside the peers.
let package = Package(
  name: "lorikeet-benchmarks",
  dependencies: [.package(name: "lorikeet", path: "..")],
  targets: [
    // Loops that use every multiplier of a core and nothing else: what the machine could do at most.
    .systemLibrary(name: "CFMAPeak", path: "Sources/C/CFMAPeak"),
    // Stands in for malloc and its kin in the benchmark executable, to count calls.
    .target(name: "CAllocationCounter", path: "Sources/C/CAllocationCounter"),
    .executableTarget(
      name: "lorikeet-benchmarks",
      dependencies: [
        .product(name: "Lorikeet", package: "lorikeet"), "CFMAPeak", "CAllocationCounter",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
