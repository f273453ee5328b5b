import Dispatch
import Glibc
import Synchronization

/// Writes messages one after the other, each as one line, on a queue of its own: whoever sends never
/// waits for a slow reader.
final class RPCWriter: Sendable {
  private let descriptor: Int32
  private let queue = DispatchQueue(label: "carrel.protocols.writer", qos: .userInitiated)
  private let state = Mutex((pending: 0, isBroken: false))
  private let onBroken = Mutex<(@Sendable () -> Void)?>(nil)

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Called once, when the other side no longer reads.
  func whenBroken(_ body: @escaping @Sendable () -> Void) { onBroken.withLock { $0 = body } }

  func send(_ message: JSONValue) {
    guard !state.withLock({ $0.isBroken }) else { return }
    var line = message.bytes
    line.append(UInt8(ascii: "\n"))
    let count = line.count
    state.withLock { $0.pending += count }
    queue.async { [line] in
      self.write(line)
      self.state.withLock { $0.pending -= count }
    }
  }

  /// Waits while more than `limit` bytes are to be written. Only the reading thread may: a client
  /// that does not read its answers gets no more of its requests read.
  func waitUntilBelow(_ limit: Int) {
    if state.withLock({ $0.pending > limit && !$0.isBroken }) { queue.sync {} }
  }

  /// Waits until everything sent so far is written, at most so long.
  func flush(milliseconds: Int) {
    let done = DispatchSemaphore(value: 0)
    queue.async { done.signal() }
    _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
  }

  private func write(_ line: [UInt8]) {
    guard !state.withLock({ $0.isBroken }) else { return }
    var written = 0
    while written < line.count {
      let count = line.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress! + written, line.count - written)
      }
      if count > 0 {
        written += count
      } else if count < 0, errno == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = Glibc.poll(&poll, 1, -1)
      } else if count < 0, errno != EINTR {
        state.withLock { $0.isBroken = true }
        onBroken.withLock { $0.take() }?()
        return
      }
    }
  }
}
