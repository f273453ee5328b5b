import Database
import Glibc

/// How well a way of cutting documents serves questions with known answer spans: whole documents are
/// cut, indexed and searched as always, and what is found is compared with the spans byte by byte
/// (the measure of Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", 2024).
package enum ChunkEvaluation {
  package enum Cutting: Sendable, Equatable {
    /// Carrel's own, through the index as for any file.
    case structure(tokens: Int, overlap: Int)
    case recursive(tokens: Int, overlap: Int)
  }

  /// Means over the questions, 0...1.
  package struct Scores: Sendable, Equatable {
    package var recall = 0.0
    package var precision = 0.0
    /// Shared bytes ∕ bytes in either.
    package var overUnion = 0.0

    package init() {}

    init(found: [Range<Int>], elsewhere: Int, answers: [Range<Int>]) {
      let shared = Double(Spans.shared(found, answers))
      let read = Double(Spans.length(found) + elsewhere)
      let wanted = Double(Spans.length(answers))
      recall = wanted > 0 ? shared / wanted : 0
      precision = read > 0 ? shared / read : 0
      overUnion = read + wanted > shared ? shared / (read + wanted - shared) : 0
    }

    mutating func add(_ other: Scores, part: Double) {
      recall += other.recall * part
      precision += other.precision * part
      overUnion += other.overUnion * part
    }
  }

  package struct Report: Sendable, Equatable {
    package var passages = 0
    /// Tokens of a passage, by `TokenEstimate`.
    package var meanTokens = 0.0
    /// Of the first five passages.
    package var topFive = Scores()
    /// Of the first passages up to `budget` tokens, the last one cut there.
    package var budgeted = Scores()
  }

  /// Tokens that `Report.budgeted` reads: five passages of 200.
  package static let budget = 1000

  package static func run(
    _ set: SpanQuestions, _ cutting: Cutting, embedder: (any Embedder)?
  ) async throws -> Report {
    let scratch = try RetrievalEvaluation.makeScratchFolder()
    defer { RetrievalEvaluation.removeScratchFolder(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    switch cutting {
    case .structure(let tokens, let overlap):
      var options = IndexOptions()
      options.chunkTokens = tokens
      options.chunkOverlap = overlap
      for try await _ in index.add(
        set.documents.keys.sorted(), embedder: embedder, options: options)
      {}
    case .recursive(let tokens, let overlap):
      let splitter = RecursiveSplitter(limit: tokens, overlap: overlap)
      var passages: [EvaluationSet.Document] = []
      for (path, utf8) in set.documents.sorted(by: { $0.key < $1.key }) {
        passages += splitter.ranges(of: utf8).map {
          EvaluationSet.Document(
            id: "\(path):\($0.lowerBound)-\($0.upperBound)", title: "",
            text: String(decoding: utf8[$0], as: UTF8.self))
        }
      }
      try await index.fill(passages, embedder: embedder)
    }
    var report = Report()
    let part = 1 / Double(set.questions.count)
    let search = try SearchService(index: index, embedder: embedder)
    for question in set.questions {
      try Task.checkCancellation()
      let hits = try await search.search(question.text, limit: 60).compactMap(place)
      report.topFive.add(
        scores(hits.prefix(5).map { ($0.path, $0.range) }, question), part: part)
      var left = budget
      var read: [(path: String, range: Range<Int>)] = []
      for hit in hits where left > 0 {
        let bytes = hit.tokens <= left ? hit.range.count : hit.range.count * left / hit.tokens
        read.append((hit.path, hit.range.lowerBound..<hit.range.lowerBound + bytes))
        left -= hit.tokens
      }
      report.budgeted.add(scores(read, question), part: part)
    }
    (report.passages, report.meanTokens) = try measure(index)
    return report
  }

  private static func scores(
    _ read: [(path: String, range: Range<Int>)], _ question: SpanQuestions.Question
  ) -> Scores {
    let here = read.filter { $0.path == question.path }.map(\.range)
    let elsewhere = read.filter { $0.path != question.path }.reduce(0) { $0 + $1.range.count }
    return Scores(found: Spans.united(here), elsewhere: elsewhere, answers: question.answers)
  }

  /// Where a hit lies; the baseline's passages carry their place in their name.
  private static func place(_ hit: SearchHit) -> (path: String, range: Range<Int>, tokens: Int)? {
    var text = hit.text
    let tokens = text.withUTF8 { TokenEstimate.count(UnsafeRawBufferPointer($0)) }
    let parts = hit.path.split(separator: ":")
    guard parts.count == 2 else {
      return (hit.path, hit.startByte..<hit.endByte, max(1, tokens))
    }
    let ends = parts[1].split(separator: "-").compactMap { Int($0) }
    return ends.count == 2 ? (String(parts[0]), ends[0]..<ends[1], max(1, tokens)) : nil
  }

  private static func measure(_ index: DocumentIndex) throws -> (Int, Double) {
    try index.reader.read(vectors: false) { connection, _ in
      let rows = try connection.statement("SELECT body FROM chunk")
      defer { rows.reset() }
      var count = 0
      var tokens = 0
      while try rows.step() {
        count += 1
        tokens += rows.withBlob(0) { TokenEstimate.count($0) }
      }
      return (count, count > 0 ? Double(tokens) / Double(count) : 0)
    }
  }
}
