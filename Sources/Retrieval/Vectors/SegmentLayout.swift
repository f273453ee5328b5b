import Compute
import Storage

/// Where everything lies in a segment file. Index/README.md describes the bytes.
///
/// All places follow from the three counts, so a file whose length is not `byteCount` is refused
/// before anything in it is read.
struct SegmentLayout: Sendable, Equatable {
  static let magic: [UInt8] = Array("CARLVEC\0".utf8)
  static let version: UInt32 = 1
  static let headerBytes = 512
  static let mostColumns = 65_536
  static let mostRows = 1 << 30

  /// Parts of the file in their order.
  enum Section: Int, CaseIterable {
    /// Int64 [rows].
    case ids
    /// UInt32 [rows]: row numbers by ascending id.
    case order
    /// UInt8 [blocks][⌈columns / 4⌉][16][4].
    case codes
    /// Float [blocks][3][16].
    case facts
    /// Float [rows][columns].
    case floats
    /// Codes and facts of the clusters' centres, as those of rows.
    case centreCodes, centreFacts
    /// UInt32 [clusters + 1]: first row of each cluster, and the end; empty without clusters.
    case clusterStarts
  }

  let columns: Int
  let rows: Int
  let clusters: Int

  /// nil when no valid file has these counts.
  init?(columns: Int, rows: Int, clusters: Int) {
    guard (1...Self.mostColumns).contains(columns), (1...Self.mostRows).contains(rows),
      (0...rows).contains(clusters)
    else { return nil }
    self.columns = columns
    self.rows = rows
    self.clusters = clusters
  }

  func length(_ section: Section) -> Int {
    let block = CodeLayout.blockBytes(columns: columns)
    let facts = CodeLayout.blockFacts * 4
    let blocks = CodeLayout.blocks(rows: rows)
    let centres = CodeLayout.blocks(rows: clusters)
    return switch section {
    case .ids: rows * 8
    case .order: rows * 4
    case .codes: blocks * block
    case .facts: blocks * facts
    case .floats: rows * columns * 4
    case .centreCodes: centres * block
    case .centreFacts: centres * facts
    case .clusterStarts: clusters == 0 ? 0 : (clusters + 1) * 4
    }
  }

  /// Sections begin at multiples of 64 bytes.
  func offset(_ section: Section) -> Int {
    var offset = Self.headerBytes
    for before in Section.allCases where before.rawValue < section.rawValue {
      offset += (length(before) + 63) / 64 * 64
    }
    return offset
  }

  var byteCount: Int {
    let last = Section.clusterStarts
    return offset(last) + (length(last) + 63) / 64 * 64
  }
}

/// The first 512 bytes of a segment file.
struct SegmentHeader: Sendable, Equatable {
  var layout: SegmentLayout
  /// 16 random bytes that SQLite knows too: a file of another index is not taken for ours.
  var nonce: [UInt8]
  /// SHA-256 of the embedder's identity as the index keeps it.
  var embedder: [UInt8]
  /// CRC-32C of each section.
  var checksums: [UInt32]

  func encoded() -> [UInt8] {
    var bytes = SegmentLayout.magic
    func put(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    put(SegmentLayout.version)
    put(UInt32(layout.columns))
    put(UInt64(layout.rows))
    put(UInt32(layout.clusters))
    put(UInt32(0))
    bytes += nonce
    bytes += embedder
    for checksum in checksums { put(checksum) }
    bytes += [UInt8](repeating: 0, count: SegmentLayout.headerBytes - 4 - bytes.count)
    put(bytes.withUnsafeBytes { Checksum.of($0) })
    return bytes
  }

  /// Reads and checks a header; the sections are not read.
  init(_ file: MappedFile) throws(RetrievalError) {
    let bytes = file.bytes
    func refuse(_ what: String) -> RetrievalError {
      RetrievalError.damagedSegment(file.path, what)
    }
    guard bytes.count >= SegmentLayout.headerBytes else {
      throw refuse("it has \(bytes.count) bytes, fewer than its header")
    }
    func get<T: FixedWidthInteger>(_ offset: Int, _: T.Type = T.self) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
    guard bytes.prefix(8).elementsEqual(SegmentLayout.magic) else {
      throw refuse("it does not begin as a file of vectors does")
    }
    let version: UInt32 = get(8)
    guard version == SegmentLayout.version else {
      throw refuse("its version is \(version), this program knows \(SegmentLayout.version)")
    }
    let end = SegmentLayout.headerBytes - 4
    let sum = Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
    guard sum == get(end) else { throw refuse("its header has changed since it was written") }
    guard
      let layout = SegmentLayout(
        columns: Int(get(12, UInt32.self)), rows: Int(clamping: get(16, UInt64.self)),
        clusters: Int(get(24, UInt32.self)))
    else { throw refuse("its header holds impossible counts") }
    guard bytes.count == layout.byteCount else {
      throw refuse("it has \(bytes.count) bytes, \(layout.byteCount) were expected")
    }
    self.layout = layout
    nonce = Array(bytes[32..<48])
    embedder = Array(bytes[48..<80])
    checksums = SegmentLayout.Section.allCases.map { get(80 + $0.rawValue * 4) }
  }

  init(layout: SegmentLayout, nonce: [UInt8], embedder: [UInt8], checksums: [UInt32]) {
    self.layout = layout
    self.nonce = nonce
    self.embedder = embedder
    self.checksums = checksums
  }
}

extension RetrievalError {
  static func damagedSegment(_ path: String, _ what: String) -> RetrievalError {
    RetrievalError(
      .damaged,
      "\(path) cannot be used: \(what). `carrel index refresh` makes its vectors anew.",
      subject: path)
  }
}
