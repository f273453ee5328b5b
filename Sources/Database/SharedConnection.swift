import Synchronization

/// A connection that several tasks may use, one at a time.
package final class SharedConnection: @unchecked Sendable {
  // Every use of `connection` is inside the lock, which is what makes the class Sendable.
  private let connection: Connection
  private let lock = Mutex(())

  /// Takes over the connection: the caller must not use it any more.
  package init(_ connection: Connection) { self.connection = connection }

  /// Runs `body` with the connection; waits while another task uses it. Not reentrant.
  package func use<R>(_ body: (Connection) throws -> R) rethrows -> R {
    try lock.withLock { _ in try body(connection) }
  }
}
