import TestSupport
import Testing

import Retrieval

@Suite("What is said to a person is not searched for")
struct CourtesyTests {
  @Test(
    "A greeting, a request and thanks go",
    arguments: [
      (
        "Hello, I was wondering if you could please tell me how to sort a list",
        "how to sort a list"
      ),
      ("Please tell me sort list", "sort list"),
      (
        "Hey, can anyone tell me why is the sky blue? Thanks a lot in advance!",
        "why is the sky blue?"
      ),
      ("I'm looking for information about wing flutter", "wing flutter"),
      ("Would you mind telling me what a mutex is?", "what a mutex is?"),
      (
        "Dear Sir or Madam, would you be so kind as to let me know where the keys are. Thank you very "
          + "much for your help.", "where the keys are."
      ),
      ("Could you give me the boiling point of water, please?", "boiling point of water"),
      ("sort list please", "sort list"),
    ])
  func goes(asked: String, searched: String) {
    #expect(Courtesy.removed(from: asked) == searched)
    #expect(Courtesy.removed(from: searched) == searched)
  }

  @Test(
    "What may be about something stays",
    arguments: [
      "", "   ", "?!", "please", "Thank you", "Hello", "let me see", "Tell me why", "Help me!",
      "How do I find my keys?", "find max in list", "show tables", "A Hello World Program",
      "how can you tell if a dog is ill", "can you give a dog rice", "do I need a visa for France",
      "can I give my dog rice", "how to say thank you", "email that says thanks",
      "\"please call me\" lyrics", "has anyone investigated heat transfer",
      "what I want to know", "someone who leads others", "Bitte sagen Sie mir, wo das steht",
      "où est la gare s'il vous plaît", "error: could not let me_know()",
    ])
  func stays(question: String) {
    #expect(Courtesy.removed(from: question) == question)
  }

  @Test("Words are cut where they were, whatever marks they carry")
  func cutsWords() {
    #expect(
      Courtesy.removed(from: "Please tell me: Cafe\u{301} 👩‍👩‍👧 Zürich") == "Cafe\u{301} 👩‍👩‍👧 Zürich")
    #expect(QueryTerms("Cafe\u{301}, ZÜRICH x_1").words == ["cafe\u{301}", "zürich", "x", "1"])
  }

  @Test("A greeted question finds what the question finds", arguments: SearchMode.allCases)
  func findsTheSame(mode: SearchMode) async throws {
    let folder = TemporaryFolder()
    folder.write("a.txt", "Sort a list of names by their length.")
    folder.write("b.txt", "Please say hello to everybody and thank them for the help they gave.")
    folder.write("c.txt", "A list of greetings: hello, good morning, dear madam.")
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: WordEmbedder()).summary()
    let service = try SearchService(index: index, embedder: WordEmbedder())
    let plain = try await service.search("how to sort a list?", limit: 3, mode: mode)
    let greeted = try await service.search(
      "Hello, could you please tell me how to sort a list? Thanks!", limit: 3, mode: mode)
    #expect(plain.first?.path.hasSuffix("a.txt") == true)
    #expect(plain.map(\.path) == greeted.map(\.path))
  }
}
