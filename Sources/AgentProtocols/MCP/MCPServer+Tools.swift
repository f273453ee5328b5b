import CarrelKit

extension MCPServer {
  func callTool(
    _ params: RPCParameters, _ reply: RPCReply, _ era: MCPEra
  ) throws(RPCError) {
    let name = try params.string("name")
    guard let tool = MCPTool(rawValue: name) else {
      throw RPCError(.invalidParameters, "There is no tool \(name.prefix(100)).")
    }
    let given = try params.optionalObject("arguments") ?? [:]
    let progress = progress(params, reply)
    let stop = StopFlag()
    var work: Task<JSONValue, any Error>?
    do throws(RPCError) {
      if let unknown = given.keys.sorted().first(where: { !tool.arguments.contains($0) }) {
        throw RPCError(.invalidParameters, "There is no argument \(unknown.prefix(100)).")
      }
      let arguments = try RPCParameters(.object(given))
      work =
        switch tool {
        case .searchDocuments: try search(arguments)
        case .readChunk: try readChunk(arguments)
        case .ask: try ask(arguments, stop, progress)
        case .indexPath: try index(arguments, progress)
        case .status: statusWork()
        }
    } catch {
      // The model that called the tool should read what was wrong, and try again.
      return succeed(reply, era, Self.failure(error.message))
    }
    guard let work else { return }
    let isIndexing = tool == .indexPath
    run(
      reply,
      stop: {
        stop.raise()
        // An answer ends by itself; indexing ends when its task is cancelled.
        if isIndexing { work.cancel() }
      }
    ) {
      do {
        self.succeed(reply, era, Self.success(try await work.value))
      } catch is CancellationError {
        self.succeed(reply, era, Self.failure("Stopped."))
      } catch {
        self.succeed(reply, era, Self.failure(String(describing: error)))
      }
    }
  }

  /// `CallToolResult`: the value itself, and as text for clients that do not read it.
  private static func success(_ value: JSONValue) -> JSONValue {
    ["content": [["type": "text", "text": .string(value.text)]], "structuredContent": value]
  }

  private static func failure(_ sentence: String) -> JSONValue {
    ["content": [["type": "text", "text": .string(sentence)]], "isError": true]
  }

  // MARK: The tools

  private func search(
    _ arguments: RPCParameters
  ) throws(RPCError) -> Task<JSONValue, any Error> {
    let query = try arguments.string("query")
    let limit = try arguments.optionalInteger("limit", 1...50) ?? 8
    let mode = try arguments.choice("mode", SearchSides.allCases.map(\.rawValue))
    let sides = mode.flatMap(SearchSides.init) ?? .hybrid
    let scope = try arguments.scope()
    let desk = desk
    return Task {
      let report = try await desk.search(query, limit: limit, sides: sides, scope: scope)
      return [
        "query": .string(report.query), "mode": .string(report.mode.rawValue),
        "scope": SearchFilters.json(report),
        "hits": .array(
          report.hits.map { hit in
            Self.place(hit.path, hit.startLine, hit.endLine).adding([
              "chunk": .integer(hit.id), "rank": .integer(hit.rank), "score": .number(hit.score),
              "headings": .string(hit.headings), "text": .string(hit.text),
            ])
          }),
      ]
    }
  }

  private func readChunk(
    _ arguments: RPCParameters
  ) throws(RPCError) -> Task<JSONValue, any Error> {
    let chunk = try arguments.integer("chunk", 1...Int(Int32.max))
    let before = try arguments.optionalInteger("before", 0...20) ?? 0
    let after = try arguments.optionalInteger("after", 0...20) ?? 0
    let desk = desk
    return Task {
      let passages = try await desk.passages(around: chunk, before: before, after: after)
      guard let first = passages.first else {
        throw CarrelError(
          .failed,
          "There is no passage \(chunk); the file may have changed since. Search again.")
      }
      return [
        "path": .string(first.path), "uri": .string(FileURI.of(first.path)),
        "chunks": .array(
          passages.map {
            [
              "chunk": .integer($0.id), "startLine": .integer($0.startLine),
              "endLine": .integer($0.endLine), "headings": .string($0.headings),
              "text": .string($0.text),
            ]
          }),
      ]
    }
  }

  private func ask(
    _ arguments: RPCParameters, _ stop: StopFlag, _ progress: MCPProgress?
  ) throws(RPCError) -> Task<JSONValue, any Error> {
    let question = try arguments.string("question")
    let model = try arguments.optionalString("model")
    let word = try arguments.choice("mode", ACPConfiguration.Mode.allCases.map(\.rawValue))
    var options = AskOptions()
    options.retrieval = (word.flatMap(ACPConfiguration.Mode.init) ?? .documents).retrieval
    options.scope = try arguments.scope()
    if options.retrieval == .off, options.scope != .all {
      throw RPCError(
        .invalidParameters,
        "mode: chat searches no documents, so it goes with none of in, type and since.")
    }
    options.maximumTokens = try arguments.optionalInteger("maxTokens", 1...32768)
    let desk = desk
    let before = latestQuestion
    let work = Task { @ControlActor [options] () throws -> JSONValue in
      _ = await before?.result
      guard !stop.isRaised else { throw CancellationError() }
      progress?.report(0, "loading the model")
      let conversation = try await desk.openConversation(model: model, id: nil, folder: nil)
      var steps = 0
      var result: JSONValue?
      for try await event in conversation.ask(question, options: options, stop: stop) {
        steps += 1
        switch event {
        case .retrieving: progress?.report(steps, "searching")
        case .prefill(let done, let total):
          progress?.report(steps, "reading \(done) of \(total) tokens")
        case .thinking: progress?.report(steps, "thinking")
        case .text: progress?.report(steps, "writing")
        case .done(let answer): result = Self.answer(answer)
        default: break
        }
      }
      guard let result else { throw CancellationError() }
      return result
    }
    latestQuestion = work
    return work
  }

  private nonisolated static func answer(_ answer: Answer) -> JSONValue {
    [
      "answer": .string(answer.text), "model": .string(answer.model),
      "host": answer.route.host.map { .string($0) },
      "stop": .string(answer.stop.rawValue),
      "citations": .array(
        answer.citations.map {
          place($0.path, $0.startLine, $0.endLine).adding([
            "n": .integer($0.n), "quote": .string($0.quote), "supported": .bool($0.supported),
            "score": .number($0.score),
          ])
          .adding($0.agreement.map { ["agreement": JSONValue.number($0)] } ?? [:])
        }),
      "unmatched": .array((answer.check?.unmatched ?? []).map { .string($0) }),
      "sources": .array(
        answer.sources.map {
          place($0.path, $0.startLine, $0.endLine).adding(["n": .integer($0.n)])
        }),
      "notices": .array(answer.notices.map { .string($0) }),
      "promptTokens": .integer(answer.stats.promptTokens),
      "generatedTokens": .integer(answer.stats.generatedTokens),
    ]
  }

  private func index(
    _ arguments: RPCParameters, _ progress: MCPProgress?
  ) throws(RPCError) -> Task<JSONValue, any Error> {
    let path = try arguments.absolutePath("path")
    let desk = desk
    return Task { @ControlActor in
      // The whole folder, as the user gave it: a scan that began at `path` would not see the rules
      // that keep it out, hidden names and ignore files.
      guard let root = await self.folders().root(of: path) else {
        throw CarrelError(
          .usage,
          "\(path) is not in an indexed folder. The user can index it with `carrel index add`, or "
            + "allow it with `carrel mcp PATH`.")
      }
      var result: JSONValue?
      var files = 0
      for try await event in desk.addToIndex([root]) {
        switch event {
        case .progress(let now):
          files = now.filesTotal
          progress?.report(now.filesDone, of: now.filesTotal, StatusForms.text(now))
        case .merging(let done, let total):
          // Counted on from the files: progress may only grow.
          progress?.report(files + done, of: files + total, StatusForms.merging(done, of: total))
        case .finished(let summary):
          result = StatusForms.indexing(summary).adding(["path": .string(root)])
          if summary.added + summary.removed > 0 { self.filesChanged() }
        default: break
        }
      }
      guard let result else { throw CancellationError() }
      return result
    }
  }

  private func statusWork() -> Task<JSONValue, any Error> {
    let desk = desk
    let version = version
    return Task {
      StatusForms.status(try await desk.status(), await desk.modelStates(), version: version)
    }
  }

  private nonisolated static func place(_ path: String, _ start: Int, _ end: Int) -> JSONValue {
    [
      "path": .string(path), "uri": .string(FileURI.of(path)), "startLine": .integer(start),
      "endLine": .integer(end),
    ]
  }
}
