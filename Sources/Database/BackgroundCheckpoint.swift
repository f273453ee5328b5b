import CSQLite
import Dispatch
import Synchronization

/// Copies what a connection commits from the write-ahead log into the database, on a thread beside it.
///
/// SQLite copies at a commit, so that the one that writes waits for the disk: for every page that is copied,
/// and for both files to be flushed. A connection of its own may do the same while the next transaction is
/// written (https://sqlite.org/wal.html#ckpt), in the same order of flushes; a death at any moment finds what
/// SQLite's own copying could have left.
final class BackgroundCheckpoint {
  /// Pages that are worth waking a thread.
  private static let least: Int32 = 500
  /// Pages of a log that is to begin anew: one does only when all of it was copied before a transaction
  /// began, so then the writer waits. 64 MiB of our pages.
  private static let most: Int32 = 8192

  /// The connection on the other thread.
  private final class Copier: @unchecked Sendable {
    // Used on the queue only, which is what makes the class Sendable.
    private let database: OpenDatabase
    let isBusy = Atomic(false)

    init(_ database: OpenDatabase) { self.database = database }

    /// What fails is tried again: the pages stay in the log, where every reader finds them.
    func copy() {
      sqlite3_wal_checkpoint_v2(database.handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
      isBusy.store(false, ordering: .releasing)
    }
  }

  private let writer: OpenDatabase
  private let copier: Copier
  private let queue = DispatchQueue(label: "carrel.checkpoint", qos: .userInitiated)
  /// Pages of the log when the last copying began.
  private var begun: Int32 = 0

  /// - Parameters:
  ///   - writer: in WAL mode; its commits are watched from now on.
  ///   - copier: another connection to the same file.
  init(of writer: OpenDatabase, by copier: OpenDatabase) {
    self.writer = writer
    self.copier = Copier(copier)
    sqlite3_wal_hook(
      writer.handle,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        Unmanaged<BackgroundCheckpoint>.fromOpaque(context)._withUnsafeGuaranteedRef {
          $0.committed(pages)
        }
        return SQLITE_OK
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit {
    sqlite3_wal_hook(writer.handle, nil, nil)
    wait()
  }

  /// Returns when nothing is being copied.
  func wait() { queue.sync {} }

  /// - Parameter pages: those of the log, copied ones too.
  private func committed(_ pages: Int32) {
    if pages < begun { begun = 0 }
    if pages >= Self.most {
      wait()
      sqlite3_wal_checkpoint_v2(writer.handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
      begun = pages
    } else if pages - begun >= Self.least, !copier.isBusy.load(ordering: .acquiring) {
      begun = pages
      copier.isBusy.store(true, ordering: .relaxed)
      queue.async { [copier] in copier.copy() }
    }
  }
}

extension Connection {
  /// Lets another thread copy what this connection commits into the database from now on; where that cannot
  /// be, commits do it, as before.
  package func checkpointInBackground() {
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
    guard checkpoints == nil,
      let handle = try? Self.open(path, uri: path, flags: flags, 0)
    else { return }
    let copier = OpenDatabase(handle: handle)
    // A connection takes part in the log from its first look at the database.
    let sql = "PRAGMA synchronous=NORMAL; SELECT count(*) FROM sqlite_schema"
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { return }
    checkpoints = BackgroundCheckpoint(of: database, by: copier)
  }

  /// Returns when no other thread copies what was committed (`checkpointInBackground`).
  package func finishCheckpoint() { checkpoints?.wait() }
}
