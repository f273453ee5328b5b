import CSQLite

/// One numbered step in the history of a schema. Steps are only ever appended: a released step never
/// changes, because databases that ran it exist.
package struct Migration: Sendable {
  package let version: Int64
  package let name: String
  package let sql: String
  /// What SQL alone cannot do, after it.
  let then: (@Sendable (Connection) throws -> Void)?

  package init(
    _ version: Int64, _ name: String, _ sql: String,
    then: (@Sendable (Connection) throws -> Void)? = nil
  ) {
    self.version = version
    self.name = name
    self.sql = sql
    self.then = then
  }
}

extension Connection {
  /// The schema's version, SQLite's `user_version`; 0 in a new file.
  package func schemaVersion() throws(DatabaseError) -> Int64 {
    try integer("PRAGMA user_version") ?? 0
  }

  /// Brings the schema to the newest of `migrations`, all steps in one transaction.
  ///
  /// - Parameters:
  ///   - migrations: in ascending order of version, from 1.
  ///   - application: the `application_id` that marks our files.
  /// - Throws: `.foreignFile` for another program's database, `.newerSchema` for one written by a
  ///   newer version of this program; neither is changed.
  package func migrate(_ migrations: [Migration], application: Int64) throws {
    try checkSchema(migrations, application: application)
    let newest = migrations.last?.version ?? 0
    guard try schemaVersion() < newest else { return }
    try transaction {
      // Another process may have been faster.
      let current = try schemaVersion()
      for step in migrations where step.version > current {
        try execute(step.sql)
        try step.then?(self)
      }
      if current < newest {
        try execute("PRAGMA user_version=\(newest)")
        try execute("PRAGMA application_id=\(application)")
      }
    }
  }

  /// Refuses a database that is not ours or is newer than `migrations`; changes nothing.
  package func checkSchema(_ migrations: [Migration], application: Int64) throws(DatabaseError) {
    let found = try integer("PRAGMA application_id") ?? 0
    let version = try schemaVersion()
    let newest = migrations.last?.version ?? 0
    if found != application {
      let tables = try integer("SELECT count(*) FROM sqlite_schema") ?? 0
      if found != 0 || version != 0 || tables != 0 {
        throw DatabaseError(
          .foreignFile,
          "\(path) is a database of another program (application id \(found), expected "
            + "\(application)). Choose another index folder.", path: path)
      }
    }
    if version > newest {
      throw DatabaseError(
        .newerSchema,
        "\(path) has format version \(version), this program knows up to \(newest). Use a newer "
          + "carrel, or another index folder.", path: path)
    }
  }
}
