import Glibc
import Storage
import Tensors
import TestSupport
import Testing

@Suite("GGUF files in parts")
struct SplitGGUFTests {
  private let folder = TemporaryFolder()

  private func path(_ number: Int, _ ending: String = "gguf") -> String {
    folder.file("m-0000\(number)-of-00003.\(ending)")
  }

  /// Writes part `number` with one tensor, whose bytes are all `number`.
  private func write(
    _ number: Int, says: UInt16? = nil, count: UInt16 = 3, tensor: String? = nil,
    tensors: UInt32 = 3
  ) throws {
    var part = GGUFBuilder()
    if number == 1 { part.add("general.architecture", "llama") }
    part.add("split.no", kind: 2, littleEndian(says ?? UInt16(number - 1)))
    part.add("split.count", kind: 2, littleEndian(count))
    part.add("split.tensors.count", kind: 5, littleEndian(Int32(tensors)))
    part.add(tensor: tensor ?? "t\(number)", [8], type: 0, offset: 0)
    part.data = [UInt8](repeating: UInt8(number), count: 32)
    try AtomicFile.write(part.bytes, to: path(number))
  }

  @Test("Any part opens the whole, with the first part's metadata")
  func whole() throws {
    for number in 1...3 { try write(number) }
    for number in 1...3 {
      let file = try GGUFFile(path: path(number))
      #expect(file.tensorNames == ["t1", "t2", "t3"])
      #expect(file.metadata["general.architecture"]?.string == "llama")
      #expect(file.file.path == path(1))
      for i in 1...3 {
        let tensor = try #require(file.tensor(named: "t\(i)"))
        #expect(Array(tensor.bytes) == [UInt8](repeating: UInt8(i), count: 32))
      }
    }
  }

  @Test("Parts whose names end in capitals are found by each other")
  func capitals() throws {
    for number in 1...3 {
      try write(number)
      #expect(rename(path(number), path(number, "GGUF")) == 0)
    }
    #expect(try GGUFFile(path: path(2, "GGUF")).tensorNames == ["t1", "t2", "t3"])
  }

  @Test("Missing, swapped, renamed and contradicting parts are refused")
  func wrong() throws {
    for number in 1...3 { try write(number) }
    func code() -> TensorsError.Code? {
      do throws(TensorsError) { _ = try GGUFFile(path: path(1)) } catch { return error.code }
      return nil
    }
    #expect(code() == nil)
    try write(2, says: 2)
    #expect(code() == .badShard, "says it is the third part")
    try write(2, count: 4)
    #expect(code() == .badShard, "says there are four")
    try write(2, tensor: "t1")
    #expect(code() == .duplicateTensor)
    unlink(path(2))
    #expect(code() == .badShard, "missing")
    try write(2)
    try write(1, tensors: 4)
    #expect(code() == .badShard, "a tensor is missing")
    for count: UInt16 in [0, 65_535] {
      try write(1, count: count)
      #expect(code() == .badShard, "says there are \(count)")
    }
    try write(1)
    let renamed = folder.file("renamed.gguf")
    #expect(rename(path(1), renamed) == 0)
    let error = #expect(throws: TensorsError.self) { try GGUFFile(path: renamed) }
    #expect(error?.code == .badShard)
  }
}
