/// Why a request was not answered with a result, as JSON-RPC 2.0 words it.
package struct RPCError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The number on the wire. Those of ACP and MCP are in the reference of each protocol.
  package struct Code: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The bytes are not JSON.
    package static let parse = Code(rawValue: -32700)
    /// JSON, but no request; or a request that makes no sense now.
    package static let invalidRequest = Code(rawValue: -32600)
    package static let methodNotFound = Code(rawValue: -32601)
    package static let invalidParameters = Code(rawValue: -32602)
    package static let internalError = Code(rawValue: -32603)
    /// ACP: the client cancelled the request with `$/cancel_request`.
    package static let cancelled = Code(rawValue: -32800)
    /// ACP, and MCP before 2026-07-28: no such session or resource.
    package static let notFound = Code(rawValue: -32002)
    /// MCP: `data.supported` names the versions there are.
    package static let unsupportedVersion = Code(rawValue: -32022)
  }

  package let code: Code
  /// One sentence.
  package let message: String
  package let data: JSONValue?

  package init(_ code: Code, _ message: String, data: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  /// Any error of the layers below: their sentence, as an internal error.
  package init(_ error: any Error) {
    self = error as? RPCError ?? RPCError(.internalError, String(describing: error))
  }

  package var description: String { message }

  package var json: JSONValue {
    ["code": .integer(code.rawValue), "message": .string(message), "data": data]
  }
}
