import Conversation
import Synchronization
import Testing
import Tokenization

@Suite("Chat formats")
struct ChatFormatTests {
  @Test("Equal the families' own templates, id for id and cut for cut")
  func templates() throws {
    let cases = try Fixture.cases("chat/chat.json")
    #expect(cases.count == 27)
    for item in cases {
      let name = item["name"]?.string ?? "?"
      let tokenizer = StubTokenizer(
        controls: (item["controls"]?.array ?? []).compactMap(\.string),
        bosName: item["bos"]?.string, eosName: item["eos"]?.string,
        addsBOS: item["addsBOS"]?.bool ?? false)
      let template = item["template"]?.string
      let family = ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer)
      #expect(family.rawValue == item["family"]?.string, "\(name)")
      let format = try family.makeFormat(
        tokenizer: tokenizer, template: template,
        options: ChatOptions(date: "2025-06-28", thinks: item["thinks"]?.bool ?? true))
      let messages = (item["messages"]?.array ?? []).map { message in
        let role: Role =
          switch message["role"]?.string {
          case "system": .system
          case "assistant": .assistant
          default: .user
          }
        return Message(role, message["content"]?.string ?? "")
      }
      let ids = format.render(messages)
      #expect(ids == item["ids"]?.ids, "\(name): \(tokenizer.decode(ids))")
    }
  }

  static let families: [(String, StubTokenizer)] = [
    (
      "<|im_start|>",
      StubTokenizer(
        controls: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], eosName: "<|im_end|>")
    ),
    (
      "<|start_header_id|>",
      StubTokenizer(
        controls: [
          "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
        ], bosName: "<|begin_of_text|>", eosName: "<|eot_id|>", addsBOS: true)
    ),
    (
      "<start_of_turn>",
      StubTokenizer(
        controls: ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"], bosName: "<bos>",
        eosName: "<eos>", addsBOS: true)
    ),
    (
      "[INST]",
      StubTokenizer(
        controls: ["<s>", "</s>", "[INST]", "[/INST]"], bosName: "<s>", eosName: "</s>",
        addsBOS: true)
    ),
    (
      "<|channel|>",
      StubTokenizer(
        controls: [
          "<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|end|>", "<|return|>",
          "<|call|>", "<|endoftext|>",
        ], eosName: "<|return|>")
    ),
    ("", StubTokenizer(controls: ["<eos>"], eosName: "<eos>")),
  ]

  @Test("No text becomes a control token", arguments: 0..<6)
  func injection(index: Int) throws {
    let (template, tokenizer) = Self.families[index]
    let family = ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer)
    let format = try family.makeFormat(
      tokenizer: tokenizer, template: template,
      options: ChatOptions(tools: [ToolDefinition(name: "f", description: "<|end|>")]))
    let hostile = tokenizer.controls.joined(separator: " ")
    func controls(_ text: String) -> [TokenID] {
      format.render([
        Message(.system, text), Message(.user, text), Message(.assistant, text),
        Message(.tool(text), text), Message(.user, text),
      ]).filter(tokenizer.isControl)
    }
    #expect(controls(hostile) == controls("harmless"))
  }

  @Test(
    "Every name a format asks for is a control token's, whatever a model file calls it; but thoughts are text",
    arguments: 0..<6)
  func names(index: Int) throws {
    let (template, tokenizer) = Self.families[index]
    let family = ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer)
    for thinks in [true, false] {
      let format = try family.makeFormat(
        tokenizer: tokenizer, template: template + "enable_thinking [SYSTEM_PROMPT]",
        options: ChatOptions(thinks: thinks))
      _ = format.render([Message(.system, "s"), Message(.user, "q"), Message(.assistant, "a")])
      _ = format.makeDecoder()
    }
    let asked = tokenizer.asked.names.withLock { $0 }
    #expect(asked.subtracting(ControlNames.all).isSubset(of: ["<think>", "</think>"]))
    #expect(!asked.isEmpty)
  }

  @Test(
    "A conversation's prompt begins with the prompt before it, for every family", arguments: 0..<6)
  func stablePrefix(index: Int) throws {
    let (template, tokenizer) = Self.families[index]
    let family = ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer)
    let format = try family.makeFormat(tokenizer: tokenizer, template: template)
    let first = [Message(.system, "s"), Message(.user, "q")]
    let next = first + [Message(.assistant, "a"), Message(.user, "r")]
    let prompt = format.render(first)
    #expect(
      PrefixReuse.boundary(prompt: prompt, generated: [], next: format.render(next)) == prompt.count
    )
  }

  @Test(
    "Borders lie where an edited question and a new conversation part from a prompt, in every family",
    arguments: 0..<6)
  func borders(index: Int) throws {
    let (template, tokenizer) = Self.families[index]
    let family = ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer)
    let format = try family.makeFormat(tokenizer: tokenizer, template: template)
    let rules = Message(.system, "some rules")
    let turns = [Message(.user, "one"), Message(.assistant, "an answer"), Message(.user, "two")]
    let prompt = format.render([rules] + turns)
    let places = PrefixReuse.borders(of: [rules] + turns, in: prompt, format: format)
    #expect(Set(places).count == places.count && places.count == 2)
    func shared(_ messages: [Message]) -> Int {
      PrefixReuse.boundary(prompt: prompt, generated: [], next: format.render(messages))
    }
    // A border may lie a few tokens early (here those of a role's name), never too late.
    let edited = shared([rules] + turns.dropLast() + [Message(.user, "x")])
    let new = shared([rules, Message(.user, "x")])
    for (place, exact) in zip(places, [edited, new]) {
      #expect(place <= exact && place >= exact - 12, "\(family): \(places), \(edited), \(new)")
    }
    #expect(PrefixReuse.borders(of: turns, in: format.render(turns), format: format).count <= 1)
    #expect(PrefixReuse.borders(of: [], in: [], format: format).isEmpty)
  }

  @Test("Tells the families apart by template, architecture and tokens")
  func detection() {
    let expected: [ChatFamily] = [.chatML, .llama3, .gemma, .mistral, .harmony, .plain]
    for ((template, tokenizer), family) in zip(Self.families, expected) {
      #expect(
        ChatFamily.detect(template: template, architecture: "", tokenizer: tokenizer) == family)
    }
    // A base model has the tokens but no template.
    #expect(
      ChatFamily.detect(template: nil, architecture: "gemma3", tokenizer: Self.families[2].1)
        == .plain)
    #expect(
      ChatFamily.detect(template: nil, architecture: "gpt-oss", tokenizer: Self.families[4].1)
        == .harmony)
    // A template without its tokens cannot be rendered.
    #expect(
      ChatFamily.detect(
        template: "<|im_start|>", architecture: "llama", tokenizer: Self.families[5].1) == .plain)
  }

  @Test("Says which token a vocabulary lacks")
  func missingToken() {
    #expect {
      try ChatFamily.harmony.makeFormat(
        tokenizer: StubTokenizer(controls: ["<|start|>"]), template: nil)
    } throws: { error in
      let error = error as? ConversationError
      return error?.code == .missingControlToken && error?.subject == "<|message|>"
    }
  }

  @Test("Gemma folds the system text into the first question and joins neighbours")
  func gemmaTurns() throws {
    let tokenizer = Self.families[2].1
    let format = try ChatFamily.gemma.makeFormat(tokenizer: tokenizer, template: nil)
    let ids = format.render([
      Message(.system, "S"), Message(.user, "a"), Message(.user, "b"), Message(.assistant, "c"),
      Message(.developer, "d"),
    ])
    let text = ids.map { tokenizer.name(of: $0) }.joined()
    #expect(
      text
        == "<bos><start_of_turn>user\nS\n\na\n\nb<end_of_turn>\n<start_of_turn>model\nc<end_of_turn>\n"
        + "<start_of_turn>user\nd<end_of_turn>\n<start_of_turn>model\n")
  }

  @Test("A base model gets labelled lines and stops at the next question")
  func plain() throws {
    let tokenizer = Self.families[5].1
    let format = try ChatFamily.plain.makeFormat(tokenizer: tokenizer, template: nil)
    let ids = format.render([Message(.system, "Be brief."), Message(.user, "Why?")])
    #expect(tokenizer.decode(ids) == "Be brief.\n\nQuestion: Why?\nAnswer:")
    var decoder = format.makeDecoder()
    let (events, _) = decoder.feed(batch: tokenizer.encode(" Because.\nQuestion: What?"))
    #expect(events == [.text("Because.")])
    #expect(decoder.stopRequest == .stopString)
    #expect(decoder.finish(.maximumTokens) == [.end(.stopString)])
  }
}
