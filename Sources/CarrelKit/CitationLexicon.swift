/// What the citation check knows about English: words that carry nothing, words that mean the same,
/// words that mean the opposite, and units. Hand-made and small; every table is folded by `stem`.
enum CitationLexicon {
  /// Folds the commonest English endings; both sides go through it, so it only has to be stable.
  static func stem(_ word: String) -> String {
    if let root = irregular[word] { return root }
    var text = Substring(word)
    for ending in ["ing", "ied", "ies", "ed", "es", "s", "ly"] where text.hasSuffix(ending) {
      if ending == "s", text.hasSuffix("ss") || text.hasSuffix("us") || text.hasSuffix("is") {
        break
      }
      let root = text.dropLast(ending.count)
      guard root.count >= 3 else { break }
      text = ending == "ied" || ending == "ies" ? root + "y" : root
      // "stopped", "running"
      if ending != "s", ending != "ly", let last = text.last, text.dropLast().last == last,
        !"aeilos".contains(last)
      {
        text = text.dropLast()
      }
      break
    }
    if text.last == "e", text.count > 3 { text = text.dropLast() }
    return String(text)
  }

  private static let irregular = [
    "used": "use", "uses": "use", "using": "use", "made": "mak", "shown": "show", "found": "find",
    "given": "giv", "gave": "giv", "taken": "tak", "took": "tak", "led": "lead", "seen": "see",
    "saw": "see", "written": "writ", "wrote": "writ", "held": "hold", "kept": "keep", "won": "win",
    "began": "begin", "begun": "begin", "grew": "grow", "grown": "grow", "rose": "ris",
    "risen": "ris", "fell": "fall", "fallen": "fall", "chosen": "choos", "chose": "choos",
    "built": "build", "bought": "buy", "sold": "sell", "sent": "send", "spent": "spend",
    "lost": "los", "paid": "pay", "known": "know", "knew": "know", "went": "go", "gone": "go",
    "ran": "run", "broken": "break", "broke": "break", "brought": "bring", "thought": "think",
  ]

  /// The groups of synonyms that a stem is in.
  static func senses(of stem: String) -> [Int] { groups[stem] ?? [] }

  /// Whether two stems say opposite things, as "increase" and "decrease" or "stable" and "unstable".
  static func oppose(_ a: String, _ b: String) -> Bool {
    if opposites[a]?.contains(b) == true { return true }
    let (short, long) = a.count < b.count ? (a, b) : (b, a)
    guard short.count >= 4, long.hasSuffix(short) else { return false }
    return opposing.contains(String(long.dropLast(short.count)))
  }

  /// Whether two stems are forms of one word, as those of "regulate" and "regulation" are.
  static func isDerived(_ a: String, _ b: String) -> Bool {
    let common = zip(a.utf8, b.utf8).prefix { $0 == $1 }.count
    let shorter = min(a.utf8.count, b.utf8.count)
    guard common >= 5 || (common >= 4 && common == shorter), common * 10 >= shorter * 8 else {
      return false
    }
    return derivations.contains(String(a.dropFirst(common)))
      && derivations.contains(String(b.dropFirst(common)))
  }

  private static let derivations: Set<String> = [
    "", "ion", "ation", "ition", "ment", "or", "er", "ity", "y", "al", "ive", "ance", "ence", "ant",
    "ent", "e", "at", "ic", "ical", "able", "ible", "ness", "ing", "ed", "s", "es", "ly", "ar", "i",
    "ions", "ies", "ous", "iz", "is", "ist", "ism", "ful", "ual", "ably", "ary", "ory", "age", "t",
    "d",
    "n",
  ]
  private static let opposing: Set<String> = [
    "un", "non", "dis", "ab", "anti",
  ]

  static let stopWords: Set<String> = words(
    """
    a an and are as at be been being by can could do does did for from had has have he her his i if \
    in into is it its may might must of on or our she should so such than that the their them then \
    there these they this those to was we were which while who whose will with would you your also \
    when where whereas because since although though however thus therefore hence but about upon \
    one each every any some both between among through during within via per either us my me what \
    how here just very too only own same other another more most yes
    """
  ).subtracting(["same", "more", "most"])

  /// Stop words that begin a clause: what is denied before them is not denied after them.
  static let openers: Set<String> = words(
    "but if because since when where whereas while although though that which who")

  static let negations: Set<String> = words(
    """
    not no never none neither nor cannot nothing nobody without fail fails failed unable lack lacks \
    lacked lacking hardly
    """)

  /// Words of the reporting sentence around a claim: they say who says it, not what.
  static let general: Set<String> = Set(
    words(
      """
      passage according document text author study paper article report result results finding data \
      show demonstrate indicate suggest state mention describe note explain say find reveal observe \
      propose conclude specific particular overall generally namely respectively additionally \
      furthermore moreover nevertheless nonetheless thereby addition fact example case well still \
      already even now then once indeed instead way kind type various several certain like made make \
      discover imply uncover put get go come seem
      """
    ).map(stem))

  /// What an answer may begin with before a colon: "Answer:", "The short answer is:".
  static let leads: Set<String> = ["a", "the", "short", "answer", "is", "so", "yes"]

  /// Words that let a claim hold without exception or doubt.
  static let absolutes = Set(
    words(
      """
      all every any always everything anything everyone everybody anyone anybody entire completely \
      fully must guarantee cure
      """
    ).map(stem))

  /// Words by which a passage says as much.
  static let allowances = absolutes.union(
    words("each whole throughout total never none shall require need only both").map(stem))

  /// Words by which a passage leaves open what it speaks of, and those by which a claim does so too.
  static let doubts = Set(words("unclear unknown uncertain whether").map(stem))
  static let reserves = doubts.union(
    words("may might could can perhaps possibly suggest propose suppose question open know").map(
      stem)
  )

  static let counts: [String: String] = [
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "thirty": "30",
    "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
  ]

  /// Spelling of a unit → its one spelling. Short ones keep their case: mM is not MM.
  static let units: [String: String] = table(
    """
    % percent pct|mg milligram milligrams|g gram grams|kg kilogram kilograms|µg μg ug microgram \
    micrograms|ng|pg|mm millimeter millimeters millimetre millimetres|cm centimeter centimeters \
    centimetre centimetres|km kilometer kilometers kilometre kilometres|m meter meters metre metres|\
    µm μm um micrometer micrometers micron microns|nm nanometer nanometers|mM|µM μM uM|nM|pM|ml mL|\
    l L liter liters litre litres|µl μl µL μL|s sec second seconds|ms msec millisecond milliseconds|\
    µs μs us|ns|min mins minute minutes|h hr hrs hour hours|d day days|wk wks week weeks|month \
    months|yr yrs year years|decade decades|century centuries|hundred|thousand|million|billion|\
    trillion|kb kB KB kilobyte kilobytes|Kb|MB megabyte megabytes|Mb|GB gigabyte gigabytes|TB|KiB|MiB|\
    GiB|byte bytes|bit bits|Hz|kHz|MHz|GHz|W|kW|MW|V|mV|J|kJ|cal|kcal|Pa|kPa|mph|mile miles|foot feet \
    ft|inch inches|kDa|Da|bp|token tokens|dimension dimensions|fold|dollar dollars
    """)

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(separator: " ").map(String.init))
  }

  private static func table(_ text: String) -> [String: String] {
    var result: [String: String] = [:]
    for row in text.split(separator: "|") {
      let names = row.split(separator: " ").map(String.init)
      for name in names { result[name] = names[0] }
    }
    return result
  }

  /// Stem → the groups it is in.
  private static let groups: [String: [Int]] = {
    var result: [String: [Int]] = [:]
    for (number, row) in CitationThesaurus.synonyms.split(separator: "\n").enumerated() {
      for word in row.split(separator: " ") {
        result[stem(String(word)), default: []].append(number)
      }
    }
    return result
  }()

  private static let opposites: [String: Set<String>] = {
    var result: [String: Set<String>] = [:]
    for row in CitationThesaurus.antonyms.split(separator: "\n") {
      let sides = row.split(separator: "|").map {
        $0.split(separator: " ").map { stem(String($0)) }
      }
      guard sides.count == 2 else { continue }
      for a in sides[0] {
        for b in sides[1] {
          result[a, default: []].insert(b)
          result[b, default: []].insert(a)
        }
      }
    }
    return result
  }()
}
