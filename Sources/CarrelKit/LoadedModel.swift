import Compute
import Conversation
import FoundationEssentials
import Inference
import Tokenization

/// A network ready to answer: shared, immutable.
struct LoadedModel: Sendable {
  let id: String
  let network: DecoderModel
  let engine: Engine
  let family: ChatFamily
  /// Tokens of the window sessions are opened with.
  let context: Int

  init(id: String, network: DecoderModel, engine: Engine, context: Int) {
    self.id = id
    self.network = network
    self.engine = engine
    self.context = context
    self.family = ChatFamily.detect(
      template: network.chatTemplate, architecture: network.configuration.architecture,
      tokenizer: network.tokenizer)
  }

  /// Opens the network that was chosen, in the context the gate allows.
  static func open(_ choice: ModelChoice, engine: Engine) throws -> LoadedModel {
    let network = try DecoderModel.open(path: choice.path)
    let context = min(choice.context, network.configuration.contextLength)
    return LoadedModel(id: choice.id, network: network, engine: engine, context: context)
  }

  var tokenizer: any Tokenizer { network.tokenizer }

  /// How this model writes a conversation under these options.
  func format(_ options: AskOptions) throws -> any ChatFormat {
    var chat = ChatOptions()
    chat.effort = ReasoningEffort(rawValue: options.effort.rawValue) ?? .medium
    chat.date = Self.today()
    chat.stopStrings = options.stopStrings
    if options.offersSearchTool { chat.tools = [SearchTool.definition] }
    return try family.makeFormat(
      tokenizer: tokenizer, template: network.chatTemplate, options: chat)
  }

  /// `YYYY-MM-DD`, UTC.
  private static func today() -> String {
    String(Date.now.ISO8601Format().prefix(10))
  }
}
