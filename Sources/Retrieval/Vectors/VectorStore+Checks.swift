import Database
import Glibc
import Storage

extension VectorStore {
  /// Bytes of the files that count.
  static func byteCount(_ connection: Connection) throws -> Int {
    guard try connection.schemaVersion() >= 2 else { return 0 }
    let folder = folder(of: connection)
    return try rows(connection).reduce(0) {
      $0 + (FileStatus(path: path($1.number, in: folder))?.size ?? 0)
    }
  }

  /// A row of the table `segment` with its file, or a sentence why there is none.
  struct Opened {
    let row: Row
    let segment: VectorSegment?
    let problem: String
  }

  /// The files that count, which stay readable from here on whatever becomes of them.
  static func openAll(_ connection: Connection) throws -> [Opened] {
    guard try connection.schemaVersion() >= 2 else { return [] }
    let folder = folder(of: connection)
    let embedder = try embedderDigest(connection)
    return try rows(connection).map { row in
      do {
        return Opened(
          row: row, segment: try open(row, in: folder, embedder: embedder), problem: "")
      } catch {
        return Opened(row: row, segment: nil, problem: "\(error)")
      }
    }
  }

  /// Compares files and tables, row by row; reads every byte. A sentence for each disagreement.
  static func problems(_ connection: Connection, _ files: [Opened]) throws -> [String] {
    guard try connection.schemaVersion() >= 2 else { return [] }
    var problems: [String] = []
    var living: [Int64] = []
    for file in files {
      guard let segment = file.segment else {
        problems.append(file.problem)
        continue
      }
      if let damage = segment.damage() {
        problems.append(
          "\(damage.subject) is damaged. Delete it and run `carrel index refresh`: its vectors are "
            + "made anew.")
      }
      let alive = file.row.dead.withUnsafeBytes { RowMask(rows: segment.rows, dead: $0) }
      for index in 0..<segment.rows where alive.isShown(index) { living.append(segment.ids[index]) }
    }
    let unmoved = try connection.statement("SELECT id FROM unmoved")
    while try unmoved.step() { living.append(unmoved.integer(0)) }
    unmoved.reset()
    living.sort()
    var next = 0
    var missing = 0
    var extra = 0
    let ids = try connection.statement("SELECT id FROM embedding ORDER BY id")
    while try ids.step() {
      let id = ids.integer(0)
      while next < living.count, living[next] < id { (next, extra) = (next + 1, extra + 1) }
      if next < living.count, living[next] == id { next += 1 } else { missing += 1 }
    }
    ids.reset()
    extra += living.count - next
    if missing > 0 { problems.append("\(missing) vectors lie in no file.") }
    if extra > 0 { problems.append("\(extra) vectors in files are not in the database.") }
    return problems
  }
}
