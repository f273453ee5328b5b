/// The words at a question's beginning that name the model to answer it: `use gpt-oss: …`,
/// `with the small model, …`, `@smollm2 …`.
struct ModelRequest: Equatable {
  enum Wish: Equatable {
    case model(String)
    case size(Router.Size)
  }

  let wish: Wish?
  /// What remains of the question; the whole of it when only a model was named.
  let question: String

  init(_ text: String, candidates: [Router.Candidate]) {
    guard let (wish, rest) = Self.read(text, candidates) else {
      self.wish = nil
      question = text
      return
    }
    self.wish = wish
    question = rest.isEmpty ? text : rest
  }

  private static func read(
    _ text: String, _ candidates: [Router.Candidate]
  ) -> (Wish, String)? {
    var rest = text[...].drop(while: \.isWhitespace)
    if rest.first == "@" {
      rest = rest.dropFirst()
    } else {
      guard let word = rest.firstWord, ["use", "with", "ask"].contains(word.lowercased()) else {
        return nil
      }
      rest = rest.dropFirst(word.count).drop(while: \.isWhitespace)
      if let article = rest.firstWord, article.lowercased() == "the" {
        rest = rest.dropFirst(article.count).drop(while: \.isWhitespace)
      }
    }
    guard let name = rest.firstWord else { return nil }
    let after = rest.dropFirst(name.count)
    if let wish = size(name), let noun = after.drop(while: \.isWhitespace).firstWord,
      noun.lowercased().hasPrefix("model")
    {
      return (wish, clean(after.drop(while: \.isWhitespace).dropFirst(noun.count)))
    }
    // The longest name that the word begins with stands; the end of a sentence is not part of it.
    let lower = name.lowercased()
    let trimmed = lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    for candidate in candidates where names(candidate).contains(trimmed) {
      return (.model(candidate.id), clean(after))
    }
    return nil
  }

  private static func size(_ word: Substring) -> Wish? {
    switch word.lowercased() {
    case "small", "little", "fast": .size(.small)
    case "large", "big", "strong": .size(.large)
    default: nil
    }
  }

  private static func names(_ candidate: Router.Candidate) -> [String] {
    ([candidate.id] + candidate.aliases).map { $0.lowercased() }
  }

  private static func clean(_ rest: Substring) -> String {
    String(rest.drop { $0.isWhitespace || ":,.;".contains($0) })
  }
}

extension Substring {
  /// The leading run of letters, digits and what model ids are written with.
  fileprivate var firstWord: Substring? {
    let word = prefix { $0.isLetter || $0.isNumber || "-_./".contains($0) }
    return word.isEmpty ? nil : word
  }
}
