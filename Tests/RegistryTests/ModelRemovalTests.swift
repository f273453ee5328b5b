import Registry
import Storage
import TestSupport
import Testing

@Suite("Removing models from the disk")
struct ModelRemovalTests {
  private let root = TemporaryFolder()

  private func registry() throws -> ModelRegistry {
    let hub = root.file("hub")
    return try ModelRegistry(
      modelsFolder: root.file("Models"), environment: { $0 == "HF_HUB_CACHE" ? hub : nil })
  }

  private func removal(_ id: String) throws -> ModelRemoval {
    let model = try #require(try registry().installed(named: id))
    return try ModelRemoval(
      model, modelsFolder: root.file("Models"), cache: HubCache(path: root.file("hub")))
  }

  private func exists(_ name: String) -> Bool {
    (try? Folder.names(in: root.file(name))) != nil || FileStatus(path: root.file(name)) != nil
  }

  @Test("In the models folder the model's files go, and its folder when nothing else is in it")
  func modelsFolder() throws {
    let bytes = TinyModels.llama()
    try root.write(bytes, to: "Models/one/one.gguf")
    try root.write(bytes, to: "Models/two/two.gguf")
    try root.write("mine", to: "Models/two/notes.txt")
    _ = try registry().verify(try #require(try registry().installed(named: "one")))
    #expect(exists("Models/one/.verified"))

    let one = try removal("one")
    #expect(one.paths == [root.file("Models/one/one.gguf")])
    #expect(one.bytes == bytes.count)
    #expect(try one.remove() == bytes.count)
    #expect(!exists("Models/one"))
    #expect(try removal("two").remove() == bytes.count)
    #expect(exists("Models/two/notes.txt"), "what Carrel does not know stays")
    #expect(try registry().installed.isEmpty)
  }

  @Test("A link and a file with a second name free nothing, and their targets stay")
  func links() throws {
    try root.write(TinyModels.llama(), to: "elsewhere/real.gguf")
    try root.link("Models/linked/m.gguf", to: root.file("elsewhere/real.gguf"))
    let plan = try removal("linked")
    #expect(plan.bytes == 0)
    #expect(try plan.remove() == 0)
    #expect(!exists("Models/linked") && exists("elsewhere/real.gguf"))
  }

  @Test("In the cache links, unshared blobs and refs go; what another revision needs stays")
  func cache() throws {
    let repository = "hub/models--owner--name"
    let (a, b) = (String(repeating: "a", count: 40), String(repeating: "b", count: 40))
    let weights = TinyModels.llama()
    try root.write(weights, to: "\(repository)/blobs/w")
    try root.write("shared", to: "\(repository)/blobs/s")
    try root.write(a, to: "\(repository)/refs/main")
    try root.write(b, to: "\(repository)/refs/old")
    try root.write("half", to: "\(repository)/blobs/x.incomplete")
    try root.link("\(repository)/snapshots/\(a)/sub/m.gguf", to: "../../../blobs/w")
    try root.link("\(repository)/snapshots/\(b)/other.txt", to: "../../blobs/s")

    let plan = try removal("owner/name")
    // The weights, and the commit in the ref.
    #expect(plan.bytes == weights.count + a.count)
    #expect(try plan.remove() == weights.count + a.count)
    #expect(!exists("\(repository)/snapshots/\(a)") && !exists("\(repository)/blobs/w"))
    #expect(!exists("\(repository)/refs/main") && exists("\(repository)/refs/old"))
    #expect(exists("\(repository)/snapshots/\(b)/other.txt"))
    #expect(exists("\(repository)/blobs/x.incomplete"), "a download that was begun stays")
  }

  @Test("A blob that another revision links to stays until the last link goes")
  func sharedBlob() throws {
    let repository = "hub/models--owner--name"
    let (a, b) = (String(repeating: "a", count: 40), String(repeating: "b", count: 40))
    try root.write(TinyModels.llama(), to: "\(repository)/blobs/w")
    try root.write(a, to: "\(repository)/refs/main")
    for commit in [a, b] {
      try root.link("\(repository)/snapshots/\(commit)/m.gguf", to: "../../blobs/w")
    }
    let first = try removal("owner/name")
    #expect(first.bytes == a.count, "the other revision keeps the weights; the ref goes")
    #expect(try first.remove() == a.count)
    #expect(exists("\(repository)/blobs/w"))
    #expect(try removal("owner/name").remove() == TinyModels.llama().count)
    #expect(!exists(repository), "nothing of the repository is left")
  }

  @Test("One of two models in a snapshot goes; the other, the snapshot and its ref stay")
  func neighbours() throws {
    let repository = "hub/models--owner--name"
    let commit = String(repeating: "a", count: 40)
    try root.write(commit, to: "\(repository)/refs/main")
    for name in ["q4", "q8"] {
      try root.write(
        TinyModels.llama(count: name == "q4" ? 8 : 16), to: "\(repository)/blobs/\(name)")
      try root.link("\(repository)/snapshots/\(commit)/\(name).gguf", to: "../../blobs/\(name)")
    }
    _ = try removal("owner/name:q4").remove()
    #expect(try registry().installed.map(\.id) == ["owner/name"])
    #expect(exists("\(repository)/refs/main") && exists("\(repository)/blobs/q8"))
  }

  @Test("What lies behind a linked folder is somebody else's, whatever its path begins with")
  func linkedFolder() throws {
    try root.write(TinyModels.llama(), to: "mine/precious.gguf")
    try root.link("Models/shared", to: "../mine")
    let error = #expect(throws: RegistryError.self) { try removal("shared") }
    #expect(error?.code == .notOurs)
    #expect(error?.message.contains(root.file("mine")) == true)

    // Of the cache's files too, the blobs included.
    let repository = "hub/models--owner--name"
    let commit = String(repeating: "a", count: 40)
    try root.write(TinyModels.llama(), to: "disk/w")
    try root.link("\(repository)/blobs", to: "../../disk")
    try root.link("\(repository)/snapshots/\(commit)/m.gguf", to: "../../blobs/w")
    #expect(throws: RegistryError.self) { try removal("owner/name") }
    #expect(exists("mine/precious.gguf") && exists("disk/w"))
  }

  @Test("A cache that is named from the folder the process is in is emptied like any other")
  func relativeCache() throws {
    let here = try #require(FilePath.real("."))
    let up = here.split(separator: "/").map { _ in ".." }.joined(separator: "/")
    let repository = "home/hub/models--owner--name"
    let commit = String(repeating: "a", count: 40)
    try root.write(TinyModels.llama(), to: "\(repository)/blobs/w")
    try root.link("\(repository)/snapshots/\(commit)/m.gguf", to: "../../blobs/w")
    let environment = ["HF_HOME": "\(up)\(root.file("home"))/"]
    let cache = try #require(HubCache.standard { environment[$0] })
    #expect(cache.path == root.file("home/hub"))
    let registry = try ModelRegistry(modelsFolder: root.file("Models")) { environment[$0] }
    let model = try #require(registry.installed(named: "owner/name"))
    let removal = try ModelRemoval(model, modelsFolder: root.file("Models"), cache: cache)
    #expect(try removal.remove() == TinyModels.llama().count)
    #expect(!exists(repository))
  }

  @Test("Files that lie anywhere else are not Carrel's to remove")
  func elsewhere() throws {
    try root.write(TinyModels.llama(), to: "elsewhere/m.gguf")
    let registry = try ModelRegistry(
      modelsFolder: root.file("Models"), paths: [root.file("elsewhere/m.gguf")],
      environment: { _ in nil })
    let model = try #require(registry.installed.first)
    let error = #expect(throws: RegistryError.self) {
      try ModelRemoval(model, modelsFolder: root.file("Models"), cache: nil)
    }
    #expect(error?.code == .notOurs)
    #expect(exists("elsewhere/m.gguf"))
  }
}
