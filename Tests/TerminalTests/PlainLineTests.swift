import Glibc
import Terminal
import Testing

@Suite("Lines from a pipe")
struct PlainLineTests {
  /// A pipe with text in it; the reader's end is closed with it, the other by `end`.
  private final class Input {
    var reader: PlainLineReader
    private var ends: [Int32] = [-1, -1]

    init(_ text: String) throws {
      reader = PlainLineReader(descriptor: -1)
      try #require(pipe(&ends) == 0)
      // F_SETPIPE_SZ: as much as is written before anything is read.
      if text.utf8.count > 4096 { try #require(fcntl(ends[1], 1031, 1 << 20) >= 0) }
      reader = PlainLineReader(descriptor: ends[0])
      add(text)
    }

    func add(_ text: String) {
      let bytes = Array(text.utf8)
      #expect(write(ends[1], bytes, bytes.count) == bytes.count)
    }

    func hasLine() -> Bool { reader.hasLine() }
    func next() -> String? { reader.next() }
    func nextSubmission() -> String? { reader.nextSubmission() }

    func end() {
      close(ends[1])
      ends[1] = -1
    }

    deinit { for end in ends where end >= 0 { close(end) } }
  }

  @Test("A submission ends where the rules of the prompt say of the text so far")
  func submissions() throws {
    let kinds = ["", "a", "\"\"\"", " \"\"\"b", "c\"\"\"", "\"\"\"d\"\"\"", "e\\", "\\\\", "\\"]
    for first in kinds {
      for second in kinds {
        for third in kinds {
          let lines = [first, second, third, "end\"\"\""]
          let input = try Input(lines.joined(separator: "\n") + "\n")
          input.end()
          var expected: [String] = []
          var text: String?
          for line in lines {
            text = text.map { $0 + "\n" + line } ?? line
            if let whole = text, !Continuation.isOpen(whole) {
              expected.append(Continuation.submission(whole))
              text = nil
            }
          }
          if let text { expected.append(Continuation.submission(text)) }
          var found: [String] = []
          while let next = input.nextSubmission() { found.append(next) }
          #expect(found == expected, "\(lines)")
        }
      }
    }
  }

  @Test("Twenty thousand lines between fences, or joined by backslashes, are read in a moment")
  func long() throws {
    let lines = (0..<20_000).map { "line number \($0)" }
    let started = ContinuousClock.now
    let fenced = try Input("\"\"\"\n" + lines.joined(separator: "\n") + "\n\"\"\"\nnext\n")
    fenced.end()
    #expect(fenced.nextSubmission() == lines.joined(separator: "\n"))
    #expect(fenced.nextSubmission() == "next")
    let joined = try Input(lines.joined(separator: "\\\n"))
    joined.end()
    #expect(joined.nextSubmission() == lines.joined(separator: "\n"))
    #expect(started.duration(to: .now) < .seconds(5))
  }

  @Test("It knows whether a whole line is there without waiting for one")
  func waiting() throws {
    let input = try Input("one\ntw")
    #expect(input.hasLine() && input.next() == "one")
    #expect(!input.hasLine())
    input.add("o\n")
    #expect(input.hasLine() && input.next() == "two")
    #expect(!input.hasLine())
    input.add("end")
    input.end()
    #expect(input.hasLine() && input.next() == "end")
    #expect(!input.hasLine() && input.next() == nil)
  }
}
