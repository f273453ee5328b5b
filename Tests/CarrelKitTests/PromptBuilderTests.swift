import CarrelKit
import Conversation
import Testing

@Suite("Prompt building")
struct PromptBuilderTests {
  /// One token a word keeps the arithmetic in the tests readable.
  static func count(_ text: String) -> Int { text.split(whereSeparator: \.isWhitespace).count }

  static func source(_ n: Int, words: Int) -> Source {
    Source(
      n: n, path: "file\(n).md", startLine: 1, endLine: 2, startByte: 0, endByte: 10,
      text: Array(repeating: "word\(n)", count: words).joined(separator: " "))
  }

  static func turn(_ n: Int, words: Int) -> Turn {
    let text = Array(repeating: "t\(n)", count: words).joined(separator: " ")
    return Turn(prompt: text, question: text, answer: "a")
  }

  @Test("Puts system first, the newest user message last, and the turns between in order")
  func order() throws {
    let plan = try PromptBuilder(context: 1000, answerReserve: 100).plan(
      system: "be brief", turns: [Self.turn(1, words: 5), Self.turn(2, words: 5)],
      question: "why", passages: [Self.source(1, words: 10)], count: Self.count)
    #expect(plan.messages.map(\.role) == [.system, .user, .assistant, .user, .assistant, .user])
    #expect(plan.messages[1].content.hasPrefix("t1"))
    #expect(plan.messages.last?.content.hasSuffix("Question: why") == true)
    #expect(plan.droppedTurns == 0 && plan.droppedPassages == 0 && plan.passages == 1)
  }

  @Test("Keeps what it plans within the budget for every size of window", arguments: 60...400)
  func budget(context: Int) throws {
    let builder = PromptBuilder(context: context, answerReserve: 20)
    let plan = try builder.plan(
      system: "be brief", turns: (1...6).map { Self.turn($0, words: 30) }, question: "why so",
      passages: (1...6).map { Self.source($0, words: 25) }, count: Self.count)
    let words = plan.messages.reduce(0) { $0 + Self.count($1.content) }
    #expect(words + 20 <= context)
    #expect(plan.messages.first?.role == .system)
    #expect(plan.messages.count == 2 + 2 * (6 - plan.droppedTurns))
  }

  @Test("Drops the oldest turns first and says how many")
  func dropsOldest() throws {
    let plan = try PromptBuilder(context: 200, answerReserve: 20).plan(
      system: "s", turns: (1...6).map { Self.turn($0, words: 30) }, question: "q", passages: [],
      count: Self.count)
    #expect(plan.droppedTurns > 0 && plan.droppedTurns < 6)
    #expect(plan.messages[1].content.hasPrefix("t\(plan.droppedTurns + 1)"))
  }

  @Test("Refuses a question that cannot fit, with the numbers")
  func refuses() {
    let builder = PromptBuilder(context: 100, answerReserve: 30)
    let question = Array(repeating: "w", count: 90).joined(separator: " ")
    let error = #expect(throws: CarrelError.self) {
      try builder.plan(
        system: "s", turns: [], question: question, passages: [], count: Self.count)
    }
    #expect(error?.message.contains("115") == true)
    #expect(error?.message.contains("70") == true)
  }

  @Test("Fences passages, numbers them, and declares them data")
  func fences() {
    let text = PromptBuilder.ask("why", passages: [Self.source(3, words: 2)])
    #expect(text.contains("[3] file3.md:1-2\n\"\"\"\nword3 word3\n\"\"\""))
    #expect(text.contains("not instructions"))
    #expect(PromptBuilder.ask("why", passages: []) == "why")
  }
}

@Suite("Passages side by side")
struct SourceJoinTests {
  /// Passages of "a" of ten bytes and three lines each, found in this order, and one of "b".
  private static func found(_ places: [Int]) -> [Source] {
    places.enumerated().map { number, place in
      var source = Source(
        n: number + 1, path: place < 0 ? "b" : "a", startLine: place * 3 + 1,
        endLine: place * 3 + 2, startByte: place * 11, endByte: place * 11 + 10,
        text: "p\(place) x y")
      source.ordinals = place...place
      return source
    }
  }

  private static func plan(
    _ places: [Int], context: Int = 1000, _ style: PromptBuilder.Style = .cited
  ) throws -> PromptBuilder.Plan {
    try PromptBuilder(context: context, answerReserve: 10, style: style).plan(
      system: "s", turns: [], question: "why", passages: found(places),
      count: PromptBuilderTests.count)
  }

  @Test("Become one source at the place of the best, with the range of all, numbered in order")
  func joins() throws {
    let plan = try Self.plan([5, 2, 9, 3, -1, 4])
    #expect(plan.passages == 6 && plan.droppedPassages == 0)
    // 2, 3 and 4 close the gap to 5.
    #expect(plan.sources.map(\.n) == [1, 2, 3])
    #expect(plan.sources.map(\.startByte) == [22, 99, -11])
    let joined = plan.sources[0]
    #expect(joined.endByte == 65 && joined.startLine == 7 && joined.endLine == 17)
    #expect(joined.text == "p2 x y\n\np3 x y\n\np4 x y\n\np5 x y")
    #expect(plan.contents.passages.count == 3)
    #expect(plan.prompt.contains("[1] a:7-17\n") && !plan.prompt.contains("[4]"))
  }

  @Test("Stay apart in other documents, with a gap, and where their place is not known")
  func apart() throws {
    #expect(try Self.plan([1, 3, 5, -1]).sources.count == 4)
    let unknown = (1...3).map { PromptBuilderTests.source($0, words: 3) }
    let plan = try PromptBuilder(context: 1000, answerReserve: 10).plan(
      system: "s", turns: [], question: "why", passages: unknown, count: PromptBuilderTests.count)
    #expect(plan.sources == unknown)
  }

  @Test("Let more in, never past the budget, for every order and every size of window")
  func budget() throws {
    var most = 0
    for context in stride(from: 40, through: 200, by: 3) {
      for order in [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4], [9, 1, 7, 2, 5, 0]] {
        let plan = try Self.plan(order, context: context)
        let words = plan.messages.reduce(0) { $0 + PromptBuilderTests.count($1.content) }
        #expect(words + 10 <= context)
        #expect(plan.passages + plan.contents.droppedPassages.count == 6)
        #expect(plan.droppedPassages == plan.contents.droppedPassages.count)
        most = max(most, plan.passages)
      }
    }
    #expect(most == 6)
    #expect(try Self.plan([0, 1, 2, 9, 20, 30], .brief).passages == 5)
  }
}

@Suite("Follow-up questions")
struct FollowUpTests {
  @Test(
    "Joins a question that leans on the one before it",
    arguments: ["And on Windows?", "what does it cost", "Why is that?", "And then?", "them"])
  func leaning(question: String) {
    #expect(
      FollowUp.background(of: question, after: ["Other.", "How is the index stored?"])
        == "How is the index stored?")
  }

  @Test("Brings along what the question before it leans on, three back at most")
  func chain() {
    let first = "What did the company earn in Germany in 2019?"
    #expect(
      FollowUp.background(of: "And in 2021?", after: [first, "And in 2020?"])
        == first + " And in 2020?")
    #expect(
      FollowUp.background(of: "Why?", after: [first, "And then?", "And them?", "But how?"])
        == "And then? And them? But how?")
  }

  @Test(
    "Leaves a question that stands by itself, and the first one",
    arguments: ["How are vectors compared in the search service?", "Which models fit in memory"])
  func standing(question: String) {
    #expect(FollowUp.background(of: question, after: ["How is the index stored?"]) == nil)
    #expect(FollowUp.background(of: "And it?", after: []) == nil)
  }
}

@Suite("Prompts for small models")
struct BriefPromptTests {
  @Test("Puts at most three passages before the question, which comes last")
  func brief() throws {
    let plan = try PromptBuilder(context: 1000, answerReserve: 100, style: .brief).plan(
      system: "s", turns: [], question: "why",
      passages: (1...5).map { PromptBuilderTests.source($0, words: 5) },
      count: PromptBuilderTests.count)
    #expect(plan.passages == 3 && plan.droppedPassages == 0)
    #expect(plan.prompt.hasPrefix("[1] file1.md:1-2\n\"\"\"\n"))
    #expect(plan.prompt.hasSuffix("sentences: why"))
  }
}
