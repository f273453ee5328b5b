/// The tools and their schemas (JSON Schema 2020-12), in the order in which they are listed. Pure.
package enum MCPTool: String, Sendable, CaseIterable {
  case searchDocuments = "search_documents"
  case readChunk = "read_chunk"
  case ask
  case indexPath = "index_path"
  case status

  package var json: JSONValue {
    [
      "name": .string(rawValue), "title": .string(title), "description": .string(summary),
      "inputSchema": input, "outputSchema": output,
      "annotations": [
        "readOnlyHint": .bool(self != .indexPath), "destructiveHint": false,
        // A question may go to a server that the user's endpoints.json names.
        "idempotentHint": true, "openWorldHint": .bool(self == .ask),
      ],
    ]
  }

  /// Names of the arguments there are.
  package var arguments: Set<String> { Set(input["properties"]?.object?.keys.map { $0 } ?? []) }

  private var title: String {
    switch self {
    case .searchDocuments: "Search documents"
    case .readChunk: "Read a passage"
    case .ask: "Ask a local model"
    case .indexPath: "Index a path"
    case .status: "Status"
    }
  }

  private var summary: String {
    switch self {
    case .searchDocuments:
      "Find passages in the user's indexed documents, by words and by meaning, best first. Each hit "
        + "has the file, its lines, and a chunk number for read_chunk. Can be kept to folders, files, "
        + "types of files and what changed since."
    case .readChunk:
      "Read a passage that search_documents found, with its neighbours in the file."
    case .ask:
      "Have the user's local model answer a question from the indexed documents, with checked "
        + "citations. Slower than search_documents."
    case .indexPath:
      "Bring the indexed folder that a file or folder lies in up to date with the disk. Only what "
        + "lies in folders that are indexed already, or that the user allowed, can be named."
    case .status: "Memory, disk, models and index."
    }
  }

  // MARK: Schemas

  private var input: JSONValue {
    switch self {
    case .searchDocuments:
      Self.object(
        [
          "query": ["type": "string", "minLength": 1, "description": "Words or a question."],
          "limit": Self.integer(1...50, "Most hits.", standard: 8),
          "mode": Self.word(
            ["hybrid", "lexical", "semantic"], "By words and meaning, or only one of them.",
            standard: "hybrid"),
        ].merging(SearchFilters.properties) { $1 }, required: ["query"])
    case .readChunk:
      Self.object(
        [
          "chunk": Self.integer(1...Int(Int32.max), "The number of the passage."),
          "before": Self.integer(0...20, "Passages before it.", standard: 0),
          "after": Self.integer(0...20, "Passages after it.", standard: 0),
        ], required: ["chunk"])
    case .ask:
      Self.object(
        [
          "question": ["type": "string", "minLength": 1],
          "model": [
            "type": "string", "description": "A model's id; without it the best that fits.",
          ],
          "mode": Self.word(
            ["documents", "strict", "chat"],
            "documents: search first; strict: no answer without passages; chat: no search.",
            standard: "documents"),
          "maxTokens": Self.integer(1...32768, "Most tokens in the answer.", standard: 512),
        ].merging(SearchFilters.properties) { $1 }, required: ["question"])
    case .indexPath:
      Self.object(
        ["path": ["type": "string", "description": "An absolute path."]], required: ["path"])
    case .status: Self.object([:])
    }
  }

  private var output: JSONValue {
    switch self {
    case .searchDocuments:
      Self.object(
        [
          "query": Self.string, "mode": Self.string, "scope": SearchFilters.output,
          "hits": Self.array(
            of: Self.place.merging([
              "chunk": Self.count, "rank": Self.count, "score": Self.number, "text": Self.string,
              "headings": Self.string,
            ]) { $1 }),
        ], required: ["query", "mode", "scope", "hits"])
    case .readChunk:
      Self.object(
        [
          "path": Self.string, "uri": Self.string,
          "chunks": Self.array(
            of: [
              "chunk": Self.count, "startLine": Self.count, "endLine": Self.count,
              "headings": Self.string, "text": Self.string,
            ]),
        ], required: ["path", "uri", "chunks"])
    case .ask:
      Self.object(
        [
          "answer": Self.string, "model": Self.string, "stop": Self.string,
          "host": ["type": "string", "description": "Where the text went, unless it stayed here."],
          "citations": Self.array(
            of: Self.place.merging([
              "n": Self.count, "quote": Self.string, "supported": Self.bool,
              "score": [
                "type": "number", "minimum": 0, "maximum": 1,
                "description": "How much of the sentence the source says; 0 where it contradicts.",
              ],
              "agreement": [
                "type": "number", "minimum": -1, "maximum": 1,
                "description": "How near in meaning the two are; no part of the verdict.",
              ],
            ]) { $1 }),
          "unmatched": [
            "type": "array", "items": Self.string,
            "description": "Sentences of the answer that no passage bears out.",
          ],
          "sources": Self.array(of: Self.place.merging(["n": Self.count]) { $1 }),
          "notices": ["type": "array", "items": Self.string],
          "promptTokens": Self.count, "generatedTokens": Self.count,
        ],
        required: [
          "answer", "model", "stop", "citations", "unmatched", "sources", "notices",
          "promptTokens", "generatedTokens",
        ])
    case .indexPath:
      Self.object(
        [
          "path": Self.string, "added": Self.count, "updated": Self.count, "unchanged": Self.count,
          "removed": Self.count, "skipped": ["type": "object", "additionalProperties": Self.count],
          "chunks": Self.count, "seconds": Self.number,
        ],
        required: ["path", "added", "updated", "unchanged", "removed", "skipped", "chunks"])
    case .status:
      Self.object(
        [
          "version": Self.string, "memory": ["type": "object"], "disk": ["type": "object"],
          "models": ["type": "array", "items": ["type": "object"]],
          "loaded": ["type": "array", "items": Self.string],
          "index": ["type": ["object", "null"]],
        ], required: ["version", "memory", "disk", "models", "loaded", "index"])
    }
  }

  private static let string: JSONValue = ["type": "string"]
  private static let bool: JSONValue = ["type": "boolean"]
  private static let number: JSONValue = ["type": "number"]
  private static let count: JSONValue = ["type": "integer", "minimum": 0]

  /// Where a passage is: `path`, its `uri` for resources/read, and lines from 1, both inclusive.
  private static let place: [String: JSONValue] = [
    "path": string, "uri": string, "startLine": count, "endLine": count,
  ]

  private static func object(
    _ properties: [String: JSONValue], required: [String] = []
  ) -> JSONValue {
    [
      "type": "object", "properties": .object(properties), "additionalProperties": false,
      "required": required.isEmpty ? nil : .array(required.map { .string($0) }),
    ]
  }

  private static func array(of properties: [String: JSONValue]) -> JSONValue {
    [
      "type": "array",
      "items": object(properties, required: properties.keys.sorted()),
    ]
  }

  private static func integer(
    _ range: ClosedRange<Int>, _ summary: String, standard: Int? = nil
  ) -> JSONValue {
    [
      "type": "integer", "minimum": .integer(range.lowerBound),
      "maximum": .integer(range.upperBound), "description": .string(summary),
      "default": standard.map { .integer($0) },
    ]
  }

  private static func word(
    _ words: [String], _ summary: String, standard: String
  ) -> JSONValue {
    [
      "type": "string", "enum": .array(words.map { .string($0) }),
      "description": .string(summary), "default": .string(standard),
    ]
  }
}
