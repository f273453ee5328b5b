import FoundationEssentials
import Storage

/// A retrieval test collection in BEIR's layout (arXiv 2104.08663): `corpus.jsonl` with
/// {"_id" or "id", "title", "text"}, `queries.jsonl` with {"_id" or "id", "text"}, and `qrels.tsv` or
/// `qrels/SPLIT.tsv` with query, document and grade, with or without a heading line; TREC's four columns
/// are read too.
package struct EvaluationSet: Sendable {
  package struct Document: Sendable, Equatable {
    package var id: String
    package var title: String
    package var text: String

    package init(id: String, title: String, text: String) {
      self.id = id
      self.title = title
      self.text = text
    }
  }

  package struct Query: Sendable, Equatable {
    package var id: String
    package var text: String
  }

  package var documents: [Document]
  /// Only those with at least one relevant document.
  package var queries: [Query]
  /// Grades by query and document.
  package var judgements: [String: [String: Double]]

  /// Splits of the judgements, the first that is there by default: what most collections are reported on.
  private static let splits = ["test", "dev", "validation", "train"]

  /// - Parameter split: which of `qrels/*.tsv`; by default `qrels.tsv`, else the test split, else another.
  package init(folder: String, split: String? = nil) throws {
    documents = try Self.lines(folder + "/corpus.jsonl").map {
      Document(id: $0.identifier, title: $0.title ?? "", text: $0.text)
    }
    let flat = folder + "/qrels.tsv"
    let parts = (split.map { [$0] } ?? Self.splits).map { "\(folder)/qrels/\($0).tsv" }
    let candidates = split == nil ? [flat] + parts : parts
    judgements = try Self.judgements(
      candidates.first { FileStatus(path: $0) != nil } ?? candidates[0])
    let judged = judgements
    queries = try Self.lines(folder + "/queries.jsonl").map {
      Query(id: $0.identifier, text: $0.text)
    }.filter { judged[$0.id]?.values.contains { $0 > 0 } ?? false }
    if documents.isEmpty || queries.isEmpty {
      throw RetrievalError(
        .badEvaluationSet,
        "\(folder) holds \(documents.count) documents and \(queries.count) queries with a judged "
          + "document; both must be more than 0.", subject: folder)
    }
  }

  /// The text of every query, judged or not, in the order of the file.
  package static func allQueries(folder: String) throws -> [String] {
    try lines(folder + "/queries.jsonl").map(\.text)
  }

  private struct Record: Decodable {
    var identifier: String
    var title: String?
    var text: String

    enum CodingKeys: String, CodingKey { case _id, id, title, text }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      let key: CodingKeys = container.contains(._id) ? ._id : .id
      if let number = try? container.decode(Int.self, forKey: key) {
        identifier = String(number)
      } else {
        identifier = try container.decode(String.self, forKey: key)
      }
      title = try container.decodeIfPresent(String.self, forKey: .title)
      // A document may be nothing but its title.
      text =
        title == nil
        ? try container.decode(String.self, forKey: .text)
        : try container.decodeIfPresent(String.self, forKey: .text) ?? ""
    }
  }

  private static func lines(_ path: String) throws -> [Record] {
    let file = try read(path)
    let decoder = JSONDecoder()
    var records: [Record] = []
    for (number, line) in file.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
      if line.allSatisfy(isSpace) { continue }
      do {
        records.append(try decoder.decode(Record.self, from: Data(line)))
      } catch {
        throw RetrievalError(
          .badEvaluationSet,
          "\(path), line \(number + 1): expected a JSON object with \"id\" and \"text\".",
          subject: path)
      }
    }
    return records
  }

  private static func judgements(_ path: String) throws -> [String: [String: Double]] {
    var judgements: [String: [String: Double]] = [:]
    for (number, line) in try read(path).split(separator: 10).enumerated() {
      let fields = line.split(whereSeparator: isSpace).map { String(decoding: $0, as: UTF8.self) }
      if fields.isEmpty { continue }
      guard fields.count >= 3, let grade = Double(fields[fields.count - 1]), grade.isFinite else {
        if number == 0 { continue }
        throw RetrievalError(
          .badEvaluationSet,
          "\(path), line \(number + 1): expected query, document and a number.", subject: path)
      }
      judgements[fields[0], default: [:]][fields[fields.count - 2]] = grade
    }
    return judgements
  }

  private static func read(_ path: String) throws -> [UInt8] {
    try SmallFile.read(path, limit: 4 << 30)
  }
}
