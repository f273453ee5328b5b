import CarrelKit
import Synchronization
import Terminal
import Testing
import carrel

/// Control-C without a terminal: what the prompt does while an answer that was given up on goes on.
@MainActor @Suite("Answers given up on", .serialized)
struct GivenUpTests {
  /// A conversation that notes what is done with it. A question that begins with `slow` is
  /// interrupted at once and ends 0.3 s later, one that begins with `slow and broken` with an error.
  private final class Slow: Conversing {
    let modelID = "slow\u{1B}[2J"
    let context = 4096
    let notes = Mutex<[String]>([])

    func note(_ text: String) { notes.withLock { $0.append(text) } }

    func ask(_ question: String, options: AskOptions, stop: StopFlag)
      -> AsyncThrowingStream<GenerationEvent, any Error>
    {
      let isSlow = question.hasPrefix("slow")
      if isSlow { SignalMonitor.shared.interrupt() }
      return AsyncThrowingStream { continuation in
        Task {
          if isSlow { try await Task.sleep(for: .milliseconds(300)) }
          note("answered \(question)")
          if question.hasPrefix("slow and broken") {
            continuation.finish(throwing: CarrelError(.failed, "The index is locked."))
          } else {
            continuation.yield(.done(FakeConversation.answer("Yes.")))
            continuation.finish()
          }
        }
      }
    }
    var keptID: String? { nil }
    func setKept(_ isKept: Bool) async throws { note("kept \(isKept)") }
    func warm(stop: StopFlag) async throws {}
    func reset() async { note("reset") }
    func undo() async -> String? {
      note("undo")
      return nil
    }
  }

  private func run(_ lines: String...) async -> (notes: [String], out: String, opened: [String?]) {
    let slow = Slow()
    let desk = FakeDesk(other: slow)
    let capture = Capture()
    let repl = REPL(desk: desk, console: capture.console(), lines: ScriptedLines(lines: lines))
    _ = await repl.run()
    return (slow.notes.withLock { $0 }, capture.out, desk.opened.withLock { $0 })
  }

  @Test("/undo, /retry, /clear and /set sessions wait until such an answer has ended")
  func waits() async {
    let undone = await run("one", "slow", "/undo", "/undo")
    #expect(undone.notes == ["answered one", "answered slow", "undo", "undo"])
    #expect(undone.out.contains("Forgotten: slow\nForgotten: one\n"))
    let again = await run("one", "slow", "/retry", "/clear")
    #expect(again.notes.prefix(4) == ["answered one", "answered slow", "undo", "answered slow"])
    #expect(again.notes.last == "reset")
    #expect(await run("slow", "/clear").notes == ["answered slow", "reset"])
    #expect(await run("slow", "/set sessions off").notes == ["answered slow", "kept false"])
    #expect(await run("slow", "/edit", "one").notes == ["answered slow", "undo", "answered one"])
  }

  @Test("One that then fails is no turn: taking it back takes nothing else back")
  func failed() async {
    let undone = await run("one", "slow and broken", "/undo", "/undo")
    #expect(undone.notes == ["answered one", "answered slow and broken", "undo"])
    #expect(undone.out.contains("Forgotten: slow and broken\nForgotten: one\n"))
    let later = await run("one", "slow and broken", "two", "/undo", "/undo", "/undo")
    #expect(later.notes.suffix(3) == ["answered two", "undo", "undo"])
  }

  @Test("A conversation that is still being opened when sessions are switched off is not kept")
  func switchedOff() async {
    let keeping = await run("/set sessions on", "one")
    #expect(!keeping.opened.contains(nil))
    // The one given up on may be the last to be opened.
    #expect(await run("/set sessions off", "one").opened.contains(nil))
  }

  @Test("Work that ends well although it was interrupted is interrupted all the same")
  func endsWell() async {
    SignalMonitor.shared.remembersInterrupts(true)
    defer { SignalMonitor.shared.remembersInterrupts(false) }
    await #expect(throws: CancellationError.self) {
      try await Interruption.run {
        SignalMonitor.shared.interrupt()
        while !Task.isCancelled { await Task.yield() }
        return 1
      }
    }
  }

  @Test("A Control-C that came with the line stops its work before it begins")
  func early() async {
    let slow = Slow()
    let script = ScriptedLines(
      [.submitted("one", isInterrupted: true), .submitted("two")], isInteractive: true)
    let capture = Capture()
    _ = await REPL(desk: FakeDesk(other: slow), console: capture.console(), lines: script).run()
    #expect(slow.notes.withLock { $0 } == ["answered two"])
    #expect(capture.out.contains("Interrupted."))
  }

  @Test("A name that is not ours cannot speak to the terminal")
  func names() async {
    let named = await run("/model", "/pull a\u{1B}[2Jb").out
    #expect(named.contains("slow␛[2J, 4,096 tokens") && named.contains("a␛[2Jb is in"))
    #expect(!named.contains("\u{1B}"))
    let said = Mutex("")
    let console = Console(
      out: { _ in }, error: { text in said.withLock { $0 += text } }, isVerbose: true)
    var printer = AnswerPrinter(console: console)
    printer.take(.routed(Route(choosing: "a\u{1B}[2J", because: "it is\u{07} there")))
    #expect(said.withLock { $0 } == "a␛[2J: it is␇ there\n")
  }
}
