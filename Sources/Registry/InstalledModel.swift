// A model whose files lie on this machine.

import Tensors

/// A model found on disk, described by its files' headers and, where it is a known one, by the
/// catalogue.
package struct InstalledModel: Sendable, Equatable {
  package enum Origin: String, Sendable, Equatable {
    /// The models folder.
    case models
    /// The Hugging Face cache.
    case cache
    /// A path that the user gave.
    case path
  }

  package enum State: Sendable, Equatable {
    /// Complete, and exactly the files the catalogue describes; or not in the catalogue with digests,
    /// and its header accounts for every byte it needs.
    case installed
    /// Complete by its header, but the digests of the catalogue have not been compared yet.
    case unverified
    /// Parts are missing; their names.
    case incomplete([String])
    /// A file cannot be what it should be; one sentence.
    case damaged(String)
    /// A whole file of a kind that is not read here; one sentence.
    case unsupported(String)

    /// One word, for lists and JSON.
    package var name: String {
      switch self {
      case .installed: "installed"
      case .unverified: "unverified"
      case .incomplete: "incomplete"
      case .damaged: "damaged"
      case .unsupported: "unsupported"
      }
    }
  }

  package struct File: Sendable, Equatable {
    /// Below `folder`.
    package var name: String
    package var path: String
    package var size: Int
    /// The digest the catalogue calls for.
    package var expectedSHA256: String?
    /// The size the catalogue calls for.
    package var expectedSize: Int?
  }

  /// The catalogue's id, or the folder's, file's or repository's name.
  package var id: String
  package var aliases: [String]
  package var role: ModelRole
  package var origin: Origin
  package var state: State
  /// The folder the files lie in.
  package var folder: String
  /// The files it consists of; for split weights all parts that are there.
  package var files: [File]
  /// Bytes of all its files; a file that is linked twice counts once.
  package var sizeBytes: Int
  /// nil when incomplete or damaged.
  package var header: ModelHeader?
  /// Its catalogue entry, when it is a known model.
  package var entry: CatalogModel?

  /// What to open: the GGUF file (the first part of a split one), or the folder of an encoder.
  package var path: String {
    let weights = files.first { GGUFFile.isName($0.name) }
    return weights?.path ?? folder
  }

  /// The most tokens it takes: what its header says, and for a known model no more than the catalogue
  /// (an encoder may have been tuned for less than it has positions for). nil when neither says.
  package var maximumContext: Int? {
    [header?.context, entry?.context].compactMap { $0 }.min()
  }

  /// Whether it can be loaded.
  package var isUsable: Bool {
    switch state {
    case .installed, .unverified: header != nil
    case .incomplete, .damaged, .unsupported: false
    }
  }

  /// Higher is better. The catalogue's rank; a model it does not know is placed by its size between
  /// those it does, and below gpt-oss.
  package var rank: Int {
    if let entry { return entry.rank }
    guard let header, header.parameters > 0 else { return 0 }
    // A known scale: 100 for each doubling, 35 million parameters at 0.
    var rank = 0
    var size = Double(header.parameters) / 35e6
    while size >= 2 {
      size /= 2
      rank += 100
    }
    rank += Int((size - 1) * 100)
    if role == .generate && header.chatTemplate == nil { rank -= 150 }
    return min(max(rank, 0), 899)
  }
}
