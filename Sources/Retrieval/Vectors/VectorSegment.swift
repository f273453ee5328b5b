import Compute
import Storage

/// An immutable run of vectors, mapped from its file: what is stored together is searched and
/// dropped together. A file that was unlinked stays readable while this object lives.
package final class VectorSegment: @unchecked Sendable {  // read only
  private let file: MappedFile
  let header: SegmentHeader
  let layout: SegmentLayout
  package let columns: Int
  package let rows: Int

  /// [rows]
  let ids: UnsafePointer<Int64>
  /// [rows]: row numbers by ascending id.
  let order: UnsafePointer<UInt32>
  /// [blocks][⌈columns / 4⌉][16][4]
  let codes: UnsafePointer<UInt8>
  /// [blocks][3][16]
  let facts: UnsafePointer<Float>
  /// [rows][columns]
  let floats: UnsafePointer<Float>

  /// Opens a file; its header and length are checked, its content is not (see `damage`).
  /// - Throws: `.damaged`, `StorageError`.
  package convenience init(path: String) throws {
    try self.init(MappedFile(path: path))
  }

  /// A segment of a few vectors without a file of its own.
  /// - Parameter vectors: [ids.count][dimension].
  /// - Throws: `.badEmbedding` for a vector that is not finite or longer than 1,000,000.
  package static func holding(ids: [Int64], vectors: [Float]) throws -> VectorSegment {
    let columns = vectors.count / max(1, ids.count)
    return try vectors.withUnsafeBufferPointer { floats in
      guard let base = floats.baseAddress, columns > 0 else {
        throw RetrievalError(
          .badEmbedding, "A segment holds at least one vector of one number.", subject: "vectors")
      }
      return try SegmentWriter.nameless(
        .init(ids: ids, columns: columns) { base + $0 * columns },
        embedder: [UInt8](repeating: 0, count: 32))
    }
  }

  init(_ file: MappedFile) throws {
    let header = try SegmentHeader(file)
    let layout = header.layout
    func pointer<T>(_ section: SegmentLayout.Section, _: T.Type = T.self) throws
      -> UnsafePointer<T>
    {
      guard let base = file.bytes.baseAddress else {
        throw RetrievalError.damagedSegment(file.path, "it is empty")
      }
      return (base + layout.offset(section)).assumingMemoryBound(to: T.self)
    }
    self.file = file
    self.header = header
    self.layout = layout
    columns = layout.columns
    rows = layout.rows
    ids = try pointer(.ids)
    order = try pointer(.order)
    codes = try pointer(.codes)
    facts = try pointer(.facts)
    floats = try pointer(.floats)
    // Rows are read here and there: reading around them would fetch what is not wanted.
    file.advise(.random, in: range(.floats))
  }

  var path: String { file.path }
  var byteCount: Int { file.bytes.count }

  private func range(_ section: SegmentLayout.Section) -> Range<Int> {
    let start = layout.offset(section)
    return start..<start + layout.length(section)
  }

  /// The row of an id, by binary search; nil when it is not there or the file lies.
  func row(of id: Int64) -> Int? {
    var low = 0
    var high = rows
    while low < high {
      let middle = (low + high) / 2
      let row = Int(order[middle])
      guard row < rows else { return nil }
      if ids[row] < id { low = middle + 1 } else { high = middle }
    }
    guard low < rows else { return nil }
    let row = Int(order[low])
    return row < rows && ids[row] == id ? row : nil
  }

  /// Reads the whole file and compares it with its checksums. Nil when all is well.
  func damage() -> RetrievalError? {
    for section in SegmentLayout.Section.allCases {
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range(section)])
      if Checksum.of(bytes) != header.checksums[section.rawValue] {
        return .damagedSegment(path, "its \(section) have changed since they were written")
      }
    }
    return nil
  }

  /// Whether the content is what was written; reads all of it.
  package var isWhole: Bool { damage() == nil }

  // MARK: Clusters

  var clusters: Int { layout.clusters }

  /// [clusters + 1]: first row of each cluster. Only with clusters.
  private var starts: UnsafePointer<UInt32> {
    UnsafeRawPointer(codes - layout.offset(.codes) + layout.offset(.clusterStarts))
      .assumingMemoryBound(to: UInt32.self)
  }

  /// Rows of a cluster, whatever the file says within its rows.
  func rows(ofCluster cluster: Int) -> Range<Int> {
    let first = min(Int(starts[cluster]), rows)
    return first..<max(first, min(Int(starts[cluster + 1]), rows))
  }

  /// The clusters' centres as rows to search; ids and floats are not theirs.
  var centres: CodePart {
    let base = UnsafeRawPointer(codes - layout.offset(.codes))
    return CodePart(
      codes: (base + layout.offset(.centreCodes)).assumingMemoryBound(to: UInt8.self),
      facts: (base + layout.offset(.centreFacts)).assumingMemoryBound(to: Float.self),
      floats: floats, ids: ids, rows: clusters)
  }
}
