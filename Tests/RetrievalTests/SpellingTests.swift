import Retrieval
import TestSupport
import Testing

@Suite("Misspelled words of a question")
struct SpellingTests {
  private func corrected(_ word: String, from passages: [String]) -> String? {
    var spelling = Spelling([word])
    for passage in passages {
      Array(passage.utf8).withUnsafeBytes { spelling.read($0) }
    }
    return spelling.corrections[word]
  }

  @Test(
    "One slip is mended",
    arguments: [
      "functin", "functionn", "fumction", "fucntion", "funtcion", "functiom", "funcction",
    ])
  func slips(word: String) {
    #expect(corrected(word, from: ["A Function, or two."]) == "function")
  }

  @Test(
    "Two slips, the first letter, short words, numbers and the word itself are left",
    arguments: [
      ("fnuctoin", "function"), ("gunction", "function"), ("lits", "list"), ("v1234", "v1235"),
      ("function", "function"), ("thede", "these"), ("functi", "function"),
    ])
  func left(word: String, passage: String) {
    #expect(corrected(word, from: [passage]) == nil)
  }

  @Test("Of several, the word in most passages; of equals, the first by letter")
  func several() {
    let passages = ["marina marine marina marina", "marine", "marine marins"]
    #expect(corrected("marinx", from: passages) == "marine")
    #expect(corrected("marinx", from: ["marins marina"]) == "marina")
  }

  @Test("Letters beyond ASCII stay whole, marks are no letters")
  func beyondASCII() {
    #expect(corrected("grösen", from: ["alle größen", "alle grösten"]) == "grösten")
    #expect(corrected("übrig", from: ["\u{AB}übrige\u{BB}", "übrige"]) == "übrige")
    #expect(corrected("words", from: ["wor×s", "\u{FFFD}"]) == nil)
  }

  @Test("A misspelled question finds what was meant, by words alone and by both sides")
  func finds() async throws {
    let folder = TemporaryFolder()
    folder.write("a.txt", "The thermometer measures the temperature of the boiler.")
    folder.write("b.txt", "A boiler is made of steel.")
    folder.write("c.txt", "Ships are made of steel and wood.")
    for n in 0..<20 { folder.write("other\(n).txt", "Nothing of the kind, number \(n).") }
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: WordEmbedder()).summary()
    let service = try SearchService(index: index, embedder: WordEmbedder())
    for mode in [SearchMode.lexical, .hybrid] {
      let hit = try await service.search("boiler temperatrue", limit: 1, mode: mode).first
      let right = try await service.search("boiler temperature", limit: 1, mode: mode).first
      #expect(hit?.path.hasSuffix("a.txt") == true)
      #expect(hit?.lexicalScore == right?.lexicalScore)
    }
    // The words as they were asked decide whether anything answers.
    let found = try await service.find("boiler temperatrue", limit: 1)
    #expect(found.terms == ["boiler", "temperatrue"])
    #expect(found.corrected == ["temperatrue": "temperature"])
    #expect(try await service.find("boiler temperature", limit: 1).corrected.isEmpty)
    #expect(try await service.search("zzzzzzz", limit: 1, mode: .lexical).isEmpty)
  }

  @Test(
    "A misspelled question finds just what the same question finds as it was meant, scores and all")
  func asMeant() async throws {
    let folder = TemporaryFolder()
    let nouns = ["boiler", "thermometer", "harbour", "engine", "lantern", "compass"]
    let verbs = ["measures", "carries", "repairs", "illuminates", "replaces"]
    for (n, noun) in nouns.enumerated() {
      for (m, verb) in verbs.enumerated() {
        let other = nouns[(n + m + 1) % nouns.count]
        folder.write("\(noun)/\(verb).txt", "The \(noun) \(verb) the \(other), number \(n * m).")
      }
    }
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: WordEmbedder()).summary()
    var generator = Seeded(6)
    for round in 0..<60 {
      var words = [
        nouns.randomElement(using: &generator) ?? "", "“the”, the?",
        verbs.randomElement(using: &generator) ?? "",
      ]
      let meant = words.joined(separator: " ")
      // Two letters exchanged; the first one stays.
      for place in round % 3 == 0 ? [0, 2] : [round % 3 == 1 ? 0 : 2] {
        var letters = Array(words[place])
        let swap = (1..<letters.count - 1).filter { letters[$0] != letters[$0 + 1] }
          .randomElement(using: &generator)
        if let swap { letters.swapAt(swap, swap + 1) }
        words[place] = String(letters)
      }
      let asked = words.joined(separator: " ")
      let embedder = WordEmbedder()
      let service = try SearchService(index: index, embedder: embedder)
      let filter = round % 4 == 0 ? SearchFilter(types: ["txt"]) : SearchFilter()
      let background = round % 5 == 0 ? "What does a compass do?" : nil
      for mode in [SearchMode.hybrid, .lexical] {
        let before = embedder.counter.total
        let right = try await service.find(
          meant, limit: 30, mode: mode, filter: filter, after: background)
        let once = embedder.counter.total - before
        let found = try await service.find(
          asked, limit: 30, mode: mode, filter: filter, after: background)
        #expect(found.hits == right.hits, "\(asked)")
        #expect(found.terms == QueryTerms(asked).telling)
        #expect(QueryTerms(QueryTerms.respelled(asked, found.corrected)) == QueryTerms(meant))
        // What is spelled well is embedded once, what is not once more.
        #expect(right.corrected.isEmpty)
        #expect(once == (mode == .lexical ? 0 : background == nil ? 1 : 2))
        #expect(
          embedder.counter.total - before == 2 * once + (mode == .lexical ? 0 : 1))
      }
    }
  }

  @Test("Only the misspelled words of a question are written otherwise, each wherever it stands")
  func respelled() {
    #expect(
      QueryTerms.respelled(
        "  A Functin, (functin)! Grösen\t", ["functin": "function", "grösen": "größen"])
        == "  A function, (function)! größen\t")
    for text in ["", " ", "no such word", "e\u{301}te\u{301}", "👩‍🚒 ?!"] {
      #expect(
        QueryTerms.respelled(text, ["word": "ward", "such": "such"]).utf8.count == text.utf8.count)
      #expect(QueryTerms.respelled(text, [:]) == text)
    }
  }

  @Test("A word that the embedder knows is searched for as it is, though no document has it")
  func knownWord() async throws {
    let folder = TemporaryFolder()
    folder.write("a.txt", "Ships are made of steel.")
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: WordEmbedder()).summary()
    func score(_ question: String, known: String) async throws -> Double {
      var embedder = WordEmbedder()
      embedder.known = known
      let service = try SearchService(index: index, embedder: embedder)
      let hit = try await service.search(question, limit: 1, mode: .lexical).first
      return try #require(hit?.lexicalScore)
    }
    let meant = try await score("ships steel", known: "")
    #expect(try await score("ships steed", known: "") == meant)
    #expect(try await score("ships steed", known: "steed") < meant)
  }
}
