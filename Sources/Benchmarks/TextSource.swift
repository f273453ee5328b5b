import Retrieval

/// Words drawn by how often they occur in real documents, the same on every run.
struct TextSource {
  private let words: [String]
  /// Ascending sums of counts.
  private let sums: [Int]
  private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

  /// The words of collections in BEIR's layout, and their questions.
  static func read(_ folders: [String]) throws -> (text: TextSource, questions: [String]) {
    var words: [String: Int] = [:]
    var questions: [String] = []
    for folder in folders {
      let set = try EvaluationSet(folder: folder)
      for document in set.documents {
        for word in document.text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
          words[word.lowercased(), default: 0] += 1
        }
      }
      questions += set.queries.map(\.text)
    }
    return (TextSource(words), questions)
  }

  init(_ counts: [String: Int]) {
    words = counts.keys.sorted()
    var total = 0
    sums = words.map { word in
      total += counts[word] ?? 0
      return total
    }
  }

  mutating func passage(_ count: Int) -> String {
    var text = ""
    for _ in 0..<count {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      let wanted = Int((state &* 0x2545_f491_4f6c_dd1d) % UInt64(max(1, sums.last ?? 1)))
      var low = 0
      var high = sums.count - 1
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] <= wanted { low = middle + 1 } else { high = middle }
      }
      text += words[low]
      text += " "
    }
    return text
  }
}
