import FoundationEssentials
import Retrieval

/// A file whose passages can be found.
public struct IndexedFile: Sendable, Equatable {
  /// Absolute.
  public let path: String
  /// Bytes when it was indexed.
  public let sizeBytes: Int
  /// Its modification time when it was indexed.
  public let modified: Date
  public let passages: Int
}

/// A passage as the index keeps it.
public struct IndexedPassage: Sendable, Equatable {
  /// Its number in the index; `SearchReport.Hit.id`.
  public let id: Int
  public let path: String
  /// Lines, from 1, both inclusive.
  public let startLine: Int
  public let endLine: Int
  /// Bytes of the file, end exclusive.
  public let startByte: Int
  public let endByte: Int
  /// Headings above it, outermost first; "" for none.
  public let headings: String
  public let text: String
}

extension Workspace {
  /// A page of the indexed files, in the order of their paths' bytes.
  /// - Parameters:
  ///   - path: begin behind this one; nil begins at the first.
  ///   - limit: most files of the page.
  public func indexedFiles(after path: String? = nil, limit: Int = 100) async throws
    -> [IndexedFile]
  {
    try openIndex(readOnly: true).files(after: path, limit: limit).map {
      IndexedFile(
        path: $0.path, sizeBytes: $0.size,
        modified: Date(timeIntervalSince1970: Double($0.modified) / 1e9), passages: $0.passages)
    }
  }

  /// Whether passages of exactly this file (an absolute path) can be found.
  public func isIndexed(file path: String) async throws -> Bool {
    try openIndex(readOnly: true).holds(file: path)
  }

  /// A passage with its neighbours in the file, in their order; empty when there is no such passage.
  public func passages(around id: Int, before: Int = 0, after: Int = 0) async throws
    -> [IndexedPassage]
  {
    try openIndex(readOnly: true).passages(around: Int64(id), before: before, after: after).map {
      IndexedPassage(
        id: Int($0.id), path: $0.path, startLine: $0.startLine, endLine: $0.endLine,
        startByte: $0.startByte, endByte: $0.endByte, headings: $0.headings, text: $0.text)
    }
  }
}
