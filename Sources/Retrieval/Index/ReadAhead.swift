import Glibc

/// A file to be looked at.
struct IndexWork: Sendable {
  var file: ScannedFile
  var root: Int64
  var known: ManifestEntry?
  /// The manifest's hash, when the same bytes need not be cut again.
  var sha256: [UInt8]?
}

/// Reads, hashes and cuts files on all cores ahead of the one that writes them, and gives them back
/// in their order.
///
/// The work is cut into slices of consecutive files by size, so that a slice is worth a task. What is read
/// ahead is about a window of files (`IndexRun`), so that the next is ready when one is written.
package struct ReadAhead {
  private let work: [IndexWork]
  private let preparation: FilePreparation
  /// Slices read at once: one core is the writer's.
  private let lanes: Int
  private var running: [(task: Task<[PreparedFile], any Error>, bytes: Int)] = []
  /// What the files in `running` weigh.
  private var ahead = 0
  /// The first file that no task has.
  private var next = 0

  /// Bytes and files of a slice; one larger file is a slice of its own.
  private static let sliceBytes = 1 << 20
  /// Bytes of files that may wait; a slice for each core may up to `mostBytes`, and one in any case.
  private static let aheadBytes = 16 << 20
  private static let mostBytes = 256 << 20
  private static let sliceFiles = 128

  init(_ work: [IndexWork], preparation: FilePreparation) {
    self.work = work
    self.preparation = preparation
    lanes = max(1, min(8, sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1))
  }

  /// The next files, in order; nil after the last.
  mutating func files() async throws -> [PreparedFile]? {
    while next < work.count,
      ahead < Self.aheadBytes || running.count <= lanes && ahead < Self.mostBytes
    { start() }
    guard !running.isEmpty else { return nil }
    let (reading, bytes) = running.removeFirst()
    ahead -= bytes
    // Waiting for a task does not cancel it with the one that waits.
    return try await withTaskCancellationHandler {
      try await reading.value
    } onCancel: {
      reading.cancel()
    }
  }

  /// Ends what still reads.
  func cancel() { for (task, _) in running { task.cancel() } }

  /// Bytes that a file may become when it is read.
  package static func weight(_ file: ScannedFile) -> Int {
    switch FileFormat(name: file.path) {
    case .gzip: min(GzipText.limit, file.size * GzipText.mostRatio)
    // A program's text is seldom longer.
    case .pdf, .pandoc: max(file.size, 4 << 20)
    default: file.size
    }
  }

  private mutating func start() {
    let first = next
    var bytes = 0
    while next < work.count, next - first < Self.sliceFiles {
      let size = Self.weight(work[next].file)
      if next > first, bytes + size > Self.sliceBytes { break }
      bytes += size
      next += 1
    }
    ahead += bytes
    let slice = work[first..<next]
    let preparation = preparation
    // Its turn comes when a lane is free: more tasks than threads would stand before the writer.
    let before = running.count >= lanes ? running[running.count - lanes].task : nil
    let task = Task.detached {
      _ = await before?.result
      var files: [PreparedFile] = []
      files.reserveCapacity(slice.count)
      for item in slice {
        try Task.checkCancellation()
        files.append(try preparation.prepare(item.file, root: item.root, known: item.sha256))
      }
      return files
    }
    running.append((task, bytes))
  }
}
