import CarrelKit
import FoundationEssentials

/// Indexed files as MCP resources. Pure but for `contents`, which reads one file.
package enum MCPResources {
  /// Files on one page.
  package static let pageSize = 100
  /// Most bytes of a file that is handed over.
  package static let maximumBytes = 4 << 20

  package static let template: JSONValue = [
    "uriTemplate": "file://{+path}", "name": "document", "title": "Indexed document",
    "description": "A file of the index by its absolute path.",
  ]

  package static func resource(_ file: IndexedFile) -> JSONValue {
    let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
    return [
      "uri": .string(FileURI.of(file.path)), "name": .string(name), "title": .string(file.path),
      "description": .string("\(file.passages) passages"), "size": .integer(file.sizeBytes),
      "mimeType": .string(mediaType(file.path)),
      "annotations": ["lastModified": .string(file.modified.ISO8601Format())],
    ]
  }

  /// `ReadResourceResult`; nil when the file cannot be read or lies outside the folders once its
  /// links are followed.
  package static func contents(
    _ path: String, uri: String, in folders: AllowedFolders
  ) -> JSONValue? {
    guard let file = OpenFile(path), let real = file.realPath, folders.contains(real),
      file.size <= maximumBytes, let bytes = file.read(atMost: maximumBytes)
    else { return nil }
    let type = JSONValue.string(mediaType(path))
    if !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) {
      return ["contents": [["uri": .string(uri), "mimeType": type, "text": .string(text)]]]
    }
    return [
      "contents": [
        ["uri": .string(uri), "mimeType": type, "blob": .string(Data(bytes).base64EncodedString())]
      ]
    ]
  }

  private static let mediaTypes = [
    "md": "text/markdown", "html": "text/html", "htm": "text/html", "csv": "text/csv",
    "json": "application/json", "pdf": "application/pdf", "xml": "application/xml",
    "ipynb": "application/x-ipynb+json",
  ]

  static func mediaType(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    let ending = name.contains(".") ? name.split(separator: ".").last.map(String.init) ?? "" : ""
    return mediaTypes[ending.lowercased()] ?? "text/plain"
  }
}

extension MCPServer {
  func listResources(
    _ params: RPCParameters, _ reply: RPCReply, _ era: MCPEra
  ) throws(RPCError) {
    // The cursor is the last path of the page before.
    let cursor = try params.optionalString("cursor")
    run(reply) {
      do {
        let files = try await self.files(after: cursor)
        let isLast = files.count <= MCPResources.pageSize
        let page = files.prefix(MCPResources.pageSize)
        self.succeed(
          reply, era,
          [
            "resources": .array(page.map(MCPResources.resource)),
            "nextCursor": isLast ? nil : page.last.map { .string($0.path) },
          ], lasts: 0)
      } catch {
        reply.fail(RPCError(useCase: error))
      }
    }
  }

  /// One more than a page; none while there is no index.
  private func files(after path: String?) async throws -> [IndexedFile] {
    guard (try? await desk.indexReport(checkingDisk: false)) != nil else { return [] }
    return try await desk.indexedFiles(after: path, limit: MCPResources.pageSize + 1)
  }

  func readResource(
    _ params: RPCParameters, _ reply: RPCReply, _ era: MCPEra
  ) throws(RPCError) {
    let uri = try params.string("uri")
    guard let path = FileURI.path(uri) else {
      throw era.notFound(uri, "uri: expected file:// and an absolute path.")
    }
    run(reply) {
      let isIndexed = (try? await self.desk.isIndexed(file: path)) ?? false
      let folders = await self.folders()
      guard isIndexed, let contents = await Self.read(path, uri, folders) else {
        return reply.fail(
          era.notFound(
            uri,
            "There is no indexed file of this name, or it is larger than "
              + "\(StatusForms.bytes(MCPResources.maximumBytes))."))
      }
      self.succeed(reply, era, contents, lasts: 0)
    }
  }

  /// Reads the disk: not on the control actor.
  private nonisolated static func read(
    _ path: String, _ uri: String, _ folders: AllowedFolders
  ) async -> JSONValue? {
    MCPResources.contents(path, uri: uri, in: folders)
  }
}
