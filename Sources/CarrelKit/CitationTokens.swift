/// A text cut into the tokens that the citation check compares: words, names, numbers with units.
///
/// `C#`, `C++`, `.NET`, `snake_case`, `v1.2` and `README.md` stay whole; `50 %`, `50%` and
/// `50 percent` are the number 50 with the unit `%`. Linear time.
struct CitationTokens {
  enum Kind { case stop, word, name, number, negation }

  struct Token {
    /// Folded for comparison: case, endings, thousands separators.
    let stem: String
    var kind: Kind
    /// Of a number: what it counts, in one spelling, such as `%` or `mg`.
    var unit: String?
    /// Which clause of the text it stands in.
    let clause: Int
    /// How much of a claim it carries: longer words say more.
    let weight: Double
    /// The groups of synonyms it is in.
    let senses: [Int]
    /// The first four bytes of the stem: words with other ones are not forms of each other.
    let head: UInt32
    /// Whether it ends as a verb with an object may, in -s or -ed.
    let isVerbal: Bool
  }

  private(set) var tokens: [Token] = []
  private var clause = 0

  init(_ text: some StringProtocol) {
    let characters = Array(text.unicodeScalars)
    var isStart = true
    var index = 0
    while index < characters.count {
      let end = Self.end(of: index, in: characters)
      guard end > index else {
        switch characters[index] {
        case ",", ";", ":", "(", ")", "—": clause += 1
        case "%": setUnit("%")
        case ".", "!", "?": isStart = true
        default: break
        }
        index += 1
        continue
      }
      add(characters[index..<end], isStart: isStart)
      isStart = false
      index = end
    }
    inheritUnits()
  }

  // MARK: Scanning

  /// The end of the token at `start`, or `start` when none begins there.
  private static func end(of start: Int, in text: [Unicode.Scalar]) -> Int {
    func isPart(_ index: Int) -> Bool {
      index >= 0 && index < text.count
        && isWordScalar(text[index])
    }
    var index = start
    // `.NET`, `.gitignore`
    if text[index] == ".", isPart(index + 1), !isPart(index - 1), !isDigit(text[index + 1]) {
      index += 1
    }
    guard isPart(index) else { return start }
    while index < text.count {
      if isPart(index) {
        index += 1
      } else if "'’.,-‐".unicodeScalars.contains(text[index]), isPart(index + 1) {
        // Commas and dashes join digits and names only as "1,000" and "CENP-B" do.
        if text[index] == ",", !(isDigit(text[index - 1]) && isDigit(text[index + 1])) { break }
        index += 1
      } else if text[index] == "#" || text[index] == "+" {
        index += 1
      } else {
        break
      }
    }
    return index
  }

  private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      return isDigit(scalar) || scalar == "_" || (97...122).contains(scalar.value | 0x20)
    }
    return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
  }

  private static func isHyphen(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "-" || scalar == "‐"
  }

  private static func isUpper(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII ? (65...90).contains(scalar.value) : scalar.properties.isUppercase
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private mutating func add(_ raw: ArraySlice<Unicode.Scalar>, isStart: Bool) {
    // "Single-cell" and "Cahn-Hilliard" are two words each, "CENP-B" and "linc-RoR" one name.
    let hasName =
      raw.contains { Self.isDigit($0) || $0 == "_" }
      || raw.split(whereSeparator: Self.isHyphen).contains {
        $0.count < 3 || $0.dropFirst().contains { Self.isUpper($0) }
      } && raw.contains { Self.isUpper($0) }
    let isRange = raw.allSatisfy { Self.isDigit($0) || ".,-‐".unicodeScalars.contains($0) }
    if raw.contains(where: Self.isHyphen), !hasName || isRange {
      // "serum-starved" is two words, "10-20" two numbers; "CENP-B" is one name.
      for part in raw.split(whereSeparator: Self.isHyphen) {
        addPart(part, isStart: isStart)
      }
    } else {
      addPart(raw, isStart: isStart)
    }
  }

  private mutating func addPart(_ raw: ArraySlice<Unicode.Scalar>, isStart: Bool) {
    let digits = raw.prefix { Self.isDigit($0) || $0 == "." || $0 == "," }
    if let first = raw.first, Self.isDigit(first) {
      let rest = Self.string(raw[digits.endIndex...])
      if rest.isEmpty || CitationLexicon.units[rest] != nil {
        append(
          Self.number(Self.string(digits)), .number, weight: 4,
          unit: CitationLexicon.units[rest])
        return
      }
    }
    var text = Self.string(raw)
    if let unit = CitationLexicon.units[text] ?? CitationLexicon.units[text.lowercased()],
      tokens.last?.kind == .number, tokens.last?.unit == nil
    {
      setUnit(unit)
      return
    }
    let upper = raw.dropFirst().contains { Self.isUpper($0) }
    let odd = raw.contains { Self.isDigit($0) || "_#+.".unicodeScalars.contains($0) }
    let capital = raw.first.map(Self.isUpper) == true
    text = text.lowercased()
    for ending in ["'s", "’s"] where text.hasSuffix(ending) { text.removeLast(2) }
    if CitationLexicon.negations.contains(text) || text.hasSuffix("n't") || text.hasSuffix("n’t") {
      append(text, .negation, weight: 0)
    } else if CitationLexicon.stopWords.contains(text) {
      if CitationLexicon.openers.contains(text) { clause += 1 }
      append(text, .stop, weight: 0)
    } else if let value = CitationLexicon.counts[text] {
      append(value, .number, weight: 4)
    } else if upper || odd || (capital && !isStart) {
      // "Vectors" may begin a heading and "TFs" are several TF; what has signs in it stays as it is.
      let isPlural = upper && !odd && raw.last == "s"
      let stem = isPlural ? String(text.dropLast()) : odd ? text : CitationLexicon.stem(text)
      append(stem, .name, weight: 8)
    } else {
      let stem = CitationLexicon.stem(text)
      let weight = CitationLexicon.general.contains(stem) ? 1 : Double(min(stem.count, 8))
      append(
        stem, .word, weight: weight, isVerbal: text.hasSuffix("s") || text.hasSuffix("ed"))
    }
  }

  private mutating func append(
    _ stem: String, _ kind: Kind, weight: Double, unit: String? = nil,
    isVerbal: Bool = false
  ) {
    tokens.append(
      Token(
        stem: stem, kind: kind, unit: unit, clause: clause, weight: weight,
        senses: kind == .word ? CitationLexicon.senses(of: stem) : [],
        head: stem.utf8.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }, isVerbal: isVerbal))
  }

  // MARK: Numbers

  private mutating func setUnit(_ unit: String) {
    guard let last = tokens.indices.last, tokens[last].kind == .number, tokens[last].unit == nil
    else { return }
    tokens[last].unit = unit
  }

  /// "4, 6 and 8 weeks" are three numbers of weeks.
  private mutating func inheritUnits() {
    var unit: String?
    for index in tokens.indices.reversed() {
      if tokens[index].kind == .number {
        if tokens[index].unit == nil { tokens[index].unit = unit.map { $0 + "?" } }
        unit = tokens[index].unit?.filter { $0 != "?" }
      } else if tokens[index].kind != .stop {
        unit = nil
      }
    }
  }

  /// Without thousands separators and idle zeros.
  private static func number(_ digits: String) -> String {
    var text = digits.filter { $0 != "," }
    while text.last == "." { text.removeLast() }
    guard text.filter({ $0 == "." }).count == 1 else { return text }
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }
}
