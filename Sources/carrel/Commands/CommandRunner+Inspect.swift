import CarrelKit
import FoundationEssentials
import Terminal

/// Ways to check Carrel against a reference. No workspace is needed: each takes a file.
extension CommandRunner {
  func inspectModel() throws {
    let model = try Inspection.describe(path: invocation.arguments[0])
    if wantsJSON {
      console.json(JSONForms.description(model))
    } else {
      console.write(Printing.description(model, console: console))
    }
  }

  func inspectTokens() throws {
    let inspector = try TokenInspector(path: try modelFile())
    let reader = JSONLineReader<TextLine>(readLine)
    while let line = try reader.next(atMost: 1)?.first {
      let ids = inspector.encode(line.text, special: invocation.has("--special"))
      console.json(
        .object([("ids", JSONForms.ids(ids)), ("text", .string(inspector.decode(ids)))]))
    }
  }

  func inspectLogits() async throws {
    let path = try modelFile()
    let ids = try tokenIDs()
    let exact = invocation.text("--kernels") == "exact"
    let threads = invocation.integer("--threads")
    let keyValues = invocation.text("--kv").flatMap(CacheType.init(name:)) ?? .q16
    let report = try await Interruption.run {
      try Inspection.logits(
        path: path, ids: ids, exact: exact, threads: threads, keyValues: keyValues)
    }
    if let out = invocation.text("--out") {
      let data = report.logits.withUnsafeBytes { Data($0) }
      do { try data.write(to: URL(filePath: out)) } catch {
        throw CarrelError(.failed, "\(out) could not be written.")
      }
      console.remark("\(Format.count(report.logits.count)) logits written to \(out).")
      return
    }
    console.json(JSONForms.logits(report.top(invocation.integer("--top") ?? 20)))
  }

  func harmonyRender() throws {
    let inspector = try HarmonyInspector(path: try modelFile())
    var number = 0
    while let line = readLine() {
      number += 1
      if !line.contains(where: { !$0.isWhitespace }) { continue }
      console.json(.object([("ids", JSONForms.ids(try inspector.render(line)))]))
    }
  }

  func harmonyStream() throws {
    let inspector = try HarmonyInspector(path: try modelFile())
    let reader = JSONLineReader<StreamLine>(readLine)
    while let line = try reader.next(atMost: 1)?.first {
      console.json(JSONForms.harmony(inspector.decode(line.ids, tools: line.tools)))
    }
  }

  private func modelFile() throws -> String {
    guard let path = invocation.text("--model") else {
      throw UsageError(
        "`carrel \(invocation.command.name)` needs --model FILE.", command: invocation.command.path)
    }
    return path
  }

  private func tokenIDs() throws -> [Int32] {
    let text = invocation.text("--ids") ?? ""
    let words = text.split { $0 == "," || $0 == " " }
    let ids = words.compactMap { Int32($0) }
    guard !ids.isEmpty, ids.count == words.count else {
      throw UsageError(
        "`--ids` takes token ids separated by commas, as in --ids 1,2,3.",
        command: invocation.command.path)
    }
    return ids
  }
}

/// `{"ids": […]}`, and names of declared functions where only those may be called.
struct StreamLine: Decodable {
  let ids: [Int32]
  let tools: [String]?
}
