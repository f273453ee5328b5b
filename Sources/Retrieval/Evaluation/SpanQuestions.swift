import FoundationEssentials
import Storage

/// Documents and questions whose answers are spans of them: `questions_df.csv` (question, references
/// as JSON with `start_index` and `end_index` in characters, corpus_id) beside `<corpus_id>.md`
/// (github.com/brandonstarxel/chunking_evaluation).
package struct SpanQuestions: Sendable {
  package struct Question: Sendable {
    package var text: String
    /// Path of the document.
    package var path: String
    /// Bytes of the document, in order.
    package var answers: [Range<Int>]
  }

  /// Texts by path.
  package var documents: [String: [UInt8]] = [:]
  package var questions: [Question] = []

  private struct Reference: Decodable {
    var start_index: Int
    var end_index: Int
  }

  package init(folder: String) throws {
    let table = folder + "/questions_df.csv"
    let rows = Self.records(try SmallFile.read(table, limit: 1 << 30))
    var offsets: [String: [Int]] = [:]
    for (number, row) in rows.enumerated().dropFirst() {
      guard row.count >= 3 else { continue }
      let path = Paths.absolute(folder + "/" + row[2] + ".md")
      if documents[path] == nil {
        let bytes = try SmallFile.read(path, limit: 1 << 30)
        documents[path] = bytes
        offsets[path] = bytes.indices.filter { bytes[$0] & 0xc0 != 0x80 } + [bytes.count]
      }
      guard let references = try? JSONDecoder().decode([Reference].self, from: Data(row[1].utf8)),
        let starts = offsets[path],
        references.allSatisfy({
          0 <= $0.start_index && $0.start_index < $0.end_index && $0.end_index < starts.count
        })
      else {
        throw RetrievalError(
          .badEvaluationSet,
          "\(table), record \(number + 1): expected a JSON list of {start_index, end_index} within "
            + "\(path).", subject: table)
      }
      questions.append(
        Question(
          text: row[0], path: path,
          answers: Spans.united(references.map { starts[$0.start_index]..<starts[$0.end_index] })))
    }
    if questions.isEmpty {
      throw RetrievalError(.badEvaluationSet, "\(table) holds no question.", subject: table)
    }
  }

  /// Records of a CSV file (RFC 4180): fields may be quoted and then hold anything.
  private static func records(_ bytes: [UInt8]) -> [[String]] {
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var quoted = false
    var index = 0
    func take() {
      record.append(String(decoding: field, as: UTF8.self))
      field = []
    }
    while index < bytes.count {
      let byte = bytes[index]
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch byte {
      case UInt8(ascii: "\"") where quoted && next == byte:
        field.append(byte)
        index += 1
      case UInt8(ascii: "\""): quoted.toggle()
      case UInt8(ascii: ",") where !quoted: take()
      case UInt8(ascii: "\n") where !quoted:
        take()
        records.append(record)
        record = []
      case UInt8(ascii: "\r") where !quoted: break
      default: field.append(byte)
      }
      index += 1
    }
    if !field.isEmpty || !record.isEmpty {
      take()
      records.append(record)
    }
    return records
  }
}

/// Sets of bytes as ranges in order that do not touch. Pure.
package enum Spans {
  package static func united(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var united: [Range<Int>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if let last = united.last, range.lowerBound <= last.upperBound {
        united[united.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        united.append(range)
      }
    }
    return united
  }

  package static func length(_ spans: [Range<Int>]) -> Int { spans.reduce(0) { $0 + $1.count } }

  /// Bytes in both of two united sets.
  package static func shared(_ a: [Range<Int>], _ b: [Range<Int>]) -> Int {
    a.reduce(0) { sum, left in
      sum + b.reduce(0) { $0 + left.clamped(to: $1).count }
    }
  }
}
