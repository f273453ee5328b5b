/// Words that tell little of what a question is about.
enum StopWords {
  /// Those that occur in most English texts.
  static let english: Set<String> = Set(
    """
    a about above after again against all am an and any are aren as at be because been before being
    below between both but by can cannot could couldn d did didn do does doesn doing don down during
    each few for from further had hadn has hasn have haven having he her here hers herself him
    himself his how i if in into is isn it its itself let ll m me more most mustn my myself no nor
    not of off on once only or other ought our ours ourselves out over own re s same shan she should
    shouldn so some such t than that the their theirs them themselves then there these they this
    those through to too under until up ve very was wasn we were weren what when where which while
    who whom why will with won would wouldn you your yours yourself yourselves
    """.split(whereSeparator: \.isWhitespace).map(String.init))

  /// Whether a pair of letters (`UnspacedCutter`) is grammar rather than a word: of hiragana alone, with a
  /// Chinese character that asks or joins, or one of some pairs. Measured in Index/README.md.
  static func isGrammar(_ pair: String) -> Bool {
    let scalars = pair.unicodeScalars
    return scalars.allSatisfy { (0x3041...0x309f).contains($0.value) }
      || scalars.contains(where: joining.contains) || pairs.contains(pair)
  }

  private static let joining = Set("的了吗嗎呢吧么麼什怎哪谁誰几幾这這那个個很们們是".unicodeScalars)
  private static let pairs: Set<String> = [
    "多少", "如何", "可以", "应该", "應該", "为何", "為何", "何で", "何が", "何を", "何の", "何か",
  ]
}
