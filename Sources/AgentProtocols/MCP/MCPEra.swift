/// Which generation of MCP a request belongs to. Pure.
///
/// Up to 2025-11-25 a connection begins with `initialize`; since 2026-07-28 there is no beginning,
/// and every request says in `_meta` which version it speaks. Both are served on one connection, each
/// request by what it says itself (specification 2026-07-28, "Versioning and Compatibility").
package enum MCPEra: Sendable, Equatable {
  case handshake
  case stateless

  /// Versions `initialize` may agree on, the newest last.
  package static let handshakeVersions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
  package static let statelessVersions = ["2026-07-28"]

  private static let versionKey = "io.modelcontextprotocol/protocolVersion"
  private static let capabilitiesKey = "io.modelcontextprotocol/clientCapabilities"

  /// - Parameter isInitialized: `initialize` was answered on this connection.
  /// - Throws: -32022 for a version that is not served, -32602 where `_meta` lacks what it must have,
  ///   or where neither generation fits.
  package init(
    _ method: String, _ params: RPCParameters, isInitialized: Bool
  ) throws(RPCError) {
    let meta = try params.optionalObject("_meta") ?? [:]
    guard method != "initialize", let given = meta[Self.versionKey] else {
      guard isInitialized || method == "initialize" || method == "ping" else {
        throw RPCError(
          .invalidParameters,
          "Begin with initialize, or send \(Self.versionKey) and \(Self.capabilitiesKey) in _meta "
            + "with every request.")
      }
      self = .handshake
      return
    }
    guard let version = given.string else {
      throw RPCParameters.wrong("_meta." + Self.versionKey, "a string", given)
    }
    guard meta[Self.capabilitiesKey]?.object != nil else {
      throw RPCParameters.wrong(
        "_meta." + Self.capabilitiesKey, "an object", meta[Self.capabilitiesKey])
    }
    guard Self.statelessVersions.contains(version) else {
      throw RPCError(
        .unsupportedVersion, "Unsupported protocol version \(version.prefix(40)).",
        data: [
          "requested": .string(version),
          "supported": .array(
            (Self.statelessVersions + Self.handshakeVersions.reversed()).map { .string($0) }),
        ])
    }
    self = .stateless
  }

  /// The answer to a version asked for in `initialize`.
  package static func agree(on version: String) -> String {
    handshakeVersions.contains(version) ? version : handshakeVersions.last ?? version
  }

  /// A result as this generation writes it.
  /// - Parameter lasts: milliseconds a list may be kept by the client; nil for what is no list.
  package func result(_ value: JSONValue, server: JSONValue, lasts: Int? = nil) -> JSONValue {
    guard self == .stateless else { return value }
    var more: [String: JSONValue] = [
      "resultType": "complete", "_meta": ["io.modelcontextprotocol/serverInfo": server],
    ]
    if let lasts {
      more["ttlMs"] = .integer(lasts)
      more["cacheScope"] = "private"
    }
    return value.adding(more)
  }

  /// No such resource.
  package func notFound(_ uri: String, _ sentence: String) -> RPCError {
    RPCError(
      self == .stateless ? .invalidParameters : .notFound, sentence, data: ["uri": .string(uri)])
  }
}
