// swift-tools-version: 6.2
import PackageDescription

// Timings live here, never in tests. `scripts/benchmark` builds and runs this beside the peers.
let package = Package(
  name: "lorikeet-benchmarks",
  dependencies: [.package(name: "lorikeet", path: "..")],
  targets: [
    .executableTarget(
      name: "lorikeet-benchmarks",
      dependencies: [.product(name: "Lorikeet", package: "lorikeet")])
  ],
  swiftLanguageModes: [.v6]
)
