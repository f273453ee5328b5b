import Glibc
import Registry
import Storage
import TestSupport
import Testing

@Suite("Finding installed models")
struct DiscoveryTests {
  private let folder = TemporaryFolder()

  private func registry(
    _ paths: [String] = [], environment: [String: String] = [:]
  ) throws -> ModelRegistry {
    try ModelRegistry(modelsFolder: folder.file("Models"), paths: paths) { environment[$0] }
  }

  private func catalog(_ entries: String...) throws {
    try folder.write(
      #"{"version":1,"models":[\#(entries.joined(separator: ","))]}"#, to: "Models/catalog.json")
  }

  private func entry(
    _ id: String, file: String, bytes: [UInt8]?, rank: Int = 500, repository: String? = nil
  ) -> String {
    let digest = bytes.map { #","size":\#($0.count),"sha256":"\#(TinyModels.digest($0))""# } ?? ""
    let source =
      repository.map { #"{"kind":"hub","repository":"\#($0)","revision":"main"}"# }
      ?? #"{"kind":"package","packages":["p==1"]}"#
    return """
      {"id":"\(id)","aliases":["\(id)-alias"],"name":"\(id)","role":"generate","rank":\(rank),
       "architecture":"llama","parameters":{"total":8,"active":8},"quantization":"F32",
       "context":2048,"licence":"MIT","chat":"chatml","verified":true,"source":\(source),
       "files":[{"name":"\(file)"\(digest),"members":["p/x"]}]}
      """
  }

  @Test("An empty or missing folder holds no models")
  func empty() throws {
    #expect(try registry().installed.isEmpty)
    #expect(try registry().list().isEmpty)
    let error = #expect(throws: RegistryError.self) { try registry().find("anything") }
    #expect(error?.code == .unknownModel)
  }

  @Test("Links in a circle: a file is found where it lies")
  func circle() throws {
    try folder.write(TinyModels.llama(), to: "Models/one.gguf")
    try folder.write(TinyModels.llama(), to: "Models/a/two.gguf")
    symlink("..", folder.file("Models/a/up"))
    let paths = try registry().installed.map(\.path).sorted()
    #expect(paths == [folder.file("Models/a/two.gguf"), folder.file("Models/one.gguf")])
  }

  @Test("A dropped file is found by its name, and its header is read")
  func dropped() throws {
    try folder.write(TinyModels.llama(), to: "Models/My Model.gguf")
    let model = try #require(try registry().installed.first)
    #expect((model.id, model.role, model.origin) == ("My Model", .generate, .models))
    #expect(model.state == .installed)
    #expect(model.path == folder.file("Models/My Model.gguf"))
    #expect(model.sizeBytes == TinyModels.llama().count)
    let header = try #require(model.header)
    #expect((header.architecture, header.context, header.parameters) == ("llama", 4096, 8))
    #expect((header.quantization, header.name) == ("Q4_K_M", "Tiny"))
    #expect(header.chatTemplate != nil)
    #expect(header.weightBytes == 32)
    // 2 layers of 2 heads with 16 + 16 floats: 256 bytes a token.
    #expect(header.cache?.byteCount(context: 4096) == 4096 * 256)
  }

  @Test("Folders name their only model; several in one folder keep their own names")
  func folders() throws {
    try folder.write(TinyModels.llama(), to: "Models/one/weights.gguf")
    try folder.write(TinyModels.llama(), to: "Models/several/a.gguf")
    try folder.write(TinyModels.llama(), to: "Models/several/b.gguf")
    try folder.write(TinyModels.llama(), to: "Models/owner/name/deep.gguf")
    try folder.write(TinyModels.llama(), to: "Models/one/mmproj-x.gguf")
    try folder.write(TinyModels.llama(), to: "Models/.download/hidden.gguf")
    try folder.write("text", to: "Models/notes.txt")
    #expect(Set(try registry().installed.map(\.id)) == ["one", "a", "b", "name"])
  }

  @Test("An encoder's folder is an embedder, and incomplete without its tokenizer")
  func encoder() throws {
    try folder.write(TinyModels.safetensors(), to: "Models/enc/model.safetensors")
    try folder.write(TinyModels.bertConfiguration, to: "Models/enc/config.json")
    #expect(try registry().installed.first?.state == .incomplete(["tokenizer.json"]))
    try folder.write("{}", to: "Models/enc/tokenizer.json")
    let model = try #require(try registry().installed.first)
    #expect((model.role, model.state) == (.embed, .installed))
    #expect(model.path == folder.file("Models/enc"))
    #expect(model.maximumContext == 512)
    #expect(model.header?.quantization == "F32")
    #expect(try registry().candidates(for: .embed).map(\.id) == ["enc"])
    #expect(try registry().candidates(for: .generate).isEmpty)
  }

  @Test("Split weights are one model, and incomplete while a part is missing")
  func parts() throws {
    let names = (1...3).map { "Models/big/big-0000\($0)-of-00003.gguf" }
    try folder.write(TinyModels.llama(), to: names[0])
    try folder.write(TinyModels.llama(count: 16), to: names[2])
    let partial = try #require(try registry().installed.first)
    #expect(partial.state == .incomplete(["big-00002-of-00003.gguf"]))
    #expect(!partial.isUsable)
    let error = #expect(throws: RegistryError.self) { try registry().find("big") }
    #expect(error?.code == .incomplete)

    try folder.write(TinyModels.llama(count: 24), to: names[1])
    let whole = try #require(try registry().installed.first)
    #expect(try registry().installed.count == 1)
    #expect(whole.state == .installed)
    #expect(whole.files.count == 3)
    #expect(whole.header?.parameters == 8 + 16 + 24)
    #expect(whole.path == folder.file(names[0]))
    #expect(try registry().find(folder.file(names[2])).files.count == 3)
  }

  @Test("Sharded safetensors need every shard of their index")
  func shards() throws {
    try folder.write(
      #"{"weight_map":{"a":"x.safetensors","b":"y.safetensors"}}"#,
      to: "Models/s/model.safetensors.index.json")
    try folder.write(TinyModels.bertConfiguration, to: "Models/s/config.json")
    try folder.write("{}", to: "Models/s/tokenizer.json")
    try folder.write(TinyModels.safetensors("a"), to: "Models/s/x.safetensors")
    #expect(try registry().installed.first?.state == .incomplete(["y.safetensors"]))
    try folder.write(TinyModels.safetensors("b"), to: "Models/s/y.safetensors")
    #expect(try registry().installed.first?.state == .installed)
    #expect(try registry().installed.first?.header?.parameters == 4)
  }

  @Test(
    "A truncated file is damaged and a type that is not read is unsupported, each with a reason")
  func damaged() throws {
    try folder.write(Array(TinyModels.llama().dropLast(5)), to: "Models/cut.gguf")
    try folder.write(TinyModels.gguf(type: 16), to: "Models/iq2.gguf")
    try folder.write("Entry not found", to: "Models/page.gguf")
    let states = Dictionary(
      uniqueKeysWithValues: try registry().installed.map { ($0.id, $0.state.name) })
    #expect(states == ["cut": "damaged", "iq2": "unsupported", "page": "damaged"])
    #expect(try registry().candidates(for: .generate).isEmpty)
    let error = #expect(throws: RegistryError.self) { try registry().find("iq2") }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("IQ2_XXS") == true)
  }

  @Test("A file name may end in capitals, whole or in parts")
  func capitals() throws {
    let parts = ["Models/P-00001-of-00002.GGUF", "Models/P-00002-of-00002.GGUF"]
    for name in ["Models/X.GGUF"] + parts { try folder.write(TinyModels.llama(), to: name) }
    #expect(try registry().find("x").path == folder.file("Models/X.GGUF"))
    #expect(try registry().find("p").path == folder.file(parts[0]))
  }

  @Test("A known model that is not there is named with the command that fetches it")
  func hint() throws {
    try catalog(entry("absent", file: "z.gguf", bytes: nil, repository: "o/z"))
    let error = #expect(throws: RegistryError.self) { try registry().find("absent") }
    let message = error?.message ?? ""
    #expect(message.contains("`carrel models pull absent`"))
    #expect(message.contains("z.gguf of the repository o/z into \(folder.file("Models/absent"))"))
  }

  @Test("A known model is installed only once its digest has been compared")
  func verification() throws {
    let bytes = TinyModels.llama()
    try catalog(entry("known", file: "k.gguf", bytes: bytes))
    #expect(try registry().list().map(\.state) == ["notInstalled"])
    try folder.write(bytes, to: "Models/known/k.gguf")
    let before = try registry()
    #expect(before.installed.map(\.state) == [.unverified])
    #expect(before.installed.first?.isUsable == true)

    var reports: [Int] = []
    let files = try before.verify(before.installed[0]) { done, total in
      reports.append(done)
      return total == bytes.count
    }
    #expect(files.map(\.sha256) == [TinyModels.digest(bytes)])
    #expect(files.map(\.wasExpected) == [true])
    #expect(reports.last == bytes.count)
    #expect(try registry().installed.map(\.state) == [.installed])

    // Another content of the same size, and the stamp no longer vouches for it.
    var other = bytes
    other[other.count - 1] = 1
    try folder.write(other, to: "Models/known/k.gguf")
    let after = try registry()
    #expect(after.installed.map(\.state) == [.unverified])
    let error = #expect(throws: RegistryError.self) { try after.verify(after.installed[0]) }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains(TinyModels.digest(bytes)) == true)
    let stop = #expect(throws: RegistryError.self) {
      try after.verify(after.installed[0]) { _, _ in false }
    }
    #expect(stop?.code == .cancelled)
  }

  @Test("A file of another size than the catalogue's is damaged without being read")
  func wrongSize() throws {
    try catalog(entry("known", file: "k.gguf", bytes: TinyModels.llama()))
    try folder.write(TinyModels.llama(count: 9), to: "Models/known/k.gguf")
    let model = try #require(try registry().installed.first)
    #expect(model.state.name == "damaged")
    #expect(model.id == "known")
  }

  @Test("The Hugging Face cache is found through each of its variables, with links and branches")
  func cache() throws {
    let repository = "hub/models--owner--some-name"
    let commit = String(repeating: "c", count: 40)
    try folder.write(TinyModels.llama(), to: "\(repository)/blobs/aaaa")
    try folder.write(commit, to: "\(repository)/refs/main")
    try folder.link("\(repository)/snapshots/\(commit)/sub/q.gguf", to: "../../../blobs/aaaa")
    try folder.link("\(repository)/snapshots/old/other.gguf", to: "../../blobs/aaaa")
    try folder.link("hub/models--owner--gone/snapshots/x/z.gguf", to: "../../blobs/absent")
    for environment in [
      ["HF_HUB_CACHE": folder.file("hub")], ["HF_HOME": folder.path],
      ["HUGGINGFACE_HUB_CACHE": folder.file("hub"), "HF_HOME": "/nowhere"],
    ] {
      let models = try registry(environment: environment).installed
      #expect(Set(models.map(\.id)) == ["owner/some-name", "owner/gone"])
      let model = try #require(models.first { $0.id == "owner/some-name" })
      #expect((model.origin, model.state) == (.cache, .installed))
      #expect(model.sizeBytes == TinyModels.llama().count)
      #expect(models.first { $0.id == "owner/gone" }?.state == .incomplete(["z.gguf"]))
    }
    let home = HubCache.standard { ["HOME": "/home/u", "HF_HOME": ""][$0] }
    #expect(home?.path == "/home/u/.cache/huggingface/hub")
    let xdg = HubCache.standard { ["HOME": "/home/u", "XDG_CACHE_HOME": "/c"][$0] }
    #expect(xdg?.path == "/c/huggingface/hub")
    #expect(HubCache.standard { _ in nil } == nil)
  }

  @Test("A catalogue entry is recognised in the cache and remembered there without writing to it")
  func cachedEntry() throws {
    let bytes = TinyModels.llama()
    try catalog(entry("known", file: "k.gguf", bytes: bytes, repository: "owner/repo"))
    try folder.write(bytes, to: "hub/models--owner--repo/blobs/b")
    try folder.link("hub/models--owner--repo/snapshots/c/k.gguf", to: "../../blobs/b")
    let environment = ["HF_HUB_CACHE": folder.file("hub")]
    let first = try registry(environment: environment)
    #expect(first.installed.map(\.id) == ["known"])
    #expect(first.installed.map(\.state) == [.unverified])
    _ = try first.verify(first.installed[0])
    #expect(try registry(environment: environment).installed.map(\.state) == [.installed])
    #expect(try Folder.names(in: folder.file("hub/models--owner--repo/snapshots/c")) == ["k.gguf"])
  }

  @Test("Ids, aliases, paths and unique beginnings all find a model")
  func find() throws {
    try catalog(
      entry("alpha-one", file: "a.gguf", bytes: nil, rank: 10, repository: "o/a"),
      entry("absent", file: "z.gguf", bytes: nil, repository: "o/z"))
    try folder.write(TinyModels.llama(), to: "Models/alpha-one/a.gguf")
    try folder.write(TinyModels.llama(), to: "Models/alpha-two.gguf")
    try folder.write(TinyModels.llama(), to: "elsewhere/x.gguf")
    let registry = try registry([folder.file("elsewhere/x.gguf")])
    #expect(try registry.find("alpha-one").id == "alpha-one")
    #expect(try registry.find("ALPHA-ONE-alias").id == "alpha-one")
    #expect(try registry.find("alpha-t").id == "alpha-two")
    #expect(try registry.find("x").origin == .path)
    #expect(try registry.find(folder.file("elsewhere")).id == "x")
    #expect(try registry.find(folder.file("elsewhere/x.gguf")).id == "x")
    let cases: [(String, RegistryError.Code)] = [
      ("alpha", .ambiguous), ("absent", .notInstalled), ("beta", .unknownModel),
      ("", .unknownModel), (folder.file("no.gguf"), .unknownModel), ("/", .unknownModel),
    ]
    for (name, code) in cases where name != "/" {
      let error = #expect(throws: RegistryError.self) { try registry.find(name) }
      #expect(error?.code == code, "\(name)")
    }
    let hint = #expect(throws: RegistryError.self) { try registry.find("absent") }
    #expect(hint?.message.contains("o/z") == true)
    #expect(registry.list().map(\.id).contains("absent"))
  }

  @Test("Of two places for one model the usable one counts")
  func twice() throws {
    try folder.write(Array(TinyModels.llama().dropLast(1)), to: "Models/m.gguf")
    try folder.write(TinyModels.llama(), to: "Models/below/deeper/m.gguf")
    try folder.write(TinyModels.llama(), to: "Models/below/deeper/n.gguf")
    let models = try registry().installed
    #expect(models.map(\.id).sorted() == ["m", "n"])
    #expect(models.filter(\.isUsable).count == 2)
  }

  @Test("Ranks order the candidates: the catalogue's, and by size for models it does not know")
  func ranks() throws {
    try catalog(entry("best", file: "a.gguf", bytes: nil, rank: 900, repository: "o/a"))
    try folder.write(TinyModels.llama(), to: "Models/best/a.gguf")
    try folder.write(TinyModels.llama(), to: "Models/tiny.gguf")
    let registry = try registry()
    #expect(registry.candidates(for: .generate).map(\.id) == ["best", "tiny"])
    func rank(_ parameters: Int, template: Bool = true) -> Int {
      var model = registry.installed[1]
      model.header?.parameters = parameters
      model.header?.chatTemplate = template ? "{{ messages }}" : nil
      return model.rank
    }
    #expect(rank(35_000_000) == 0)
    #expect(rank(70_000_000) == 100)
    #expect((150...250).contains(rank(135_000_000)), "beside SmolLM2, which has 200")
    #expect((480...540).contains(rank(1_240_000_000)))
    #expect((760...820).contains(rank(8_030_000_000)))
    #expect(rank(.max) == 899, "below gpt-oss")
    #expect(rank(1_240_000_000, template: false) == rank(1_240_000_000) - 150)
    #expect(rank(0) == 0)
  }

  @Test("Candidates for the gate carry the caller's need, or an estimate from the header")
  func gate() throws {
    try folder.write(TinyModels.llama(), to: "Models/tiny.gguf")
    let registry = try registry()
    let estimated = try #require(registry.gateCandidates().first)
    #expect((estimated.id, estimated.maximumContext) == ("tiny", 4096))
    #expect(estimated.need(1024).kv == 1024 * 256)
    #expect(estimated.need(1024).weights == 32)
    let exact = registry.gateCandidates(need: { _, context in MemoryNeed(kv: context) })
    #expect(exact.first?.need(77) == MemoryNeed(kv: 77))
    #expect(registry.gateCandidates(isLoadable: { _ in false }).isEmpty)
  }

  @Test("A catalogue that cannot be used is an error, not an empty list")
  func badCatalog() throws {
    try folder.write("{", to: "Models/catalog.json")
    let error = #expect(throws: RegistryError.self) { try registry() }
    #expect(error?.code == .badCatalog)
  }
}
