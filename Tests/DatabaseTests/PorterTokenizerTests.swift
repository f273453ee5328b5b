import Database
import TestSupport
import Testing

@Suite("Fast tokenizer")
struct PorterTokenizerTests {
  let plain = TemporaryFolder()
  let quick = TemporaryFolder()
  let listed = TemporaryFolder()

  /// Who cuts the texts of a table.
  enum Cutting: CaseIterable { case sqlite, fast, lists }

  private func tokens(
    _ texts: [String], folder: TemporaryFolder, _ cutting: Cutting, tokenizer: String
  ) throws -> [String] {
    let connection = try Connection(path: folder.database)
    if cutting != .sqlite { connection.useFastTokenizer() }
    try connection.execute(
      """
      CREATE VIRTUAL TABLE w USING fts5(x, tokenize='\(tokenizer)', content='');
      CREATE VIRTUAL TABLE v USING fts5vocab('w', 'instance')
      """)
    let insert = try connection.statement("INSERT INTO w(rowid, x) VALUES(?, ?)")
    try connection.transaction {
      if cutting == .lists {
        let cutter = try TokenCutter()
        let places = try texts.map { try cutter.append($0) }
        try cutter.takeList().withUnsafeBytes { list in
          for (row, place) in places.enumerated() {
            try insert.bind(1, row + 1)
            try insert.bindLentText(2, UnsafeRawBufferPointer(rebasing: list[place]))
            try connection.withTokenLists { try insert.run() }
          }
        }
      } else {
        for (row, text) in texts.enumerated() { try insert.bind(1, row + 1).bind(2, text).run() }
      }
    }
    let rows = try connection.statement("SELECT doc, offset, term FROM v ORDER BY doc, offset")
    var found: [String] = []
    while try rows.step() {
      found.append("\(rows.integer(0)) \(rows.integer(1)) \(rows.text(2))")
    }
    return found
  }

  static let pieces = [
    "running", "Runs", "ponies", "relational", "FooBar", "snake_case", "x86_64", "naïve", "CAFÉ",
    "Ελληνικά", "«Слова»", "हिन्दी", "don't", "a", "an", "the", "3.14", "e\u{301}", "\u{301}", "ß", "İ",
    "a\0b", "🙂ok",
    "foo—bar",
    "generalizations", String(repeating: "long", count: 20), String(repeating: "z", count: 300),
    " ", "\n", "-", "'s", "ab\u{ad}cd", "hopping", "HOPPING", "١٢٣",
  ]

  @Test(
    "Gives the tokens of FTS5's own", arguments: ["porter unicode61", "porter", "porter ascii"])
  func sameTokens(tokenizer: String) throws {
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var texts = (0..<400).map { _ in
      (0..<random(30)).map { _ in
        Self.pieces[random(Self.pieces.count)] + (random(3) == 0 ? "" : " ")
      }.joined()
    }
    // Characters from all of Unicode, among letters; and a word longer than FTS5 keeps.
    texts += (0..<400).map { _ in
      String(
        String.UnicodeScalarView(
          (0..<random(60)).compactMap { _ in
            Unicode.Scalar(UInt32(random([0x80, 0x300, 0x3000, 0x110000][random(4)])))
          }.filter { [.other, .invisible].contains(UnspacedLetter($0)) }))
    }
    texts.append(String(repeating: "word", count: 10_000) + " end")
    let expected = try tokens(texts, folder: plain, .sqlite, tokenizer: tokenizer)
    #expect(expected.count > 6000)
    #expect(try tokens(texts, folder: quick, .fast, tokenizer: tokenizer) == expected)
    // Lists are made for one tokenizer, and refused by tables that have another.
    if tokenizer == "porter ascii" {
      #expect(throws: DatabaseError.self) {
        try tokens(texts, folder: listed, .lists, tokenizer: tokenizer)
      }
    } else {
      #expect(try tokens(texts, folder: listed, .lists, tokenizer: tokenizer) == expected)
    }
  }

  @Test("Bytes that are no list of tokens are refused")
  func brokenLists() throws {
    let connection = try Connection(path: quick.database)
    connection.useFastTokenizer()
    try connection.execute(
      "CREATE VIRTUAL TABLE w USING fts5(x, tokenize='porter unicode61', content='')")
    let insert = try connection.statement("INSERT INTO w(rowid, x) VALUES(1, ?)")
    let broken: [[UInt8]] = [
      [2, 97], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], [1, 97, 5, 98],
    ]
    for list in broken {
      _ = list.withUnsafeBytes { bytes in
        #expect(throws: DatabaseError.self) {
          try insert.bindLentText(1, bytes)
          try connection.withTokenLists { try insert.run() }
        }
      }
    }
  }

  @Test("A table it wrote passes FTS5's own check on a plain connection")
  func interoperates() throws {
    do {
      let writer = try Connection(path: plain.database)
      writer.useFastTokenizer()
      try writer.execute(
        """
        CREATE VIRTUAL TABLE w USING fts5(x, tokenize='porter unicode61');
        INSERT INTO w(x) VALUES('Running ponies'), ('naïve café'), ('the generalizations')
        """)
    }
    let reader = try Connection(path: plain.database)
    try reader.execute("INSERT INTO w(w) VALUES('integrity-check')")
    #expect(try reader.integer("SELECT rowid FROM w WHERE w MATCH 'pony'") == 1)
    #expect(try reader.integer("SELECT rowid FROM w WHERE w MATCH 'generalization'") == 3)
  }
}
