import CarrelKit

/// The content blocks of a prompt, read.
///
/// Text is the question. Embedded resources and linked files are data: they go to the model as
/// attachments, numbered and fenced like passages, never as instructions of the user.
package struct ACPPrompt: Sendable, Equatable {
  package var question: String
  /// Texts that came with the prompt.
  package var attachments: [AskOptions.Attachment]
  /// Absolute paths of linked files.
  package var links: [String]

  /// - Throws: -32602 for blocks that `promptCapabilities` does not offer, and for a prompt without
  ///   text.
  package init(_ blocks: [JSONValue]) throws(RPCError) {
    var texts: [String] = []
    attachments = []
    links = []
    for (place, given) in blocks.enumerated() {
      let name = "prompt[\(place)]"
      guard let members = given.object else {
        throw RPCParameters.wrong(name, "a content block", given)
      }
      let block = try RPCParameters(.object(members))
      switch try block.string("type") {
      case "text": texts.append(try block.string("text"))
      case "resource_link":
        let uri = try block.string("uri")
        let title = try block.string("name")
        if let path = FileURI.path(uri) {
          links.append(path)
          texts.append(title)
        } else {
          texts.append("(\(title): \(uri))")
        }
      case "resource":
        guard let resource = try block.optionalObject("resource") else {
          throw RPCParameters.wrong(name + ".resource", "an object", nil)
        }
        let contents = try RPCParameters(.object(resource))
        let uri = try contents.string("uri")
        guard let text = try contents.optionalString("text") else {
          throw RPCError(.invalidParameters, "\(name): only text resources can be read.")
        }
        attachments.append(AskOptions.Attachment(path: FileURI.path(uri) ?? uri, text: text))
      case let kind:
        throw RPCError(
          .invalidParameters,
          "\(name): content of type \(kind.prefix(40)) is not supported; see promptCapabilities.")
      }
    }
    question = texts.joined(separator: "\n")
    guard question.contains(where: { !$0.isWhitespace }) else {
      throw RPCError(.invalidParameters, "prompt: there is no text in it.")
    }
  }

  /// The attachments with the linked files' texts, together at most `limit` bytes, and a sentence for
  /// each that was cut or left out. Reads files: not for a thread that must not wait.
  nonisolated package func resolve(limit: Int) async -> (
    attachments: [AskOptions.Attachment], notices: [String]
  ) {
    var given = attachments.map { ($0.path, Array($0.text.utf8), $0.text.utf8.count) }
    var notices: [String] = []
    for path in links {
      guard let file = OpenFile(path), let bytes = file.read(atMost: limit) else {
        notices.append("\(path) could not be read as a file; only its name was given to the model.")
        continue
      }
      guard !bytes.prefix(8192).contains(0) else {
        notices.append("\(path) is not text; only its name was given to the model.")
        continue
      }
      given.append((path, bytes, file.size))
    }
    var left = limit
    var result: [AskOptions.Attachment] = []
    for (place, (path, bytes, size)) in given.enumerated() {
      // What one does not need is for those that follow.
      let share = max(0, left / (given.count - place))
      let kept = Self.cut(bytes, to: share)
      left -= kept.count
      if kept.count < size {
        notices.append(
          kept.isEmpty
            ? "\(path) was left out: there is no room for it in the context."
            : "Only the first \(kept.count) of \(size) bytes of \(path) fit in the context.")
      }
      if !kept.isEmpty {
        result.append(
          AskOptions.Attachment(path: path, text: String(decoding: kept, as: UTF8.self)))
      }
    }
    return (result, notices)
  }

  /// The first bytes, ending at a line where one ends in the second half, else between characters.
  private static func cut(_ bytes: [UInt8], to limit: Int) -> ArraySlice<UInt8> {
    guard bytes.count > limit else { return bytes[...] }
    if let line = bytes[..<limit].lastIndex(of: UInt8(ascii: "\n")), line > limit / 2 {
      return bytes[...line]
    }
    var end = limit
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return bytes[..<end]
  }
}
