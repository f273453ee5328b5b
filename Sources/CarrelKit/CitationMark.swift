/// A bracketed list of source numbers in an answer, such as `[2]` or `[1, 3]`.
package struct CitationMark: Equatable {
  package let numbers: [Int]
  package let range: Range<String.Index>

  /// The mark that begins at `index`, if one does. Numbers have at most three digits.
  package static func read(_ text: some StringProtocol, at index: String.Index) -> CitationMark? {
    guard index < text.endIndex, text[index] == "[" else { return nil }
    var numbers: [Int] = []
    var number: Int?
    var position = text.index(after: index)
    while position < text.endIndex {
      let character = text[position]
      position = text.index(after: position)
      if let digit = character.wholeNumberValue, character.isASCII {
        let value = (number ?? 0) * 10 + digit
        guard value <= 999 else { return nil }
        number = value
      } else if character == "," || character == "]" {
        guard let value = number else { return nil }
        numbers.append(value)
        number = nil
        if character == "]" { return CitationMark(numbers: numbers, range: index..<position) }
      } else if character != " " {
        return nil
      }
    }
    return nil
  }

  /// All marks of a text, in order.
  package static func all(in text: some StringProtocol) -> [CitationMark] {
    var marks: [CitationMark] = []
    var index = text.startIndex
    while index < text.endIndex {
      if text[index] == "[", let mark = read(text, at: index) {
        marks.append(mark)
        index = mark.range.upperBound
      } else {
        index = text.index(after: index)
      }
    }
    return marks
  }

  /// The text without its marks, and without the blanks before them.
  package static func removing(from text: some StringProtocol) -> String {
    var result = ""
    var index = text.startIndex
    for mark in all(in: text) {
      result += text[index..<mark.range.lowerBound]
      while result.last == " " { result.removeLast() }
      index = mark.range.upperBound
    }
    return result + text[index...]
  }
}
