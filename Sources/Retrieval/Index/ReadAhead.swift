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
/// The work is cut into slices of consecutive files by size, so that what waits is bounded in memory
/// and a slice is worth a task.
struct ReadAhead {
  private let work: [IndexWork]
  private let preparation: FilePreparation
  private let most: Int
  private var running: [Task<[PreparedFile], any Error>] = []
  /// The first file that no task has.
  private var next = 0

  /// Bytes and files of a slice; one larger file is a slice of its own.
  private static let sliceBytes = 1 << 20
  private static let sliceFiles = 128

  init(_ work: [IndexWork], preparation: FilePreparation) {
    self.work = work
    self.preparation = preparation
    // One core writes; more than a few would only fill memory.
    most = max(2, min(8, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// The next files, in order; nil after the last.
  mutating func files() async throws -> [PreparedFile]? {
    while running.count < most, next < work.count { start() }
    guard !running.isEmpty else { return nil }
    let reading = running.removeFirst()
    // Waiting for a task does not cancel it with the one that waits.
    return try await withTaskCancellationHandler {
      try await reading.value
    } onCancel: {
      reading.cancel()
    }
  }

  /// Ends what still reads.
  func cancel() { for task in running { task.cancel() } }

  private mutating func start() {
    let first = next
    var bytes = 0
    while next < work.count, next - first < Self.sliceFiles {
      bytes += work[next].file.size
      if next > first, bytes > Self.sliceBytes { break }
      next += 1
    }
    let slice = work[first..<next]
    let preparation = preparation
    running.append(
      Task.detached {
        var files: [PreparedFile] = []
        files.reserveCapacity(slice.count)
        for item in slice {
          try Task.checkCancellation()
          files.append(preparation.prepare(item.file, root: item.root, known: item.sha256))
        }
        return files
      })
  }
}
