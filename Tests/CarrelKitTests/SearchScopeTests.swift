import CarrelKit
import FoundationEssentials
import Retrieval
import Testing

@Suite("Which documents are searched")
struct SearchScopeTests {
  @Test(
    "Days are read as people write them",
    arguments: [
      // seconds of `date -u -d … +%s`, less those of 1970-01-02
      ("2026-05-01", 1_777_507_200), ("2300-01-01", 10_413_705_600),
      ("9999-12-31", 253_402_128_000),
    ])
  func days(text: String, seconds: Double) throws {
    let day = try #require(Moment.parse(text))
    let second = try #require(Moment.parse("1970-01-02"))
    // Whatever the zone of this machine: its clock may be put forward in summer.
    #expect(abs(day.timeIntervalSince(second) - seconds) <= 7200)
  }

  @Test("A time before or after every document is one all or none were changed since")
  func far() throws {
    func since(_ text: String) throws -> Int64? {
      let date: Date = try #require(Moment.parse(text))
      return SearchScope(since: date).filter.since
    }
    #expect(try since("9999-12-31") == .max && since("2300-01-01") == .max)
    #expect(try since("999999w") == .min && since("999999d") == .min)
    #expect(
      SearchScope(since: Date(timeIntervalSince1970: 1_777_593_600)).filter.since
        == 1_777_593_600_000_000_000)
    for text in ["9999-12-31", "999999w"] {
      let date: Date = try #require(Moment.parse(text))
      #expect(SearchScope(since: date).words.contains("changed since"))
    }
  }
}
