// swift-tools-version: 6.0
// A package of somebody else's that uses CarrelKit: `make test` builds and runs it.

import PackageDescription

let package = Package(
  name: "example",
  dependencies: [.package(name: "carrel", path: "../..")],
  targets: [
    .executableTarget(
      name: "example", dependencies: [.product(name: "CarrelKit", package: "carrel")])
  ]
)
