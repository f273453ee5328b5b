import Registry
import Testing

@Suite("The catalogue")
struct CatalogTests {
  /// The repository's own catalogue.
  private static let path =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    + "/Models/catalog.json"

  @Test("The repository's catalogue is consistent and has the models it promises")
  func real() throws {
    let catalog = try Catalog(path: Self.path)
    let starters = catalog.models.filter { $0.set == "starter" }
    #expect(Set(starters.map(\.id)) == ["smollm2-135m-instruct-q4_1", "all-minilm-l6-v2"])
    #expect(starters.allSatisfy { $0.verified && $0.sizeBytes != nil })
    #expect(catalog.model(named: "smollm2")?.sizeBytes == 98_362_432)

    let large = try #require(catalog.model(named: "GPT-OSS-20B"))
    #expect(large.chat == "harmony")
    #expect(!large.verified)
    #expect(large.sizeBytes == nil, "not known, and not made up")
    #expect(
      large.files.first?.sha256
        == "27cd6c432c7672cb812a92f611cf3ba7bbc35928262bb1e1253ff4ee6ae35901")
    #expect(
      large.source == .hub(repository: "ggml-org/gpt-oss-20b-GGUF", revision: "main"))
    #expect(catalog.model(named: "gpt-oss-120b")?.files.count == 3)
    let best = catalog.models.filter { $0.role == .generate }.max { $0.rank < $1.rank }
    #expect(best?.id == "gpt-oss-120b-mxfp4")
    #expect(catalog.model(named: "minilm")?.dimension == 384)
    #expect(catalog.model(named: "no such model") == nil)
    for model in catalog.models where model.pooling == "cls" {
      let names = model.files.map(\.name)
      #expect(names.contains("1_Pooling/config.json"), "\(model.id): else the mean would be taken")
    }
    for model in catalog.models where model.verified {
      #expect(model.files.allSatisfy { $0.sha256 != nil && $0.size != nil }, "\(model.id)")
    }
  }

  /// A valid entry; each variant below replaces one part of it.
  private static let entry = """
    {"id":"m","aliases":["n"],"name":"M","role":"generate","rank":1,"architecture":"llama",
     "parameters":{"total":10,"active":10},"quantization":"F32","context":100,"licence":"MIT",
     "chat":"plain","verified":true,
     "source":{"kind":"package","packages":["p==1"]},
     "files":[{"name":"m.gguf","size":5,"sha256":"\(String(repeating: "a", count: 64))",
       "members":["p/m.gguf"]}]}
    """

  private static func catalog(_ entry: String) throws(RegistryError) -> Catalog {
    try Catalog(json: Array(#"{"version":1,"models":[\#(entry)]}"#.utf8), path: "catalog.json")
  }

  @Test("A consistent entry is read")
  func valid() throws {
    let model = try #require(try Self.catalog(Self.entry).models.first)
    #expect((model.id, model.sizeBytes, model.role) == ("m", 5, .generate))
    #expect(model.source == .package(["p==1"]))
  }

  @Test(
    "An entry that contradicts itself is refused with its name and the reason",
    arguments: [
      (#""rank":1"#, #""rank":"first""#, "Int"),
      (#""rank":1,"#, "", "rank"),
      (#""role":"generate""#, #""role":"dream""#, "role"),
      (#""id":"m""#, #""id":"M""#, "lower-case"),
      (#""id":"m""#, #""id":"../m""#, "lower-case"),
      (#""id":"m""#, #""id":"""#, "lower-case"),
      (#""id":"m""#, #""id":".m""#, "lower-case"),
      (#""aliases":["n"]"#, #""aliases":["m"]"#, "twice"),
      (#""total":10"#, #""total":0"#, "positive number of parameters"),
      (#""active":10"#, #""active":11"#, "active"),
      (#""context":100"#, #""context":0"#, "context"),
      (#""licence":"MIT""#, #""licence":"""#, "licence"),
      (#""chat":"plain","#, "", "chat"),
      (#""role":"generate""#, #""role":"embed""#, "dimension"),
      (#""size":5"#, #""size":-5"#, "positive size"),
      (#""size":5,"#, "", "needs size"),
      (#""sha256":"aa"#, #""sha256":"AA"#, "SHA-256"),
      (#""sha256":"a"#, #""sha256":""#, "SHA-256"),
      (#""name":"m.gguf""#, #""name":"../m.gguf""#, "below its folder"),
      (#""name":"m.gguf""#, #""name":"/m.gguf""#, "below its folder"),
      (#"["p/m.gguf"]"#, "[]", "members"),
      (#""p==1""#, #""p>=1""#, "pinned"),
      (#"["p==1"]"#, "[]", "package"),
      (#""kind":"package""#, #""kind":"floppy""#, "floppy"),
    ])
  func invalid(part: String, replacement: String, reason: String) throws {
    let text = Self.entry
    let changed = text.split(separator: part, maxSplits: 1, omittingEmptySubsequences: false)
    try #require(changed.count == 2)
    let error = #expect(throws: RegistryError.self) {
      try Self.catalog(changed[0] + replacement + changed[1])
    }
    #expect(error?.code == .badCatalog)
    #expect(error?.description.contains(reason) == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test("Files that are no catalogue are refused with one sentence")
  func garbage() {
    for text in ["", "{}", "[]", #"{"version":2,"models":[]}"#, #"{"version":1}"#, "\u{0}"] {
      let error = #expect(throws: RegistryError.self) {
        try Catalog(json: Array(text.utf8), path: "catalog.json")
      }
      #expect(error?.code == .badCatalog, "\(text)")
    }
    let twice = Self.entry + "," + Self.entry
    let error = #expect(throws: RegistryError.self) { try Self.catalog(twice) }
    #expect(error?.description == "catalog.json: m: the name m is given twice")
    let missing = #expect(throws: RegistryError.self) { try Catalog(path: "/no/catalog.json") }
    #expect(missing?.subject == "/no/catalog.json")
  }
}
