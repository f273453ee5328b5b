import AgentProtocols
import Foundation
import Synchronization
import Testing

/// Where tests wait for messages: a thread of its own, so that none of the shared pool is missing.
@globalActor actor WaitingActor {
  static let shared = WaitingActor()
  private let executor = WaitingExecutor()
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
}

private final class WaitingExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "waiting")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}

/// A connection over two pipes, with the client's ends.
final class Line: Sendable {
  let connection: RPCConnection
  private let toService: Pipe
  private let fromService: Pipe
  private let service = Mutex<Task<Void, Never>?>(nil)
  private let lines = Mutex<(bytes: [UInt8], lines: [String])>(([], []))

  init(limits: RPCConnection.Limits = .init()) {
    toService = Pipe()
    fromService = Pipe()
    connection = RPCConnection(
      input: toService.fileHandleForReading.fileDescriptor,
      output: fromService.fileHandleForWriting.fileDescriptor, limits: limits)
  }

  func send(_ text: String) { send(Array((text + "\n").utf8)) }

  func send(_ bytes: [UInt8]) {
    try? toService.fileHandleForWriting.write(contentsOf: Data(bytes))
  }

  /// Begins to serve this connection.
  func serve(_ body: @escaping @ControlActor @Sendable (RPCConnection) async -> Void) {
    let connection = connection
    let task = Task { @ControlActor in await body(connection) }
    service.withLock { $0 = task }
  }

  /// Hangs up and waits until the service has ended.
  func end() async {
    hangUp()
    await service.withLock { $0 }?.value
  }

  /// The answer to a request, whatever comes before it.
  func answer(_ id: String, seconds: Double = 5) -> JSONValue? {
    while let message = next(seconds: seconds) {
      if message["id"]?.string == id { return message }
    }
    return nil
  }

  /// Ends the service's input.
  func hangUp() { try? toService.fileHandleForWriting.close() }

  /// Stops reading what the service says.
  func turnAway() { try? fromService.fileHandleForReading.close() }

  /// The next message, parsed; nil when none comes in time.
  func next(seconds: Double = 5) -> JSONValue? {
    let end = Date.now.addingTimeInterval(seconds)
    let descriptor = fromService.fileHandleForReading.fileDescriptor
    while true {
      if let line = lines.withLock({ $0.lines.isEmpty ? nil : $0.lines.removeFirst() }) {
        return try? JSONReader.read(Array(line.utf8))
      }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let left = end.timeIntervalSinceNow
      guard left > 0, Glibc.poll(&poll, 1, Int32(left * 1000)) > 0 else { return nil }
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return nil }
      lines.withLock { state in
        state.bytes += buffer[..<count]
        while let newline = state.bytes.firstIndex(of: 0x0A) {
          state.lines.append(String(decoding: state.bytes[..<newline], as: UTF8.self))
          state.bytes.removeSubrange(...newline)
        }
      }
    }
  }

  /// Messages until one fits, that one last.
  func until(_ seconds: Double = 5, _ fits: (JSONValue) -> Bool) -> [JSONValue] {
    var all: [JSONValue] = []
    while let message = next(seconds: seconds) {
      all.append(message)
      if fits(message) { break }
    }
    return all
  }
}

/// Answers `echo` with its parameters and `later` when told to; counts what it is given.
@ControlActor final class EchoService: RPCService {
  var held: [RPCReply] = []
  var notices: [String] = []
  var connection: RPCConnection?

  func receive(_ call: RPCCall, _ reply: RPCReply?) {
    guard let reply else {
      notices.append(call.method)
      if call.method == "cancel", let id = call.params?["id"].flatMap(RPCID.init) {
        connection?.cancel(id)
      }
      return
    }
    switch call.method {
    case "echo": reply.succeed(call.params ?? .null)
    case "subtract":
      let numbers = call.params?.array?.compactMap(\.integer) ?? []
      reply.succeed(.integer(numbers.reduce(0, -) + 2 * (numbers.first ?? 0)))
    case "later":
      reply.onCancel { reply.fail(RPCError(.cancelled, "Taken back.")) }
      held.append(reply)
    case "forget": break
    default: reply.fail(RPCError(.methodNotFound, "No."))
    }
  }

  func endOfInput() {
    for reply in held { reply.succeed("late") }
    held = []
  }
}

@Suite("JSON-RPC over a pair of pipes")
@WaitingActor struct ConnectionTests {
  private func start(limits: RPCConnection.Limits = .init()) -> Line {
    let line = Line(limits: limits)
    line.serve { connection in
      let service = EchoService()
      service.connection = connection
      await connection.serve(service)
    }
    return line
  }

  @Test("Every bad message gets the code JSON-RPC 2.0 gives it, and the next one is answered")
  func codes() async {
    let cases: [(String, Int, JSONValue)] = [
      ("{", -32700, .null), ("\u{0}", -32700, .null), ("[1,", -32700, .null),
      ("1", -32600, .null), ("\"x\"", -32600, .null), ("null", -32600, .null),
      ("[]", -32600, .null), ("{}", -32600, .null),
      (#"{"jsonrpc":"1.0","id":1,"method":"echo"}"#, -32600, 1),
      (#"{"jsonrpc":"2.0","id":1}"#, -32600, 1),
      (#"{"jsonrpc":"2.0","id":"a","method":5}"#, -32600, "a"),
      (#"{"jsonrpc":"2.0","id":1,"method":"echo","params":"x"}"#, -32600, 1),
      (#"{"jsonrpc":"2.0","id":1.5,"method":"echo"}"#, -32600, .null),
      (#"{"jsonrpc":"2.0","id":[1],"method":"echo"}"#, -32600, .null),
      (#"{"jsonrpc":"2.0","id":true,"method":"echo"}"#, -32600, .null),
      (#"{"jsonrpc":"2.0","id":3,"method":"nothing"}"#, -32601, 3),
      (#"{"jsonrpc":"2.0","id":null,"method":"nothing"}"#, -32601, .null),
      (#"{"jsonrpc":"2.0","id":4,"method":"forget"}"#, -32603, 4),
      (String(repeating: "[", count: 100_000), -32700, .null),
    ]
    let line = start()
    for (text, code, id) in cases {
      line.send(text)
      let answer = line.next()
      #expect(
        answer?["error"]?["code"]?.integer == code, "\(text.prefix(80)): \(answer?.text ?? "")")
      #expect(answer?.object?["id"] == id && answer?["jsonrpc"] == "2.0")
      #expect(answer?["result"] == nil && answer?["error"]?["message"]?.string?.isEmpty == false)
      line.send(#"{"jsonrpc":"2.0","id":7,"method":"echo","params":{"x":1}}"#)
      #expect(line.next() == ["jsonrpc": "2.0", "id": 7, "result": ["x": 1]])
    }
    await line.end()
  }

  @Test("The examples of the JSON-RPC 2.0 specification, batches included")
  func specification() async {
    let line = start()
    line.send(#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#)
    #expect(line.next() == ["jsonrpc": "2.0", "result": 19, "id": 1])
    line.send(#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#)
    line.send("[1,2,3]")
    #expect(
      line.next()?.array?.compactMap { $0["error"]?["code"]?.integer } == [
        -32600, -32600, -32600,
      ])
    line.send(#"[{"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]"#)
    line.send(
      #"[{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":"2"},{"foo":"boo"},{"jsonrpc":"2.0","method":"foo.get","params":{"name":"myself"},"id":"5"},{"jsonrpc":"2.0","method":"notify_hello","params":[7]}]"#
    )
    let answers = line.next()?.array ?? []
    #expect(answers.count == 3)
    #expect(answers.contains(["jsonrpc": "2.0", "result": 19, "id": "2"]))
    let codes = answers.compactMap { $0["error"]?["code"]?.integer }
    #expect(codes.sorted() == [-32601, -32600])
    await line.end()
  }

  @Test("A line that is too long is refused once and skipped; limits hold to the byte")
  func longLines() async {
    var limits = RPCConnection.Limits()
    limits.line = 1000
    let line = start(limits: limits)
    func echo(_ length: Int) -> String {
      let frame = #"{"jsonrpc":"2.0","id":1,"method":"echo","params":[""]}"#
      return frame.replacingOccurrences(
        of: "[\"\"]", with: "[\"" + String(repeating: "x", count: length - frame.count) + "\"]")
    }
    line.send(echo(1000))
    #expect(line.next()?["result"] != nil)
    for length in [1001, 5000, 300_000] {
      line.send(echo(length))
      line.send(echo(999))
      #expect(line.next()?["error"]?["code"] == -32600)
      #expect(line.next()?["result"] != nil)
    }
    line.send("\r\n \n" + echo(1000) + "\r")
    #expect(line.next()?["error"]?["code"] == -32600, "1001 with the carriage return")
    await line.end()
  }

  @Test("Framing does not depend on how bytes arrive")
  func framing() {
    let text = "one\n\r\ntwo\r\n   \n" + String(repeating: "z", count: 50) + "\nthree"
    for size in 1...text.utf8.count {
      var framer = LineFramer(limit: 20)
      var frames: [LineFramer.Frame] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        Array(rest.prefix(size)).withUnsafeBytes { frames += framer.feed($0) }
        rest = rest.dropFirst(size)
      }
      frames += framer.finish()
      let words = ["one", "two"].map { LineFramer.Frame.line(Array($0.utf8)) }
      #expect(frames == words + [.tooLong, .line(Array("three".utf8))], "\(size)")
    }
  }

  @Test("A request is taken back once; its id may be used again; the end of input answers the rest")
  func cancelling() async {
    let line = start()
    let later = #"{"jsonrpc":"2.0","id":"a","method":"later"}"#
    line.send(later)
    line.send(later)
    #expect(line.next()?["error"]?["code"] == -32600, "the id is in use")
    let cancel = #"{"jsonrpc":"2.0","method":"cancel","params":{"id":"a"}}"#
    for _ in 0..<3 { line.send(cancel) }
    #expect(line.next()?["error"]?["code"] == -32800)
    line.send(later)
    line.hangUp()
    #expect(line.next() == ["jsonrpc": "2.0", "id": "a", "result": "late"])
    #expect(line.next(seconds: 0.2) == nil)
    await line.end()
  }

  @Test(
    "A client that reads nothing is not read from without end, and one that is gone ends the service"
  )
  func closedOutput() async {
    let line = start()
    let big =
      #"{"jsonrpc":"2.0","id":1,"method":"echo","params":[""#
      + String(repeating: "y", count: 100_000) + #""]}"#
    let writer = Thread { for _ in 0..<200 { line.send(big) } }
    writer.start()
    try? await Task.sleep(for: .milliseconds(200))
    #expect(!writer.isFinished, "20 MB of answers nobody reads")
    line.turnAway()
    let end = Date.now.addingTimeInterval(0.3)
    while !writer.isFinished, end > .now { try? await Task.sleep(for: .milliseconds(10)) }
    await line.end()
  }
}
