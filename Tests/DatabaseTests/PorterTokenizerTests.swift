import Database
import TestSupport
import Testing

@Suite("Fast tokenizer")
struct PorterTokenizerTests {
  let plain = TemporaryFolder()
  let quick = TemporaryFolder()

  private func tokens(_ texts: [String], folder: TemporaryFolder, fast: Bool, tokenizer: String)
    throws
    -> [String]
  {
    let connection = try Connection(path: folder.database)
    if fast { connection.useFastTokenizer() }
    try connection.execute(
      """
      CREATE VIRTUAL TABLE w USING fts5(x, tokenize='\(tokenizer)');
      CREATE VIRTUAL TABLE v USING fts5vocab('w', 'instance')
      """)
    try connection.transaction {
      for text in texts {
        try connection.statement("INSERT INTO w(x) VALUES(?)").bind(1, text).run()
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
    "漢字", "don't", "a", "an", "the", "3.14", "e\u{301}", "\u{301}", "ß", "İ", "a\0b", "🙂ok",
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
    let texts = (0..<400).map { _ in
      (0..<random(30)).map { _ in
        Self.pieces[random(Self.pieces.count)] + (random(3) == 0 ? "" : " ")
      }.joined()
    }
    let expected = try tokens(texts, folder: plain, fast: false, tokenizer: tokenizer)
    #expect(expected.count > 3000)
    #expect(try tokens(texts, folder: quick, fast: true, tokenizer: tokenizer) == expected)
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
