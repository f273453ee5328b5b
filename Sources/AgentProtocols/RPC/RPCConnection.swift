import Dispatch
import Glibc
import Synchronization

/// What answers the requests of one connection.
@ControlActor package protocol RPCService: AnyObject {
  /// Takes one request or notification, in order of arrival. Returns at once; longer work goes into a
  /// task. `reply` is nil for a notification.
  func receive(_ call: RPCCall, _ reply: RPCReply?)
  /// The client is gone: ends what is running, so that it is answered.
  func endOfInput()
}

/// JSON-RPC 2.0 over two file descriptors, one message a line.
///
/// A thread of its own reads and parses; messages are handed over in order on `ControlActor`; one
/// queue writes. No input ends it but the end of input itself: what is no message is answered with
/// -32700 or -32600 and the next line is read.
package final class RPCConnection: Sendable {
  package struct Limits: Sendable {
    /// Most bytes of one message.
    package var line = 8 << 20
    /// Bytes of answers not taken yet, above which no more requests are read.
    package var pendingOutput = 4 << 20
    /// Messages read but not handed over.
    package var queued = 64
    /// How long requests in flight may take to end after the end of input.
    package var farewell = 5_000

    package init() {}
  }

  private struct InFlight { weak var reply: RPCReply? }

  private let input: Int32
  private let limits: Limits
  private let writer: RPCWriter
  private let inFlight = Mutex<[RPCID: InFlight]>([:])

  package init(input: Int32, output: Int32, limits: Limits = Limits()) {
    self.input = input
    self.limits = limits
    writer = RPCWriter(descriptor: output)
    // A closed pipe is an error of `write`, not the end of the program.
    signal(SIGPIPE, SIG_IGN)
  }

  package func notify(_ method: String, _ params: JSONValue) {
    writer.send(RPCMessage.notification(method, params))
  }

  /// The client takes back a request that is in flight; any other id is ignored.
  @ControlActor package func cancel(_ id: RPCID) {
    inFlight.withLock { $0[id]?.reply }?.cancel()
  }

  /// Serves until the input ends or nobody reads the output. Everything sent is written when this
  /// returns, unless the client does not take it.
  @ControlActor package func serve(_ service: any RPCService) async {
    let (messages, continuation) = AsyncStream.makeStream(of: RPCMessage.self)
    let slots = DispatchSemaphore(value: limits.queued)
    continuation.onTermination = { _ in slots.signal() }
    writer.whenBroken { continuation.finish() }
    DispatchQueue(label: "carrel.protocols.reader", qos: .userInitiated).async {
      self.read { message in
        slots.wait()
        self.writer.waitUntilBelow(self.limits.pendingOutput)
        if case .terminated = continuation.yield(message) { return false }
        return true
      }
      continuation.finish()
    }
    for await message in messages {
      handle(message, service)
      slots.signal()
    }
    service.endOfInput()
    await settle()
    writer.flush(milliseconds: 2_000)
  }

  // MARK: Reading

  private func read(_ deliver: (RPCMessage) -> Bool) {
    var framer = LineFramer(limit: limits.line)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(input, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR || errno == EAGAIN {
        if errno == EAGAIN {
          var poll = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
          _ = Glibc.poll(&poll, 1, -1)
        }
        continue
      }
      let frames =
        count > 0
        ? framer.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) : framer.finish()
      for frame in frames where !deliver(message(frame)) { return }
      if count <= 0 { return }
    }
  }

  private func message(_ frame: LineFramer.Frame) -> RPCMessage {
    switch frame {
    case .line(let line): RPCMessage.read(line)
    case .tooLong:
      .invalid(
        .null,
        RPCError(
          .invalidRequest, "A message may have at most \(limits.line) bytes; it was skipped."))
    }
  }

  // MARK: Handing over

  @ControlActor private func handle(_ message: RPCMessage, _ service: any RPCService) {
    let writer = writer
    switch message {
    case .response: break
    case .invalid(let id, let error): writer.send(RPCMessage.answer(id, .failure(error)))
    case .call(let call): handle(call, service) { if let answer = $0 { writer.send(answer) } }
    case .batch(let messages):
      let answerable = messages.filter {
        switch $0 {
        case .call(let call): call.id != nil
        case .invalid: true
        default: false
        }
      }
      let batch = RPCBatch(count: answerable.count) { writer.send($0) }
      for message in messages {
        switch message {
        case .invalid(let id, let error): batch.add(RPCMessage.answer(id, .failure(error)))
        case .call(let call): handle(call, service) { batch.add($0) }
        case .response, .batch: break
        }
      }
    }
  }

  @ControlActor private func handle(
    _ call: RPCCall, _ service: any RPCService, _ sink: @escaping @Sendable (JSONValue?) -> Void
  ) {
    guard let id = call.id else { return service.receive(call, nil) }
    let isTaken = inFlight.withLock { $0[id] != nil }
    guard id == .null || !isTaken else {
      return sink(
        RPCMessage.answer(
          id, .failure(RPCError(.invalidRequest, "A request with this id is still running."))))
    }
    let reply = RPCReply(id) { [weak self] answer in
      _ = self?.inFlight.withLock { $0.removeValue(forKey: id) }
      sink(answer)
    }
    inFlight.withLock { $0[id] = InFlight(reply: reply) }
    service.receive(call, reply)
  }

  /// Waits for requests in flight, at most `farewell`.
  private func settle() async {
    let end = ContinuousClock.now + .milliseconds(limits.farewell)
    while ContinuousClock.now < end, !inFlight.withLock({ $0.isEmpty }) {
      try? await Task.sleep(for: .milliseconds(2))
    }
  }
}
