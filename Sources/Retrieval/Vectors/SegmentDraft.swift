import Glibc
import Synchronization

/// A segment file that another thread writes: it counts for nothing until a transaction names it.
///
/// Used by one thread. A draft that is dropped without being kept leaves no file.
final class SegmentDraft {
  /// Its number in the table `segment`, which nothing else has.
  let number: Int64
  /// Vectors in the file.
  let rows: Int
  let nonce: [UInt8]
  private let path: String
  private let work: Beside<Void>
  private let stop = Stop()
  private var isKept = false

  /// Writes the file (`SegmentWriter`); asked to end early, it throws.
  typealias Write =
    @Sendable (
      _ path: String, _ nonce: [UInt8], _ embedder: [UInt8], _ stop: Stop
    ) throws -> Void

  /// Asked by the other thread.
  final class Stop: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    fileprivate func set() { flag.store(true, ordering: .relaxed) }
  }

  /// - Parameter path: where nothing lies yet.
  init(number: Int64, rows: Int, path: String, embedder: [UInt8], write: @escaping Write) {
    self.number = number
    self.rows = rows
    self.path = path
    var random = SystemRandomNumberGenerator()
    let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    self.nonce = nonce
    work = Beside { [stop] in try write(path, nonce, embedder, stop) }
  }

  deinit {
    if isKept { return }
    stop.set()
    if (try? work.result()) != nil { unlink(path) }
  }

  /// Whether `result` would not wait.
  var isWritten: Bool { work.isDone }

  /// Returns when the file is written, or what writes it was asked to end because the task is cancelled.
  func wait() {
    while !isWritten {
      if Task.isCancelled { return stop.set() }
      usleep(1000)
    }
  }

  /// Waits for the file: when this returns it is on the disk.
  /// - Throws: what went wrong on the other thread.
  func result() throws { try work.result() }

  /// The file is named by what was committed.
  func keep() { isKept = true }
}
