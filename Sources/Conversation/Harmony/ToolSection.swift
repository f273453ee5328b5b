/// The `# Tools` section of a system or developer message: one namespace after the other, its
/// functions as TypeScript-like types (docs/format.md, "Function calling").
enum ToolSection {
  static func rendered(_ namespaces: [String: ToolNamespace]) -> String {
    let inOrder = namespaces.sorted { Array($0.key.utf8).lexicographicallyPrecedes($1.key.utf8) }
    return (["# Tools"] + inOrder.map { rendered($0.value) }).joined(separator: "\n\n")
  }

  private static func rendered(_ namespace: ToolNamespace) -> String {
    var lines = ["## \(namespace.name)\n"]
    // Beside types, a description is a comment; alone, it is prose.
    let mark = namespace.tools.isEmpty ? "" : "// "
    lines += textLines(namespace.description ?? "").map { mark + $0 }
    guard !namespace.tools.isEmpty else { return lines.joined(separator: "\n") }
    lines.append("namespace \(namespace.name) {\n")
    for tool in namespace.tools {
      lines += textLines(tool.description).map { "// " + $0 }
      if let parameters = tool.parameters {
        let type = TypeScriptSchema.type(of: parameters, indent: "")
        lines.append("type \(tool.name) = (_: \(type)) => any;\n")
      } else {
        lines.append("type \(tool.name) = () => any;\n")
      }
    }
    lines.append("} // namespace \(namespace.name)")
    return lines.joined(separator: "\n")
  }

  /// Lines without their ends (`\n` or `\r\n`); a final line end opens no further line.
  private static func textLines(_ text: String) -> [String] {
    var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { line in
      String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
    }
  }
}
