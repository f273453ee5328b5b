import Compute
import Conversation
import FoundationEssentials
import Inference
import Storage
import Tokenization

/// A network ready to answer: shared, immutable.
struct LoadedModel: Sendable {
  let id: String
  let network: DecoderModel
  let engine: Engine
  /// What its timelines keep keys and values in.
  let cache: CacheElement
  let family: ChatFamily
  /// Tokens of the window sessions are opened with.
  let context: Int
  /// Reads the weights into memory in the background.
  let warmUp: WarmUp
  /// What the user should know: weights that were to be locked in memory and could not be, a chat
  /// format that is not known.
  private(set) var notices: [String]

  init(
    id: String, network: DecoderModel, engine: Engine, cache: CacheElement, context: Int,
    notices: [String]
  ) {
    self.warmUp = WarmUp(
      first: { network.prefetch(engine.kernels) }, network.stretches(engine.kernels),
      then: network.releaseHeaders)
    self.notices = notices
    self.id = id
    self.network = network
    self.engine = engine
    self.cache = cache
    self.context = context
    self.family = ChatFamily.detect(
      template: network.chatTemplate, architecture: network.configuration.architecture,
      tokenizer: network.tokenizer)
  }

  /// Opens the network that was chosen, in the context the gate allows.
  ///
  /// - Parameter locking: keep the weights from leaving memory (`mlock`). Where the kernel does not
  ///   allow it the model is used all the same, with a notice.
  static func open(
    _ choice: ModelChoice, engine: Engine, cache: CacheElement, locking: Bool
  ) throws -> LoadedModel {
    let network = try DecoderModel.open(path: choice.path)
    var notices = choice.notices
    if locking {
      do { for file in network.mappings { try file.lock() } } catch {
        notices.append("\(error.description). The model runs without.")
      }
    }
    var model = LoadedModel(
      id: choice.id, network: network, engine: engine, cache: cache,
      context: min(choice.context, network.configuration.contextLength), notices: notices)
    if model.family == .plain, network.chatTemplate?.isEmpty == false {
      model.notices.append(
        "Carrel does not know the chat template of \(choice.id) and prompts it like a base model: "
          + "its answers may be poor.")
    }
    return model
  }

  var tokenizer: any Tokenizer { network.tokenizer }

  /// An empty timeline of at most `context` tokens.
  func makeTimeline(context: Int) throws -> DecodingSession {
    try DecodingSession(model: network, engine: engine, context: context, cache: cache)
  }

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
