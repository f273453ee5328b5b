import Compute
import Glibc
import Storage

/// Writes a segment file: rows pass through a buffer of a few megabytes, whatever their number.
package enum SegmentWriter {
  /// The vectors of a segment in the order they will have.
  package struct Rows {
    var ids: [Int64]
    var columns: Int
    /// Lends row `index`: [columns].
    var row: (_ index: Int) -> UnsafePointer<Float>
    /// First row of each cluster, and the end; empty without clusters.
    var clusterStarts: [UInt32] = []
    /// [clusterStarts.count − 1][columns]
    var centres: [Float] = []

    package init(ids: [Int64], columns: Int, row: @escaping (Int) -> UnsafePointer<Float>) {
      self.ids = ids
      self.columns = columns
      self.row = row
    }

    /// Fewer rows are not worth clusters: searching them all takes less than half a millisecond.
    package static let leastClustered = 32_768

    /// Brings large segments into the order of clusters of near rows, so that an approximate search
    /// may look at a part of them.
    /// - Parameter isCancelled: asked now and then.
    /// - Throws: `CancellationError`.
    package mutating func cluster(
      threads: VectorThreads = .shared, isCancelled: () -> Bool = { Task.isCancelled }
    ) throws {
      guard ids.count >= Self.leastClustered else { return }
      let count = CodeClustering.count(rows: ids.count)
      let found = CodeClustering(
        rows: ids.count, columns: columns, clusters: count, pool: threads.pool,
        isCancelled: isCancelled, row: row)
      if isCancelled() { throw CancellationError() }
      guard let found else { return }
      var starts = [UInt32](repeating: 0, count: count + 1)
      for cluster in found.assignment { starts[Int(cluster) + 1] += 1 }
      for cluster in 0..<count { starts[cluster + 1] += starts[cluster] }
      var next = starts
      var order = [UInt32](repeating: 0, count: ids.count)
      for (row, cluster) in found.assignment.enumerated() {
        order[Int(next[Int(cluster)])] = UInt32(row)
        next[Int(cluster)] += 1
      }
      let (old, lend) = (ids, row)
      ids = order.map { old[Int($0)] }
      row = { lend(Int(order[$0])) }
      clusterStarts = starts
      centres = found.centres
    }
  }

  /// Rows in the buffer: 6 MB of floats at 384 columns.
  private static let bufferRows = 4096

  /// Writes `rows` to a new file beside `path`, flushes it and renames it: the file is whole or not
  /// there. Nothing may lie at `path` that another process could have mapped.
  /// - Throws: `StorageError`, `.badEmbedding` for a vector that is not finite or too long.
  package static func write(
    _ rows: Rows, to path: String, nonce: [UInt8], embedder: [UInt8]
  ) throws {
    let temporary = path + ".tmp"
    let descriptor = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StorageError(errno: errno, while: "write", path: temporary)
    }
    do {
      defer { close(descriptor) }
      try write(rows, descriptor: descriptor, path: path, nonce: nonce, embedder: embedder)
      guard fsync(descriptor) == 0 else {
        throw StorageError(errno: errno, while: "flush", path: path)
      }
      guard rename(temporary, path) == 0 else {
        throw StorageError(errno: errno, while: "rename to it", path: path)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    flushFolder(of: path)
  }

  /// A segment in a file without a name, for vectors that have none yet.
  static func nameless(_ rows: Rows, embedder: [UInt8]) throws -> VectorSegment {
    let base = Subprocess.environment("TMPDIR") ?? "/tmp"
    var template = Array((base + "/carrel-vectors-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw StorageError(errno: errno, while: "make a temporary file in it", path: base)
    }
    unlink(template)
    defer { close(descriptor) }
    let path = "/proc/self/fd/\(descriptor)"
    try write(
      rows, descriptor: descriptor, path: path, nonce: [UInt8](repeating: 0, count: 16),
      embedder: embedder)
    return try VectorSegment(path: path)
  }

  private static func write(
    _ rows: Rows, descriptor: Int32, path: String, nonce: [UInt8], embedder: [UInt8]
  ) throws {
    let clusters = max(0, rows.clusterStarts.count - 1)
    guard
      let layout = SegmentLayout(
        columns: rows.columns, rows: rows.ids.count, clusters: clusters)
    else {
      throw RetrievalError(
        .badEmbedding,
        "\(rows.ids.count) vectors of \(rows.columns) numbers cannot be stored: at most "
          + "\(SegmentLayout.mostColumns) numbers each.", subject: path)
    }
    var sink = Sink(descriptor: descriptor, path: path, layout: layout)
    try sink.reserve()
    try rows.ids.withUnsafeBytes { try sink.append($0, to: .ids) }
    let order = Self.order(rows.ids)
    try order.withUnsafeBytes { try sink.append($0, to: .order) }
    try encode(rows, layout, &sink)
    try rows.clusterStarts.withUnsafeBytes { try sink.append($0, to: .clusterStarts) }
    if clusters > 0 {
      try rows.centres.withUnsafeBufferPointer { centres in
        guard let base = centres.baseAddress else { return }
        try encode(
          count: clusters, rows.columns, .centreCodes, .centreFacts, nil, &sink, path
        ) { base + $0 * rows.columns }
      }
    }
    let header = SegmentHeader(
      layout: layout, nonce: nonce, embedder: embedder, checksums: sink.checksums.map(\.value))
    try header.encoded().withUnsafeBytes { try sink.write($0, at: 0) }
  }

  private static func encode(_ rows: Rows, _ layout: SegmentLayout, _ sink: inout Sink) throws {
    try encode(
      count: rows.ids.count, rows.columns, .codes, .facts, .floats, &sink, sink.path, rows.row)
  }

  private static func encode(
    count: Int, _ columns: Int, _ codesSection: SegmentLayout.Section,
    _ factsSection: SegmentLayout.Section, _ floatsSection: SegmentLayout.Section?,
    _ sink: inout Sink, _ path: String, _ row: (Int) -> UnsafePointer<Float>
  ) throws {
    let size = min(bufferRows, (count + 15) / 16 * 16)
    let blockBytes = CodeLayout.blockBytes(columns: columns)
    var floats = [Float](repeating: 0, count: size * columns)
    var codes = [UInt8](repeating: 0, count: size / 16 * blockBytes)
    var facts = [Float](repeating: 0, count: size / 16 * CodeLayout.blockFacts)
    var first = 0
    while first < count {
      let part = min(size, count - first)
      let blocks = CodeLayout.blocks(rows: part)
      let bad = floats.withUnsafeMutableBufferPointer { floats -> Int? in
        codes.withUnsafeMutableBufferPointer { codes -> Int? in
          facts.withUnsafeMutableBufferPointer { facts -> Int? in
            guard let x = floats.baseAddress, let c = codes.baseAddress, let f = facts.baseAddress
            else { return nil }
            for index in 0..<part {
              (x + index * columns).update(from: row(first + index), count: columns)
            }
            for block in 0..<blocks {
              let start = block * CodeLayout.blockRows
              let bad = CodeLayout.encode(
                x + start * columns, rows: min(CodeLayout.blockRows, part - start),
                columns: columns, codes: c + block * blockBytes,
                facts: f + block * CodeLayout.blockFacts)
              if let bad { return first + start + bad }
            }
            return nil
          }
        }
      }
      if let bad {
        throw RetrievalError(
          .badEmbedding,
          "Vector \(bad) holds a number that is not finite, or is longer than 1,000,000; it was "
            + "not stored.", subject: path)
      }
      try codes.withUnsafeBytes {
        try sink.append(.init(rebasing: $0[..<(blocks * blockBytes)]), to: codesSection)
      }
      try facts.withUnsafeBytes {
        try sink.append(
          .init(rebasing: $0[..<(blocks * CodeLayout.blockFacts * 4)]), to: factsSection)
      }
      if let floatsSection {
        try floats.withUnsafeBytes {
          try sink.append(.init(rebasing: $0[..<(part * columns * 4)]), to: floatsSection)
        }
      }
      first += part
    }
  }

  /// Row numbers by ascending id.
  private static func order(_ ids: [Int64]) -> [UInt32] {
    let rows = (0..<UInt32(ids.count))
    let isSorted = zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }
    return isSorted ? Array(rows) : rows.sorted { ids[Int($0)] < ids[Int($1)] }
  }

  /// Best effort: the file itself is already safe, and some file systems refuse it.
  private static func flushFolder(of path: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return }
    let descriptor = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// Appends to the sections of one file, each in order.
private struct Sink {
  let descriptor: Int32
  let path: String
  let layout: SegmentLayout
  var checksums = SegmentLayout.Section.allCases.map { _ in Checksum() }
  private var written = SegmentLayout.Section.allCases.map { _ in 0 }

  init(descriptor: Int32, path: String, layout: SegmentLayout) {
    self.descriptor = descriptor
    self.path = path
    self.layout = layout
  }

  /// Asks for the whole length at once: a full disk is told before anything is written.
  func reserve() throws(StorageError) {
    let result = posix_fallocate(descriptor, 0, off_t(layout.byteCount))
    guard result == 0 || result == EOPNOTSUPP || result == EINVAL else {
      throw StorageError(errno: result, while: "write \(layout.byteCount) bytes", path: path)
    }
    guard ftruncate(descriptor, off_t(layout.byteCount)) == 0 else {
      throw StorageError(errno: errno, while: "write \(layout.byteCount) bytes", path: path)
    }
  }

  mutating func append(
    _ bytes: UnsafeRawBufferPointer, to section: SegmentLayout.Section
  ) throws(StorageError) {
    let index = section.rawValue
    checksums[index].update(bytes)
    try write(bytes, at: layout.offset(section) + written[index])
    written[index] += bytes.count
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let count = pwrite(descriptor, base + done, bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "write", path: path)
      }
      done += count
    }
  }
}
