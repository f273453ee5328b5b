import Database
import TestSupport
import Testing

@Suite("Scripts that are written without spaces")
struct UnspacedTextTests {
  let folder = TemporaryFolder()

  private static func tokens(_ text: String, asQuery: Bool = false) -> [String] {
    UnspacedText.tokens(of: text, isQuery: asQuery).map(\.text)
  }

  @Test("Each unit of a document begins one token, a question has the pairs only")
  func pairs() {
    #expect(Self.tokens("数据库") == ["数据", "据库", "库"])
    #expect(Self.tokens("数据库", asQuery: true) == ["数据", "据库"])
    #expect(Self.tokens("猫", asQuery: true) == ["猫"])
    #expect(Self.tokens("猫。犬、鳥") == ["猫", "犬", "鳥"])
    #expect(Self.tokens("猫が好き", asQuery: true) == ["猫が", "が好", "好き"])
    #expect(Self.tokens("iPhone的价格", asQuery: true) == ["的价", "价格"])
    #expect(Self.tokens("第3章") == ["第", "章"])
    #expect(Self.tokens("데이터의 색인", asQuery: true) == ["데이", "이터", "터의", "색인"])
    #expect(Self.tokens("Latin, ελληνικά, кириллица, עברית, हिन्दी, “—” 🙂") == [])
  }

  /// The units as the writing systems have them: consonants with what is written around them.
  @Test(
    "A unit of Thai, Lao, Khmer or Burmese is a consonant with its vowels and signs",
    arguments: [
      ("น้ำ", ["น้ำ"]), ("เก่า", ["เก่า"]), ("ฐานข้อมูล", ["ฐา", "น", "ข้", "อ", "มู", "ล"]),
      ("ໄທ", ["ໄທ"]), ("ນ້ຳ", ["ນ້ຳ"]), ("ខ្មែរ", ["ខ្មែ", "រ"]), ("မြန်မာ", ["မြ", "န်", "မာ"]),
      ("ၐ္ၐ", ["ၐ္ၐ"]),
    ])
  func units(text: String, units: [String]) {
    let found = UnspacedText.tokens(of: text, isQuery: false)
    #expect(found.map(\.first) == units)
    #expect(found.map(\.units) == Array(repeating: 2, count: units.count - 1) + [1])
  }

  /// Right sides: Python 3.11, `unicodedata.normalize("NFKC", …)`.
  @Test(
    "Other forms of a character are the same character",
    arguments: [
      ("ﾃﾞｰﾀﾍﾞｰｽ", "データベース"), ("ﾊﾟﾝ", "パン"), ("ｳﾞｧｲｵﾘﾝ", "ヴァイオリン"),
      ("か\u{3099}き\u{3099}は\u{309a}", "がぎぱ"), ("ホ\u{309a}ワ\u{3099}ヲ\u{3099}", "ポヷヺ"),
      ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", "한글"), ("葛\u{e0100}飾", "葛飾"),
      ("ฐาน\u{200b}ข้อมูล", "ฐานข้อมูล"),
    ])
  func forms(text: String, usual: String) {
    #expect(Self.tokens(text) == Self.tokens(usual))
    #expect(UnspacedText.isPresent(in: text))
  }

  @Test("Full-width letters and digits are those of ASCII")
  func fullWidth() {
    #expect(UnspacedText.folded("Ｐｙｔｈｏｎ３．１１ ＡＢＣxyz") == "Python3．11 ABCxyz")
    #expect(UnspacedText.folded("naïve “quotes”") == "naïve “quotes”")
  }

  @Test("Lines of Han and kana go on in the next, those of other scripts and after marks do not")
  func lines() {
    #expect(Self.tokens("数据\n  库") == Self.tokens("数据库"))
    #expect(Self.tokens("数据\r\n库") == Self.tokens("数据库"))
    #expect(Self.tokens("数据\n\n库") == ["数据", "据", "库"])
    #expect(Self.tokens("数据。\n库") == ["数据", "据", "库"])
    #expect(Self.tokens("데이\n터") == ["데이", "이", "터"])
  }

  @Test("The table has the same tokens by SQLite's own reading, and finds what a question cuts")
  func table() throws {
    let connection = try Connection(path: folder.database)
    connection.useFastTokenizer()
    try connection.execute(
      """
      CREATE VIRTUAL TABLE w USING fts5(x, tokenize='porter unicode61');
      CREATE VIRTUAL TABLE v USING fts5vocab('w', 'instance');
      INSERT INTO w(rowid, x) VALUES
        (1, '这个数据库的索引很快'), (2, 'Ｐｙｔｈｏｎ言語 running'), (3, '黒猫'), (4, 'naïve ponies'),
        (5, 'แมวนอนบนหลังคา')
      """)
    func found(_ match: String) throws -> [Int64] {
      let rows = try connection.statement("SELECT rowid FROM w WHERE w MATCH ? ORDER BY rowid")
        .bind(1, match)
      defer { rows.reset() }
      var ids: [Int64] = []
      while try rows.step() { ids.append(rows.integer(0)) }
      return ids
    }
    #expect(try found("\"数据库\"") == [1] && found("\"据库的索\"") == [1] && found("\"索库\"") == [])
    #expect(try found("\"猫\" *") == [3] && found("\"黒\" *") == [3])
    #expect(try found("\"Python言語\"") == [2] && found("\"run\"") == [2] && found("\"pony\"") == [4])
    #expect(try found("\"ｐｙｔｈｏｎ\"") == [2] && found("\"หลังคา\"") == [5])
    let terms = try connection.statement("SELECT term FROM v WHERE doc = 1 ORDER BY offset")
    var all: [String] = []
    while try terms.step() { all.append(terms.text(0)) }
    terms.reset()
    #expect(all == ["这个", "个数", "数据", "据库", "库的", "的索", "索引", "引很", "很快", "快"])
    try connection.execute("INSERT INTO w(w) VALUES('integrity-check')")
    // Lists made ahead are those very tokens.
    let texts = (1...5).map { try? connection.text("SELECT x FROM w WHERE rowid = \($0)") }
    let cutter = try TokenCutter()
    try connection.execute(
      "CREATE VIRTUAL TABLE l USING fts5(x, tokenize='porter unicode61', content='');"
        + "CREATE VIRTUAL TABLE lv USING fts5vocab('l', 'instance')")
    for (row, text) in texts.enumerated() {
      let place = try cutter.append(text ?? "")
      try cutter.takeList().withUnsafeBytes { list in
        let insert = try connection.statement("INSERT INTO l(rowid, x) VALUES(?, ?)")
        try insert.bind(1, row + 1)
        try insert.bindLentText(2, UnsafeRawBufferPointer(rebasing: list[place]))
        try connection.withTokenLists { try insert.run() }
      }
    }
    let difference = "SELECT term, doc, offset FROM v EXCEPT SELECT term, doc, offset FROM lv"
    #expect(try connection.integer("SELECT count(*) FROM (\(difference))") == 0)
    #expect(
      try connection.integer("SELECT count(*) FROM lv")
        == connection.integer("SELECT count(*) FROM v"))
  }

  @Test("What was entered as whole clauses can be taken out so")
  func wholeClauses() throws {
    let connection = try Connection(path: folder.database)
    connection.useFastTokenizer()
    try connection.execute(
      "CREATE VIRTUAL TABLE w USING fts5(x, tokenize='porter unicode61', content='');"
        + "CREATE VIRTUAL TABLE v USING fts5vocab('w', 'row')")
    try connection.withWholeClauses {
      try connection.execute("INSERT INTO w(rowid, x) VALUES(1, '这个数据库 fast')")
    }
    #expect(try connection.text("SELECT max(term) FROM v") == "这个数据库")
    try connection.withWholeClauses {
      try connection.execute("INSERT INTO w(w, rowid, x) VALUES('delete', 1, '这个数据库 fast')")
    }
    #expect(try connection.integer("SELECT count(*) FROM v") == 0)
  }

  @Test("Any bytes are cut without harm, each unit into one token", arguments: 0..<40)
  func anything(seed: Int) {
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
    func random(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state >> 33) % bound
    }
    let pieces = Array(
      "数据库猫がデﾃﾞータﾞ゙ か\u{3099}はนำ้เแขູໄខ្រ\u{17d2}န်မ္မာ한\u{1112}\u{1161}\u{11ab}a1Ａ、。\n\r é\u{200b}\u{fe0f}🙂𠀀"
        .unicodeScalars)
    let text = String(
      String.UnicodeScalarView((0..<random(200)).map { _ in pieces[random(pieces.count)] }))
    let document = UnspacedText.tokens(of: text, isQuery: false)
    let query = UnspacedText.tokens(of: text, isQuery: true)
    #expect(query.allSatisfy(document.contains))
    #expect(document.allSatisfy { !$0.first.isEmpty && $0.text.utf8.starts(with: $0.first.utf8) })
    #expect(UnspacedText.isPresent(in: text) || document.isEmpty)
    // What is cut once is cut to itself.
    for token in query where token.units == 2 {
      #expect(UnspacedText.tokens(of: token.text, isQuery: true) == [token])
    }
    var bytes = Array(text.utf8)
    for index in bytes.indices where random(6) == 0 { bytes[index] = UInt8(random(256)) }
    _ = bytes.withUnsafeBufferPointer { UnspacedText.isPresent(in: $0) }
    let damaged = String(decoding: bytes, as: UTF8.self)
    #expect(UnspacedText.tokens(of: damaged, isQuery: true).count <= damaged.unicodeScalars.count)
  }
}
