// The system's SQLite. Macros and variadic functions that Swift cannot import get inline shims here.
#ifndef CARREL_CSQLITE_H
#define CARREL_CSQLITE_H
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast Swift cannot express: SQLite copies the value before returning.
static inline int carrel_bind_text(sqlite3_stmt *statement, int index, const char *text, int bytes) {
  return sqlite3_bind_text(statement, index, text, bytes, SQLITE_TRANSIENT);
}
static inline int carrel_bind_blob(sqlite3_stmt *statement, int index, const void *data, sqlite3_uint64 bytes) {
  return sqlite3_bind_blob64(statement, index, data, bytes, SQLITE_TRANSIENT);
}

// Memory statistics take a global lock for every allocation, and nothing reads them. Has an effect
// only before the library's first use (https://sqlite.org/c3ref/c_config_covering_index_scan.html).
static inline int carrel_without_memory_statistics(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
#endif
