import CarrelKit
import Registry
import Testing

@Suite("What is told of a download")
struct PullEventTests {
  @Test("That a file waits for another process is one sentence, whoever was found to hold it")
  func waiting() {
    for holder in ["another process is using it", "process 7 on desk is fetching it"] {
      guard case .waiting(let words)? = PullEvent(.waiting(path: "model.gguf", holder: holder))
      else {
        Issue.record("expected to be told of a wait")
        continue
      }
      #expect(words == "model.gguf: \(holder)")
    }
  }
}
