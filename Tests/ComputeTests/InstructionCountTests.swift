import CKernels
import CStepper
import Compute
import Foundation
import Tensors
import Testing

/// Time depends on the machine and on what else it does; instructions do not. `Fixtures/instructions.csv`
/// has what each kernel took when it was last looked at; a change that makes one longer has to say so
/// there: CARREL_RECORD=PATH writes the file anew.
@Suite("Instruction counts")
struct InstructionCountTests {
  /// How far above the record a count may be: compilers differ a little.
  private static let tolerance = 1.03

  @Test("No kernel takes more instructions than recorded")
  func guardKernels() throws {
    var lines = ["kernel,table,instructions"]
    let known = try Self.record()
    var unknown: [String] = []
    for (name, table, count) in try Self.measure() {
      lines.append("\(name),\(table),\(count)")
      guard let before = known["\(name),\(table)"] else {
        // Of a CPU with another best table than the record's only one format is known.
        if known["q4_0 tokens=1 planes=1,\(table)"] != nil { unknown.append("\(name),\(table)") }
        continue
      }
      #expect(
        Double(count) <= Double(before) * Self.tolerance,
        "\(name) (\(table)) takes \(count) instructions, recorded are \(before)")
    }
    if let path = ProcessInfo.processInfo.environment["CARREL_RECORD"] {
      let text = lines.joined(separator: "\n") + "\n"
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      #expect(unknown.isEmpty, "no record of \(unknown); write it with CARREL_RECORD=PATH")
    }
  }

  @Test("Counts are the same each time, and grow with the work")
  func steady() throws {
    var small = Sum(count: 100), large = Sum(count: 200)
    let first = try Self.count(&small) { $0.run() }
    #expect(try Self.count(&small) { $0.run() } == first)
    #expect(try Self.count(&large) { $0.run() } > first)
    #expect(first > 100)
  }

  // MARK: what is counted

  private struct Sum {
    var count: Int
    var value: UInt64 = 1
    mutating func run() {
      for _ in 0..<count { value = value &* 6_364_136_223_846_793_005 ^ value >> 31 }
    }
  }

  /// (kernel, table, instructions): every format of this CPU's best table, and one of the others'. (A
  /// step takes up to 80 microseconds on a virtual machine: these are 90,000.)
  private static func measure() throws -> [(String, String, Int)] {
    var rows: [(String, String, Int)] = []
    var tables: [ck_kernels] = []
    while let table = ck_kernels_at(tables.count)?.pointee { tables.append(table) }
    for (place, table) in tables.enumerated().dropFirst() {
      let isBest = place == tables.count - 1
      let types: [ElementType] =
        isBest ? quantizedTypes : [.q4_1]
      let name = String(cString: table.name)
      for type in types {
        for (tokens, planes) in isBest ? shapes(of: type) : [(1, 1)] {
          let count = try product(table, type, tokens: tokens, planes: planes)
          rows.append(("\(type) tokens=\(tokens) planes=\(planes)", name, count))
        }
      }
      if isBest {
        rows.append(("f16 tokens=1", name, try product(table, .f16, tokens: 1, planes: 0)))
        rows.append(("coarse tokens=1", name, try coarse(table)))
      }
    }
    var scans: [ck_code_kernels] = []
    while let scan = ck_code_kernels_at(scans.count)?.pointee { scans.append(scan) }
    for kernels in scans.dropFirst() {
      rows.append(
        ("codes queries=4", String(cString: kernels.name), try scan(kernels, queries: 4)))
    }
    return rows
  }

  /// One token; several at once; enough for a panel.
  private static func shapes(of type: ElementType) -> [(tokens: Int, planes: Int)] {
    switch type {
    case .q4_1: [(1, 1), (6, 2), (12, 2)]
    case .q8_0, .q3_K, .q4_K, .q6_K, .iq4_xs, .mxfp4: [(1, 1), (12, 2)]
    default: [(1, 1)]
    }
  }

  /// 256 columns, one tile of the widest vectors for a token, two for several.
  private static func product(
    _ table: ck_kernels, _ type: ElementType, tokens: Int, planes: Int
  ) throws -> Int {
    let (rows, columns) = (tokens == 1 ? 16 : 32, 256)
    let rowBytes = columns / type.blockElements * type.blockBytes
    let bytes = planes == 2 ? MemoryLayout<ck_q16_block>.stride : MemoryLayout<ck_q8_block>.stride
    let inputBytes = planes == 0 ? tokens * columns * 4 : tokens * columns / 32 * bytes
    let weights = Zeros(rows * rowBytes), input = Zeros(inputBytes)
    let output = Zeros(rows * tokens * 4), scratch = Zeros(ck_scratch_bytes(columns))
    // Low bytes count in every other block.
    if planes == 2 {
      let blocks = input.memory.assumingMemoryBound(to: ck_q16_block.self)
      for index in stride(from: 0, to: tokens * columns / 32, by: 2) { blocks[index].has_low = 1 }
    }
    let product = ck_product(
      weights: weights.memory, row_bytes: rowBytes, rows: rows, columns: columns,
      type: Int32(type.rawValue), x: input.memory, planes: Int32(max(1, planes)),
      x_stride: planes == 0 ? columns : columns / 32, tokens: tokens,
      out: output.memory.assumingMemoryBound(to: Float.self), out_stride: rows, bias: nil)
    let multiply = planes == 0 ? table.multiply_f32 : table.multiply_q8
    var work = product
    return try withExtendedLifetime((weights, input, output, scratch)) {
      try count(&work) { multiply?(&$0, 0, rows, scratch.memory) }
    }
  }

  /// One tile of 256 columns times a token in 16 bits.
  private static func coarse(_ table: ck_kernels) throws -> Int {
    let blocks = 8
    let weights = Zeros(ck_coarse_tile_bytes(32 * blocks))
    let terms = Zeros(blocks * MemoryLayout<ck_coarse_term>.stride), output = Zeros(19 * 4)
    let input = Zeros(blocks * MemoryLayout<ck_q16_block>.stride)
    for index in 0..<blocks {
      input.memory.assumingMemoryBound(to: ck_q16_block.self)[index].has_low = 1
    }
    let floats = output.memory.assumingMemoryBound(to: Float.self)
    let known = (output.memory + 16 * 4).assumingMemoryBound(to: ck_coarse_token.self)
    var work = ck_coarse_product(
      tiles: weights.memory.assumingMemoryBound(to: UInt8.self), rows: 16, columns: 32 * blocks,
      x: input.memory, planes: 2, x_stride: blocks, tokens: 1,
      terms: terms.memory.assumingMemoryBound(to: ck_coarse_term.self), known: known,
      out: floats, out_stride: 16, tops: floats + 18)
    return try withExtendedLifetime((weights, input, terms, output)) {
      try count(&work) { table.multiply_coarse?(&$0, 0, 16) }
    }
  }

  /// 32 rows of 384 bytes, none of which reaches the threshold.
  private static func scan(_ kernels: ck_code_kernels, queries: Int) throws -> Int {
    let (rows, columns) = (32, 384)
    let codes = Zeros(rows * columns), values = Zeros(columns), facts = Zeros(rows * 3 * 4)
    let hits = Zeros(queries * rows * MemoryLayout<ck_code_hit>.stride)
    let counts = Zeros(queries * 4)
    var query = ck_code_query()
    query.values = UnsafePointer(values.memory.assumingMemoryBound(to: Int8.self))
    query.threshold = .infinity
    let coded = ck_code_rows(
      codes: codes.memory.assumingMemoryBound(to: UInt8.self),
      facts: facts.memory.assumingMemoryBound(to: Float.self), groups: columns / 4)
    let questions = [ck_code_query](repeating: query, count: queries)
    return try questions.withUnsafeBufferPointer { questions in
      try withExtendedLifetime((codes, values, facts, hits, counts)) {
        var work = coded
        return try count(&work) { rows in
          kernels.scan(
            &rows, 0, 2, questions.baseAddress, queries, nil,
            hits.memory.assumingMemoryBound(to: ck_code_hit.self), 32,
            counts.memory.assumingMemoryBound(to: UInt32.self), nil)
        }
      }
    }
  }

  private final class Call {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  private final class Zeros {
    let memory: UnsafeMutableRawPointer
    init(_ count: Int) {
      memory = .allocate(byteCount: count, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
    deinit { memory.deallocate() }
  }

  /// Instructions of `body`, which is called once before it is counted.
  private static func count<Work>(
    _ work: inout Work, _ body: @escaping (inout Work) -> Void
  ) throws -> Int {
    let state = UnsafeMutablePointer<Work>.allocate(capacity: 1)
    state.initialize(to: work)
    defer {
      state.deinitialize(count: 1)
      state.deallocate()
    }
    let call = Call { body(&state.pointee) }
    let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
      if let call = $0 { Unmanaged<Call>.fromOpaque(call).takeUnretainedValue().body() }
    }
    let steps = withExtendedLifetime(call) {
      let context = Unmanaged.passUnretained(call).toOpaque()
      // Once as it will be counted: functions are bound when they are first called.
      run(context)
      return cstepper_count(run, context, 2_000_000)
    }
    try #require(steps >= 0, "ptrace says \(steps): see cstepper.h")
    return steps
  }

  private static func record() throws -> [String: Int] {
    let file = try #require(
      Bundle.module.url(forResource: "Fixtures/instructions", withExtension: "csv"))
    let text = try String(contentsOf: file, encoding: .utf8)
    var known: [String: Int] = [:]
    for line in text.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: ",")
      guard fields.count == 3, let count = Int(fields[2]) else { continue }
      known["\(fields[0]),\(fields[1])"] = count
    }
    return known
  }
}
