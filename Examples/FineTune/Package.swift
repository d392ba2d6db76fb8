// swift-tools-version: 6.2
import PackageDescription

// A package of one's own that uses Lorikeet as a library. Outside this repository the dependency is a
// URL with a version instead of a path.
let package = Package(
  name: "FineTune",
  dependencies: [.package(name: "lorikeet", path: "../..")],
  targets: [
    .executableTarget(
      name: "FineTune", dependencies: [.product(name: "Lorikeet", package: "lorikeet")])
  ],
  swiftLanguageModes: [.v6]
)
