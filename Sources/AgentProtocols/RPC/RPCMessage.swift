/// The name a client gives a request, to find its answer by.
package enum RPCID: Hashable, Sendable {
  case integer(Int)
  case string(String)
  /// Also the id of an answer to what could not be read as a request.
  case null

  /// nil for what JSON-RPC does not allow: fractions, truth values, arrays, objects.
  package init?(_ value: JSONValue) {
    switch value {
    case .integer(let number): self = .integer(number)
    case .string(let text): self = .string(text)
    case .null: self = .null
    default: return nil
    }
  }

  package var json: JSONValue {
    switch self {
    case .integer(let number): .integer(number)
    case .string(let text): .string(text)
    case .null: .null
    }
  }
}

/// A request, or a notification when it has no id.
package struct RPCCall: Sendable, Equatable {
  package let id: RPCID?
  package let method: String
  /// An object or an array; nil where none or null was given.
  package let params: JSONValue?
}

/// What one line of input means (JSON-RPC 2.0, sections 4 to 6).
package enum RPCMessage: Sendable, Equatable {
  case call(RPCCall)
  /// The answer to a request of ours. Carrel sends none, so it is for nobody.
  case response
  /// Not a message: to be answered with this error.
  case invalid(RPCID, RPCError)
  case batch([RPCMessage])

  /// Requests one batch may hold.
  package static let maximumBatch = 1000

  package static func read(_ line: [UInt8]) -> RPCMessage {
    let value: JSONValue
    do { value = try JSONReader.read(line) } catch {
      return .invalid(.null, RPCError(.parse, "This is not JSON: \(error)."))
    }
    guard case .array(let members) = value else { return RPCMessage(value) }
    guard !members.isEmpty else {
      return .invalid(.null, RPCError(.invalidRequest, "A batch must hold at least one message."))
    }
    guard members.count <= maximumBatch else {
      return .invalid(
        .null, RPCError(.invalidRequest, "A batch may hold at most \(maximumBatch) messages."))
    }
    return .batch(members.map { RPCMessage($0) })
  }

  private init(_ value: JSONValue) {
    guard case .object(let members) = value else {
      self = .invalid(
        .null, RPCError(.invalidRequest, "A message is an object, found \(value.kind)."))
      return
    }
    var id: RPCID?
    if let given = members["id"] {
      guard let known = RPCID(given) else {
        self = .invalid(
          .null,
          RPCError(.invalidRequest, "id: expected a string or whole number, found \(given.kind)."))
        return
      }
      id = known
    }
    func invalid(_ sentence: String) -> RPCMessage {
      .invalid(id ?? .null, RPCError(.invalidRequest, sentence))
    }
    guard members["jsonrpc"] == .string("2.0") else {
      self = invalid("jsonrpc: expected \"2.0\".")
      return
    }
    guard let method = members["method"] else {
      let isResponse = id != nil && (members["result"] != nil || members["error"] != nil)
      self = isResponse ? .response : invalid("A request needs a method.")
      return
    }
    guard let name = method.string else {
      self = invalid("method: expected a string, found \(method.kind).")
      return
    }
    switch members["params"] {
    case nil, .null?: self = .call(RPCCall(id: id, method: name, params: nil))
    case let params? where params.array != nil || params.object != nil:
      self = .call(RPCCall(id: id, method: name, params: params))
    case let params?: self = invalid("params: expected an object, found \(params.kind).")
    }
  }

  /// The answer to a request: exactly one of `result` and `error`.
  package static func answer(_ id: RPCID, _ outcome: Result<JSONValue, RPCError>) -> JSONValue {
    switch outcome {
    case .success(let result): ["jsonrpc": "2.0", "id": id.json, "result": result]
    case .failure(let error): ["jsonrpc": "2.0", "id": id.json, "error": error.json]
    }
  }

  package static func notification(_ method: String, _ params: JSONValue) -> JSONValue {
    ["jsonrpc": "2.0", "method": .string(method), "params": params]
  }
}
