import CarrelKit
import Retrieval
import Testing

@Suite("Which passages are worth showing to a model")
struct RelevanceTests {
  private func hit(_ text: String, cosine: Double?) -> SearchReport.Hit {
    SearchReport.Hit(
      rank: 1, path: "codes.txt", lines: 1...1, bytes: 0..<text.utf8.count, score: 1,
      lexicalRank: 1, semanticRank: nil, cosine: cosine, text: text)
  }

  @Test(
    "A passage unlike the question passes with every telling word of it, however politely asked",
    arguments: [
      ("E1047", true), ("What does E1047 mean?", true),
      ("Hello, could you please tell me what E1047 is? Thanks in advance!", true),
      ("Hello, could you please tell me what E1048 is?", false),
    ])
  func courtesy(question: String, passes: Bool) {
    let hits = [hit("E1047: the mean pressure is too high.", cosine: 0.05)]
    #expect(Relevance.passing(hits, question: question).isEmpty == !passes)
  }

  @Test(
    "By words alone, a passage in a script without spaces needs a fifth of the question's telling pairs",
    arguments: [
      ("数据库索引", true), ("数据库的索引快吗？", true), ("索引是什么？", true), ("猫", false),
      ("怎样在春天给花园里的玫瑰浇水？", false), ("记录在哪里？", true), ("データベースの猫", false),
    ])
  func unspaced(question: String, passes: Bool) {
    let hits = [hit("这个数据库的索引很快，能找到一条记录。", cosine: nil)]
    #expect(Relevance.passing(hits, question: question).isEmpty == !passes)
    // Where letters are spaced nothing changes.
    #expect(!Relevance.passing([hit("an index", cosine: nil)], question: "index of").isEmpty)
  }

  @Test(
    "Two letters of a script without spaces count as a word where questions are told from follow-ups"
  )
  func followUps() {
    #expect(!FollowUp.isFollowUp("数据库的索引怎样加快查询的速度？"))
    #expect(!FollowUp.isFollowUp("トマトの苗はいつ外に植えますか？"))
    #expect(FollowUp.isFollowUp("猫呢？"))
    #expect(!FollowUp.isFollowUp("How does an index speed up queries?"))
  }

  @Test("Sentences end at full-width marks, and what closes a quote stays with them")
  func sentences() {
    let text = "他说：「数据库很快。」索引呢？（很小！）对｡完"
    #expect(
      SentenceSplitter.sentences(text).map { String(text[$0]) } == [
        "他说：「数据库很快。」", "索引呢？", "（很小！）", "对｡", "完",
      ])
  }
}
