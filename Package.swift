// swift-tools-version: 6.0
// Carrel: local models that answer from your own documents.
// Modules are listed from the bottom up; imports point down only (CONTRIBUTING.md has the table).

import PackageDescription

let swift: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "carrel",
  products: [
    .executable(name: "carrel", targets: ["carrel"]),
    .library(name: "CarrelKit", targets: ["CarrelKit"]),
  ],
  targets: [
    // 0: C. Three system libraries, and our own kernels.
    .target(name: "CKernels"),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    // Without pkgConfig, which would link them: they are loaded when they are called (shim.h).
    .systemLibrary(name: "CBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),

    // 1: nothing of ours but C.
    .target(name: "Storage", dependencies: ["CKernels"], swiftSettings: swift),
    .target(name: "Tokenization", swiftSettings: swift),
    .target(name: "Terminal", swiftSettings: swift),

    // 2
    .target(name: "Tensors", dependencies: ["Storage"], swiftSettings: swift),
    .target(name: "Conversation", dependencies: ["Tokenization"], swiftSettings: swift),
    .target(name: "Database", dependencies: ["CSQLite"], swiftSettings: swift),

    // 3
    .target(
      name: "Compute", dependencies: ["Storage", "Tensors", "CKernels", "CBLAS"],
      swiftSettings: swift),
    .target(
      name: "Registry", dependencies: ["Storage", "Tensors", "CCurl"], swiftSettings: swift),

    // 4
    .target(
      name: "Inference", dependencies: ["Storage", "Tensors", "Compute", "Tokenization"],
      swiftSettings: swift),
    .target(
      name: "Retrieval", dependencies: ["Storage", "Database", "Compute"], swiftSettings: swift),

    // 5
    .target(
      name: "CarrelKit",
      dependencies: [
        "Storage", "Tokenization", "Tensors", "Conversation", "Database", "Compute", "Registry",
        "Inference", "Retrieval",
      ], swiftSettings: swift),

    // 6
    .target(
      name: "AgentProtocols", dependencies: ["CarrelKit", "Conversation"], swiftSettings: swift),

    // 7
    .executableTarget(
      name: "carrel",
      dependencies: [
        "CarrelKit", "AgentProtocols", "Terminal",
      ], swiftSettings: swift),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CarrelKit", "Compute", "Inference", "Retrieval", "Storage", "Tensors", "Tokenization",
      ],
      swiftSettings: swift),

    // What the tests of several modules need.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swift),
    .testTarget(
      name: "StorageTests", dependencies: ["Storage", "TestSupport"], swiftSettings: swift),
    .testTarget(
      name: "TokenizationTests", dependencies: ["Tokenization", "Tensors"],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    .testTarget(name: "TerminalTests", dependencies: ["Terminal"], swiftSettings: swift),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "Storage", "TestSupport"],
      swiftSettings: swift),
    .testTarget(
      name: "ConversationTests", dependencies: ["Conversation", "Tokenization"],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    .testTarget(
      name: "DatabaseTests", dependencies: ["Database", "TestSupport"], swiftSettings: swift),
    // Counts the instructions of kernels.
    .target(name: "CStepper", path: "Tests/CStepper"),
    .testTarget(
      name: "ComputeTests",
      dependencies: ["Compute", "Storage", "Tensors", "CKernels", "CStepper", "TestSupport"],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    .testTarget(
      name: "RegistryTests",
      dependencies: ["Registry", "Storage", "Tensors", "DownloadProbe", "TestSupport"],
      resources: [.copy("FakeHub")], swiftSettings: swift),
    // A download client that the tests kill.
    .executableTarget(
      name: "DownloadProbe", dependencies: ["Registry"], path: "Tests/DownloadProbe",
      swiftSettings: swift),
    .testTarget(
      name: "InferenceTests",
      dependencies: ["Inference", "Compute", "Storage", "Tensors", "Tokenization"],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    .testTarget(
      name: "RetrievalTests",
      dependencies: ["Retrieval", "Compute", "Database", "Storage", "IndexProbe", "TestSupport"],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    // An indexing process that the tests kill.
    .executableTarget(
      name: "IndexProbe", dependencies: ["Retrieval"], path: "Tests/IndexProbe",
      swiftSettings: swift),
    .testTarget(
      name: "CarrelKitTests",
      dependencies: [
        "CarrelKit", "Compute", "Conversation", "Database", "Inference", "Retrieval", "Registry",
        "Tokenization",
      ],
      resources: [.copy("Fixtures")], swiftSettings: swift),
    .testTarget(
      name: "CommandTests",
      dependencies: ["carrel", "CarrelKit", "Tensors", "Terminal"],
      swiftSettings: swift),
    .testTarget(
      name: "AgentProtocolsTests", dependencies: ["AgentProtocols", "CarrelKit", "carrel"],
      exclude: ["Clients"], swiftSettings: swift),
  ],
  swiftLanguageModes: [.v6]
)
