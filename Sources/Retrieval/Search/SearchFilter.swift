import Database

/// Which documents a search may find. Pure.
package struct SearchFilter: Sendable, Equatable {
  /// Files and folders, absolute: a document must be one of them or lie below one. Empty: anywhere.
  package var paths: [String] = []
  /// Endings of names without the dot (`md`, `tar.gz`), any case. Empty: every one.
  package var types: [String] = []
  /// Nanoseconds since 1970: documents that were changed then or later.
  package var since: Int64?

  package init(paths: [String] = [], types: [String] = [], since: Int64? = nil) {
    self.paths = paths
    self.types = types
    self.since = since
  }

  package var isEmpty: Bool { paths.isEmpty && types.isEmpty && since == nil }

  /// - Parameters:
  ///   - path: absolute.
  ///   - modified: nanoseconds since 1970.
  package func passes(path: String, modified: Int64) -> Bool {
    if let since, modified < since { return false }
    if !types.isEmpty {
      let name = path.lowercased()
      if !types.contains(where: { name.hasSuffix("." + $0.lowercased()) }) { return false }
    }
    return paths.isEmpty
      || paths.contains { $0 == path || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
  }
}

/// The passages of one state of the index that pass a filter.
struct PassingPassages {
  /// Documents that pass.
  private(set) var files = 0
  /// Their passages' numbers, in no order.
  private(set) var ids: [Int64] = []
  /// The vectors these have; the same may come twice.
  private(set) var vectors: [Int64] = []
  /// One bit a passage, from `first` on.
  private var bits: [UInt64] = []
  private var first: Int64 = 0

  init(_ connection: Connection, _ filter: SearchFilter) throws {
    let passages = try connection.statement(
      "SELECT id, embedding_id FROM chunk WHERE file_id = ?")
    defer { passages.reset() }
    let documents = try connection.statement("SELECT id, path, modified_ns FROM file")
    defer { documents.reset() }
    while try documents.step() {
      guard filter.passes(path: documents.text(1), modified: documents.integer(2)) else { continue }
      passages.reset()
      try passages.bind(1, documents.integer(0))
      let before = ids.count
      while try passages.step() {
        ids.append(passages.integer(0))
        if let vector = passages.optionalInteger(1) { vectors.append(vector) }
      }
      if ids.count > before { files += 1 }
    }
    guard let low = ids.min(), let high = ids.max() else { return }
    first = low
    bits = [UInt64](repeating: 0, count: Int((high - low) / 64) + 1)
    for id in ids { bits[Int((id - low) / 64)] |= 1 << UInt64((id - low) % 64) }
  }

  func contains(_ id: Int64) -> Bool {
    guard id >= first, (id - first) / 64 < Int64(bits.count) else { return false }
    return bits[Int((id - first) / 64)] >> UInt64((id - first) % 64) & 1 != 0
  }
}
