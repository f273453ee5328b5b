/// The parameters of a request, read by name; what is missing or of another kind is -32602 with a
/// sentence that names it.
package struct RPCParameters {
  package let members: [String: JSONValue]

  package init(_ params: JSONValue?) throws(RPCError) {
    switch params {
    case nil: members = [:]
    case .object(let members)?: self.members = members
    case let other?:
      throw RPCError(
        .invalidParameters, "The parameters are expected by name, found \(other.kind).")
    }
  }

  package static func wrong(
    _ name: String, _ expected: String, _ found: JSONValue?
  ) -> RPCError {
    RPCError(
      .invalidParameters, "\(name): expected \(expected), found \(found?.kind ?? "nothing").")
  }

  /// nil where it is missing or null.
  private func given<Value>(
    _ name: String, _ expected: String, _ read: (JSONValue) -> Value?
  ) throws(RPCError) -> Value? {
    guard let value = members[name], value != .null else { return nil }
    guard let result = read(value) else { throw Self.wrong(name, expected, value) }
    return result
  }

  private func required<Value>(_ name: String, _ expected: String, _ value: Value?)
    throws(RPCError) -> Value
  {
    guard let value else { throw Self.wrong(name, expected, members[name]) }
    return value
  }

  package func optionalString(_ name: String) throws(RPCError) -> String? {
    try given(name, "a string", \.string)
  }

  package func string(_ name: String) throws(RPCError) -> String {
    try required(name, "a string", optionalString(name))
  }

  package func optionalBool(_ name: String) throws(RPCError) -> Bool? {
    try given(name, "true or false", \.bool)
  }

  package func optionalInteger(
    _ name: String, _ range: ClosedRange<Int>
  ) throws(RPCError) -> Int? {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = try given(name, expected, \.integer) else { return nil }
    guard range.contains(value) else {
      throw RPCError(.invalidParameters, "\(name): expected \(expected), found \(value).")
    }
    return value
  }

  package func integer(_ name: String, _ range: ClosedRange<Int>) throws(RPCError) -> Int {
    try required(name, "a whole number", optionalInteger(name, range))
  }

  package func optionalArray(_ name: String) throws(RPCError) -> [JSONValue]? {
    try given(name, "an array", \.array)
  }

  package func array(_ name: String) throws(RPCError) -> [JSONValue] {
    try required(name, "an array", optionalArray(name))
  }

  package func optionalObject(_ name: String) throws(RPCError) -> [String: JSONValue]? {
    try given(name, "an object", \.object)
  }

  /// One of a few words.
  package func choice(_ name: String, _ words: [String]) throws(RPCError) -> String? {
    guard let word = try optionalString(name) else { return nil }
    guard words.contains(word) else {
      throw RPCError(
        .invalidParameters,
        "\(name): expected \(words.joined(separator: ", ")), found \(word.prefix(100)).")
    }
    return word
  }

  package func absolutePath(_ name: String) throws(RPCError) -> String {
    let path = try string(name)
    guard path.hasPrefix("/"), !path.contains("\0") else {
      throw RPCError(
        .invalidParameters, "\(name): expected an absolute path, found \(path.prefix(100)).")
    }
    return path
  }
}
