import Database
import FoundationEssentials

extension IndexStore {
  /// The embedder whose vectors the index holds.
  func embedder() throws -> EmbedderIdentity? {
    guard let text = try meta("embedder") else { return nil }
    return try? JSONDecoder().decode(EmbedderIdentity.self, from: Data(text.utf8))
  }

  /// Makes `identity` the index's embedder, unless there are vectors of another.
  /// - Throws: `.embedderMismatch`.
  func adopt(_ identity: EmbedderIdentity, folder: String) throws {
    let known = try embedder()
    if known == identity { return }
    if let known, try connection.integer("SELECT 1 FROM embedding LIMIT 1") != nil {
      throw RetrievalError.mismatch(index: known, offered: identity, folder: folder)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let text = String(decoding: try encoder.encode(identity), as: UTF8.self)
    try connection.transaction { try setMeta("embedder", text) }
  }

  /// Empties the index; the roots stay.
  func clear() throws {
    try vectors.durably {
      // The fast way: an FTS5 table with outside content has a command for it.
      try connection.execute("INSERT INTO words(words) VALUES('delete-all')")
      try connection.execute("DELETE FROM chunk; DELETE FROM file; DELETE FROM embedding")
      try vectors.removeAll()
      try setMeta("embedder", nil)
      try setMeta("unfinished", nil)
    }
    try vectors.sweep()
    try shrink()
  }
}

extension RetrievalError {
  static func mismatch(
    index: EmbedderIdentity, offered: EmbedderIdentity, folder: String
  ) -> RetrievalError {
    func difference() -> String {
      if index.name != offered.name { return "\(index.name), not \(offered.name)" }
      if index.sha256 != offered.sha256 {
        return "another file of \(index.name) (SHA-256 \(index.sha256.prefix(12))…, not "
          + "\(offered.sha256.prefix(12))…)"
      }
      if index.dimension != offered.dimension {
        return "\(index.dimension) dimensions, not \(offered.dimension)"
      }
      if index.pooling != offered.pooling {
        return "\(index.pooling) pooling, not \(offered.pooling)"
      }
      return "the prefix \"\(index.prefix)\", not \"\(offered.prefix)\""
    }
    return RetrievalError(
      .embedderMismatch,
      "The index in \(folder) was made with \(difference()): its vectors cannot be compared. Build "
        + "it anew with `carrel index rebuild`.", subject: folder)
  }
}
