import Testing

import Terminal

@Suite("Line buffer")
struct LineBufferTests {
  private func after(_ keys: [Key], from text: String = "") -> LineBuffer {
    var buffer = LineBuffer(text)
    for key in keys { _ = buffer.apply(key) }
    return buffer
  }

  @Test("A combining mark typed after a letter joins it")
  func combining() {
    let buffer = after([.text("e"), .text("\u{301}")])
    #expect(buffer.characters == ["é"])
    #expect(buffer.cursor == 1)
    #expect(after([.text("e"), .text("\u{301}"), .backspace]).text == "")
  }

  @Test("The cursor steps over a family as over one character")
  func family() {
    let buffer = after([.left, .left, .text("x")], from: "a👩‍👩‍👧b")
    #expect(buffer.text == "ax👩‍👩‍👧b")
  }

  @Test("Kills in a row come back as one, in order")
  func kills() {
    let buffer = after([.control("w"), .control("w"), .control("y")], from: "one two three")
    #expect(buffer.text == "one two three")
    #expect(buffer.killRing.entries == ["two three"])
  }

  @Test("Alt-Y goes to the kill before")
  func yankPop() {
    let buffer = after(
      [.control("u"), .text("b"), .control("u"), .control("y"), .meta("y")], from: "a")
    #expect(buffer.text == "a")
  }

  @Test("Undo takes back words, not letters")
  func undo() {
    let buffer = after([.text("one"), .text(" "), .text("two"), .control("_")])
    #expect(buffer.text == "one")
    #expect(after([.text("one"), .control("w"), .control("_")]).text == "one")
  }

  @Test("A run of erasing is one step of undo")
  func undoErasing() {
    let keys: [Key] = [.left, .backspace, .delete, .backspace, .control("_")]
    #expect(after(keys, from: "one two").text == "one two")
    #expect(after([.backspace, .left, .backspace, .control("_")], from: "one").text == "on")
  }

  @Test("What undo keeps of long texts is bounded")
  func undoBound() {
    var buffer = LineBuffer(String(repeating: "a", count: 300_000))
    for _ in 0..<20 { _ = buffer.apply(.text(" b")) }
    var steps = 0
    while buffer.apply(.control("_")) == .none { steps += 1 }
    #expect(steps == 3, "a million characters are three of these texts")
  }

  @Test("Return submits a whole line and opens another in an open fence or after a backslash")
  func continuation() {
    var buffer = LineBuffer("question")
    #expect(buffer.apply(.enter) == .submit)
    buffer = LineBuffer("\"\"\"first")
    #expect(buffer.apply(.enter) == .none)
    _ = buffer.apply(.text("second\"\"\""))
    #expect(buffer.apply(.enter) == .submit)
    #expect(Continuation.submission(buffer.text) == "first\nsecond")
    buffer = LineBuffer("one\\")
    #expect(buffer.apply(.enter) == .none)
    _ = buffer.apply(.text("two"))
    #expect(Continuation.submission(buffer.text) == "one\ntwo")
    #expect(!Continuation.isOpen("path\\\\"))
  }

  @Test("Up and down move within lines first, then ask for history")
  func vertical() {
    var buffer = LineBuffer("first line\nab")
    #expect(buffer.apply(.up) == .none)
    #expect(buffer.cursor == 2)
    #expect(buffer.apply(.up) == .historyPrevious)
    #expect(buffer.apply(.down) == .none)
    #expect(buffer.apply(.down) == .historyNext)
  }

  @Test("Control-D ends only an empty line")
  func endOfInput() {
    var buffer = LineBuffer("")
    #expect(buffer.apply(.control("d")) == .endOfInput)
    buffer = LineBuffer("a")
    _ = buffer.apply(.home)
    #expect(buffer.apply(.control("d")) == .none)
    #expect(buffer.text == "")
  }

  @Test("Words: case, transposition, deletion")
  func words() {
    #expect(after([.home, .meta("u")], from: "straße x").text == "STRASSE x")
    #expect(after([.home, .meta("c")], from: "hello").text == "Hello")
    #expect(after([.control("t")], from: "ab").text == "ba")
    #expect(after([.home, .meta("d")], from: "one two").text == " two")
    #expect(after([.metaBackspace], from: "one/two").text == "one/")
    #expect(after([.control("w")], from: "one/two three/four").text == "one/two ")
  }

  @Test("A megabyte pasted is one key and one step of undo")
  func largePaste() {
    let paste = String(repeating: "a", count: 1_000_000)
    var buffer = after([.paste(paste)])
    #expect(buffer.characters.count == 1_000_000)
    _ = buffer.apply(.control("_"))
    #expect(buffer.isEmpty)
  }
}
