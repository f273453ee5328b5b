/// Reads lines without owning a loop, a descriptor or a clock: `start` a line, `feed` what the
/// terminal sent, write what comes back, act on the events, `stop`. Everything it does can be tested
/// by feeding bytes and interpreting the output.
package struct LineEditor: Sendable {
  package enum Event: Sendable, Equatable {
    /// Return on a whole line; fences and continuation backslashes are already resolved.
    /// `isInterrupted`: a Control-C came with it, too soon to have become a signal.
    case submitted(String, isInterrupted: Bool = false)
    /// Control-C; `hadText` tells whether there was a line to give up.
    case interrupted(hadText: Bool)
    /// Control-D on an empty line.
    case endOfInput
    /// Control-Z: stop the process, then `start` again with `resume: true`.
    case suspended
    /// Control-X Control-E: let $EDITOR change this text, then `start` with it.
    case editExternally(String)
  }

  /// What to write to the terminal, and what happened. Editing is over after an event.
  package struct Reply: Sendable, Equatable {
    package var output = ""
    package var event: Event?
  }

  package typealias Completer = @Sendable (_ text: String, _ cursor: Int) -> [Completion]

  package var history: History
  let completer: Completer?
  private var style: Style
  var buffer = LineBuffer()
  private var painter: Painter
  private var decoder = KeyDecoder()
  private var queue: [Key] = []
  private var prompt = ""
  private var continuation = ""
  var width = 80
  private var height = 24
  private var isEditing = false
  var historyIndex = 0
  private var draft = ""
  var search: Search?
  var hints: [String] = []
  var cycle: (candidates: [Completion], index: Int, base: String)?

  package init(history: History = History(), style: Style = .none, completer: Completer? = nil) {
    self.history = history
    self.style = style
    self.completer = completer
    painter = Painter(style: style)
  }

  /// Colours from the next `start` on.
  package mutating func setStyle(_ style: Style) { self.style = style }

  package var text: String { buffer.text }
  package var cursor: Int { buffer.cursor }

  /// True when `timeout` should be called if nothing arrives for 50 ms.
  package var isPending: Bool { decoder.isPending }

  /// Begins a line. Keys typed ahead are applied at once, so this can already end it.
  package mutating func start(
    prompt: String, continuation: String = "… ", width: Int, height: Int, text: String = "",
    resume: Bool = false
  ) -> Reply {
    self.prompt = prompt
    self.continuation = continuation
    self.width = max(2, width)
    self.height = max(1, height)
    if !resume { buffer.replace(with: text) }
    historyIndex = history.entries.count
    search = nil
    hints = []
    cycle = nil
    isEditing = true
    var reply = Reply(output: "\u{1B}[?2004h")
    painter = Painter(style: style)
    reply.output += paint()
    drain(into: &reply)
    return reply
  }

  package mutating func feed(_ bytes: some Sequence<UInt8>) -> Reply {
    queue += decoder.feed(bytes)
    var reply = Reply()
    drain(into: &reply)
    return reply
  }

  /// Nothing came for a while: a lone Escape is then a key.
  package mutating func timeout() -> Reply {
    queue += decoder.flush()
    var reply = Reply()
    drain(into: &reply)
    return reply
  }

  package mutating func resize(width: Int, height: Int) -> String {
    self.width = max(2, width)
    self.height = max(1, height)
    guard isEditing else { return "" }
    return painter.resize(to: self.width) + paint()
  }

  /// Ends editing whatever the state, cursor on a fresh row.
  package mutating func stop() -> String {
    guard isEditing else { return "" }
    isEditing = false
    search = nil
    hints = []
    return paint() + painter.finish() + "\u{1B}[?2004l"
  }

  private mutating func drain(into reply: inout Reply) {
    guard isEditing, !queue.isEmpty else { return }
    var index = 0
    while index < queue.count, reply.event == nil {
      let key = queue[index]
      index += 1
      let wasSearching = search != nil
      if wasSearching, searchKey(key, &reply) { continue }
      edit(key, &reply)
    }
    queue.removeFirst(index)
    if case .submitted(let text, _) = reply.event, let last = queue.lastIndex(of: .control("c")) {
      // As the terminal does where Control-C is a signal: what was typed before it goes.
      queue.removeFirst(last + 1)
      reply.event = .submitted(text, isInterrupted: true)
    }
    if let event = reply.event {
      finish(event, &reply)
    } else {
      reply.output += paint()
    }
  }

  private mutating func finish(_ event: Event, _ reply: inout Reply) {
    hints = []
    search = nil
    let isInterrupted = if case .interrupted = event { true } else { false }
    let layout = Layout(
      prompt: prompt, continuation: continuation, characters: buffer.characters,
      cursor: buffer.characters.count, width: width, suffix: isInterrupted ? "^C" : "")
    reply.output +=
      painter.paint(layout.window(height: height)) + painter.finish() + "\u{1B}[?2004l"
    isEditing = false
  }

  private mutating func edit(_ key: Key, _ reply: inout Reply) {
    let effect = buffer.apply(key)
    if effect != .complete, effect != .completeBackward {
      hints = []
      cycle = nil
    }
    switch effect {
    case .none: break
    case .bell: reply.output += "\u{07}"
    case .submit:
      let whole = buffer.text
      history.add(whole)
      reply.event = .submitted(Continuation.submission(whole))
    case .interrupt: reply.event = .interrupted(hadText: !buffer.isEmpty)
    case .endOfInput: reply.event = .endOfInput
    case .suspend: reply.event = .suspended
    case .editExternally: reply.event = .editExternally(buffer.text)
    case .clearScreen: reply.output += painter.clearScreen()
    case .historyPrevious: recall(historyIndex - 1, &reply)
    case .historyNext: recall(historyIndex + 1, &reply)
    case .historyFirst: recall(0, &reply)
    case .historyLast: recall(history.entries.count, &reply)
    case .search: search = Search(original: buffer.text, cursor: buffer.cursor)
    case .complete: complete(1, &reply)
    case .completeBackward: complete(-1, &reply)
    }
  }

  private mutating func recall(_ index: Int, _ reply: inout Reply) {
    guard index >= 0, index <= history.entries.count, index != historyIndex else {
      reply.output += "\u{07}"
      return
    }
    if historyIndex == history.entries.count { draft = buffer.text }
    historyIndex = index
    buffer.replace(with: index == history.entries.count ? draft : history.entries[index])
  }

  private func paintedLayout() -> Layout {
    if let search {
      let found = search.match.map { history.entries[$0] } ?? ""
      let missed = search.match == nil && !search.query.isEmpty
      let head = (missed ? "no match: " : "history: ") + search.query + " ⟩ "
      return Layout(
        prompt: head, tint: .dim, continuation: continuation, characters: Array(found), cursor: 0,
        width: width)
    }
    return Layout(
      prompt: prompt, continuation: continuation, characters: buffer.characters,
      cursor: buffer.cursor, width: width, below: hints)
  }

  private mutating func paint() -> String {
    painter.paint(paintedLayout().window(height: height))
  }
}
