// Models that run elsewhere: `endpoints.json` in the models folder. Nothing is sent anywhere
// unless this file names where.

import FoundationEssentials
import Storage

/// A server that speaks OpenAI's chat completions: vLLM, SGLang, llama-server, Ollama.
package struct RemoteEndpoint: Sendable, Equatable {
  /// What users call it; as a catalogue id.
  package let id: String
  /// Without `/chat/completions`; usually ends with `/v1`.
  package let url: HubURL
  /// The model's name on that server.
  package let model: String
  /// The environment variable that holds the key; nil when the server wants none.
  package let keyVariable: String?
  /// Tokens its context holds.
  package let context: Int
  /// Among models that can answer, the highest is chosen.
  package let rank: Int

  /// Text sent to this machine's own addresses stays here.
  package var leavesMachine: Bool { !url.isLoopback }

  static let fileName = "endpoints.json"

  /// The endpoints a user configured in a models folder; none when there is no such file.
  package static func configured(inFolder folder: String) throws(RegistryError) -> [RemoteEndpoint]
  {
    let path = folder + "/" + fileName
    let bytes: [UInt8]
    do throws(StorageError) { bytes = try SmallFile.read(path) } catch {
      if error.code == .notFound { return [] }
      throw RegistryError(.badCatalog, error.message, subject: path)
    }
    return try parse(bytes, path: path)
  }

  /// `{"version": 1, "endpoints": [{"id", "url", "model", "keyVariable"?, "context"?, "rank"?}]}`
  static func parse(_ json: [UInt8], path: String) throws(RegistryError) -> [RemoteEndpoint] {
    struct File: Decodable {
      struct Entry: Decodable {
        let id: String
        let url: String
        let model: String
        let keyVariable: String?
        let context: Int?
        let rank: Int?
      }
      let version: Int
      let endpoints: [Entry]
    }
    let file: File
    do { file = try JSONDecoder().decode(File.self, from: Data(json)) } catch {
      throw RegistryError(
        .badCatalog,
        "expected {\"version\": 1, \"endpoints\": [{\"id\", \"url\", \"model\"}]}, found other JSON",
        subject: path)
    }
    guard file.version == 1 else {
      throw RegistryError(.badCatalog, "expected version 1, found \(file.version)", subject: path)
    }
    var endpoints: [RemoteEndpoint] = []
    for entry in file.endpoints {
      func wrong(_ message: String) -> RegistryError {
        RegistryError(.badCatalog, "\(entry.id): \(message)", subject: path)
      }
      guard !entry.id.isEmpty, entry.id.utf8.allSatisfy(isNameByte),
        !endpoints.contains(where: { $0.id == entry.id })
      else {
        throw wrong(
          "expected an id of its own, of lower-case letters, digits, dot, dash, underscore")
      }
      guard let url = HubURL.base(entry.url) else {
        if let missing = HubURL.missingLibrary { throw wrong("a server \(missing)") }
        throw wrong("expected an http or https address without a query, found \(entry.url)")
      }
      guard url.scheme == "https" || entry.keyVariable == nil || url.isLoopback else {
        throw wrong("a key would be sent in the clear; expected an https address with keyVariable")
      }
      let context = entry.context ?? 8192
      guard (512...10_000_000).contains(context) else {
        throw wrong("expected a context from 512 tokens, found \(context)")
      }
      endpoints.append(
        RemoteEndpoint(
          id: entry.id, url: url, model: entry.model, keyVariable: entry.keyVariable,
          context: context, rank: entry.rank ?? 0))
    }
    return endpoints
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || "._-".utf8.contains(byte)
  }
}
