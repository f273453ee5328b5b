/// A JSON schema as the TypeScript-like type gpt-oss was trained to read.
///
/// The quirks are the reference's, because the rendering must be equal byte for byte: an object's
/// own indentation applies to its members only, `integer` is a `number`, an optional member has
/// `?`, defaults are trailing comments, and alternatives (`oneOf`) stand one on a line.
enum TypeScriptSchema {
  static func type(of schema: JSONValue, indent: String) -> String {
    if let variants = schema["oneOf"]?.array {
      return variants.map { "\n\(indent) | " + alternative($0, indent: indent) }.joined()
    }
    if let names = schema["type"]?.array {
      let mapped = names.compactMap(\.string).map { $0 == "integer" ? "number" : $0 }
      if !mapped.isEmpty { return mapped.joined(separator: " | ") }
    }
    switch schema["type"]?.string {
    case "object": return object(schema, indent: indent)
    case "string":
      let values = (schema["enum"]?.array ?? []).compactMap(\.string).map { "\"\($0)\"" }
      return values.isEmpty ? "string" : values.joined(separator: " | ")
    case "number", "integer": return "number"
    case "boolean": return "boolean"
    case "array":
      return schema["items"].map { type(of: $0, indent: indent) + "[]" } ?? "Array<any>"
    default: return "any"
    }
  }

  /// The type with `| null` where the schema says `nullable`.
  private static func nullableType(of schema: JSONValue, indent: String) -> String {
    let type = type(of: schema, indent: indent)
    let isNullable = schema["nullable"]?.bool == true && !type.contains("null")
    return isNullable ? type + " | null" : type
  }

  /// One of a type's alternatives, with its description and default behind it.
  private static func alternative(_ variant: JSONValue, indent: String) -> String {
    var remarks: [String] = []
    if let description = variant["description"]?.string { remarks.append(description) }
    if let value = variant["default"] {
      // Here, unlike in a member, the default of an enumeration keeps its quotes.
      if let text = value.string, !isEnumeration(variant) {
        remarks.append("default: \"\(text)\"")
      } else {
        remarks.append("default: \(value.compact)")
      }
    }
    let type = nullableType(of: variant, indent: indent + "   ")
    return remarks.isEmpty ? type : type + " // " + remarks.joined(separator: " ")
  }

  private static func object(_ schema: JSONValue, indent: String) -> String {
    var out = ""
    if let description = schema["description"]?.string { out += "\(indent)// \(description)\n" }
    out += "{\n"
    let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
    for member in schema["properties"]?.members ?? [] {
      let mark = required.contains(member.key) ? "" : "?"
      out += property(member.key + mark, member.value, indent: indent)
    }
    return out + "\(indent)}"
  }

  /// A member: comments above it, then `name: type,` or, for alternatives, a list of them.
  private static func property(_ name: String, _ schema: JSONValue, indent: String) -> String {
    var out = ""
    if let title = schema["title"]?.string { out += "\(indent)// \(title)\n\(indent)//\n" }
    if schema["oneOf"] == nil, let description = schema["description"]?.string {
      out += "\(indent)// \(description)\n"
    }
    if let examples = schema["examples"]?.array, !examples.isEmpty {
      out += "\(indent)// Examples:\n"
      for example in examples.compactMap(\.string) { out += "\(indent)// - \"\(example)\"\n" }
    }
    if let variants = schema["oneOf"]?.array {
      return out + alternatives(of: name, schema, variants, indent: indent)
    }
    out += "\(indent)\(name): " + nullableType(of: schema, indent: indent + "    ") + ","
    if schema["oneOf"] == nil, let value = schema["default"] {
      out += " // " + memberDefault(value, of: schema)
    }
    return out + "\n"
  }

  /// A member whose type is a list of alternatives, each on a line with its own remarks.
  ///
  /// A description that the first alternative repeats is left to that alternative's line, and there
  /// a description equal to the member's is not said again, so it is not said at all.
  private static func alternatives(
    of name: String, _ schema: JSONValue, _ variants: [JSONValue], indent: String
  ) -> String {
    var out = ""
    let description = schema["description"]?.string
    let saysDescription =
      description != nil && variants.first?["description"]?.string != description
    if saysDescription, let description { out += "\(indent)// \(description)\n" }
    if let value = schema["default"] { out += "\(indent)// \(memberDefault(value, of: schema))\n" }
    out += "\(indent)\(name):\n"
    for (index, variant) in variants.enumerated() {
      var remarks: [String] = []
      if !(index == 0 && saysDescription), let own = variant["description"]?.string,
        own != description
      {
        remarks.append(own)
      }
      if let value = variant["default"] { remarks.append(memberDefault(value, of: variant)) }
      out += "\(indent) | " + nullableType(of: variant, indent: indent + "   ")
      if !remarks.isEmpty { out += " // " + remarks.joined(separator: " ") }
      out += "\n"
    }
    return out + "\(indent),\n"
  }

  /// `default: …`: texts in quotes, names of an enumeration without, everything else as JSON.
  private static func memberDefault(_ value: JSONValue, of schema: JSONValue) -> String {
    guard let text = value.string else { return "default: \(value.compact)" }
    return isEnumeration(schema) ? "default: \(text)" : "default: \"\(text)\""
  }

  private static func isEnumeration(_ schema: JSONValue) -> Bool {
    schema["enum"]?.array?.isEmpty == false
  }
}
