import Foundation
import Inference
import Testing
import Tokenization

/// Choices of the sampler: known answers, distributions, and bad input.
@Suite struct SamplerTests {
  static func sample(
    _ logits: [Float], _ settings: SamplerSettings, times: Int = 1, history: [TokenID] = []
  ) -> [TokenID] {
    var sampler = Sampler(settings)
    return (0..<times).map { _ in
      logits.withUnsafeBufferPointer { sampler.sample($0, history: history[...]) }
    }
  }

  static func plain(
    temperature: Float = 1, topK: Int = 0, topP: Float = 1, minP: Float = 0, penalty: Float = 1,
    seed: UInt64 = 1
  ) -> SamplerSettings {
    SamplerSettings(
      temperature: temperature, topK: topK, topP: topP, minP: minP, repetitionPenalty: penalty,
      seed: seed)
  }

  @Test("SplitMix64 gives its published sequence")
  func randomSource() {
    var random = RandomSource(seed: 1_234_567)
    #expect(
      (0..<5).map { _ in random.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
  }

  @Test("Temperature 0 takes the highest logit, the lower id of equals")
  func greedy() {
    #expect(Self.sample([1, 5, 5, 2], .greedy) == [1])
    #expect(Self.sample([-3, -1, -2], .greedy) == [1])
  }

  @Test(
    "Draws follow the softmax at a temperature (chi-square)", arguments: [0.5, 1, 2] as [Float])
  func distribution(temperature: Float) {
    let logits: [Float] = [0.3, 1.7, -0.4, 0.9, 2.2, -1.5]
    let times = 20_000
    let draws = Self.sample(logits, Self.plain(temperature: temperature), times: times)
    let total = logSumExp(logits.map { $0 / temperature })
    var square = 0.0
    for (id, logit) in logits.enumerated() {
      let expected = exp(Double(logit / temperature) - total) * Double(times)
      let found = Double(draws.count { $0 == TokenID(id) })
      square += (found - expected) * (found - expected) / expected
    }
    // 5 degrees of freedom: 20.5 is exceeded once in a thousand seeds.
    #expect(square < 20.5)
  }

  @Test("Equal seeds give equal draws, others do not")
  func seeds() {
    let logits = (0..<50).map { Float($0 % 7) / 3 }
    let a = Self.sample(logits, Self.plain(seed: 42), times: 100)
    #expect(Self.sample(logits, Self.plain(seed: 42), times: 100) == a)
    #expect(Self.sample(logits, Self.plain(seed: 43), times: 100) != a)
  }

  @Test("Top-k draws only from the k highest, the lower ids of equals")
  func topK() {
    let logits: [Float] = [1, 3, 2, 3, 3, 0]
    #expect(Set(Self.sample(logits, Self.plain(topK: 2), times: 500)) == [1, 3])
    #expect(Set(Self.sample(logits, Self.plain(topK: 4), times: 2000)) == [1, 2, 3, 4])
    #expect(Set(Self.sample(logits, Self.plain(topK: 1), times: 50)) == [1])
  }

  @Test("Top-p keeps the smallest set of likely tokens that reaches the sum")
  func topP() {
    // Probabilities 0.5, 0.3, 0.15, 0.05.
    let logits = [0.3, 0.5, 0.05, 0.15].map { log(Float($0)) }
    #expect(Set(Self.sample(logits, Self.plain(topP: 0.49), times: 500)) == [1])
    #expect(Set(Self.sample(logits, Self.plain(topP: 0.6), times: 500)) == [0, 1])
    #expect(Set(Self.sample(logits, Self.plain(topP: 0.9), times: 2000)) == [0, 1, 3])
    #expect(Set(Self.sample(logits, Self.plain(topP: 0), times: 50)) == [1])
  }

  @Test("Min-p keeps tokens at least a fraction as likely as the likeliest")
  func minP() {
    let logits = [0.3, 0.5, 0.05, 0.15].map { log(Float($0)) }
    #expect(Set(Self.sample(logits, Self.plain(minP: 0.5), times: 500)) == [0, 1])
    #expect(Set(Self.sample(logits, Self.plain(minP: 0.25), times: 2000)) == [0, 1, 3])
    #expect(Set(Self.sample(logits, Self.plain(minP: 1), times: 50)) == [1])
  }

  @Test("The repetition penalty lowers recent tokens, whatever the sign of their logits")
  func penalty() {
    let settings = Self.plain(temperature: 0, penalty: 2)
    #expect(Self.sample([3, 2, 0], settings, history: [0]) == [1])
    #expect(Self.sample([-1, -1.5, -9], settings, history: [0, 0]) == [1])
    #expect(Self.sample([3, 2, 0], settings, history: []) == [0])
    var short = settings
    short.repetitionWindow = 1
    #expect(Self.sample([3, 2, 0], short, history: [0, 2]) == [0])
    #expect(Self.sample([3, 2, 0], settings, history: [-5, 99, 1]) == [0])
  }

  @Test(
    "The highest logit is found at every place of vocabularies of 1 to 50, equals and NaN around it"
  )
  func everyPlace() {
    for count in 1...50 {
      for place in 0..<count {
        var logits = (0..<count).map { $0 % 3 == 0 ? Float.nan : -Float($0 % 7) - 1 }
        logits[place] = 0
        #expect(Self.sample(logits, .greedy) == [TokenID(place)])
        #expect(Self.sample(logits, Self.plain(temperature: 1e-3)) == [TokenID(place)])
        logits[count - 1] = 0  // the lower of two equals
        #expect(Self.sample(logits, .greedy) == [TokenID(place)])
        #expect(Self.sample(logits, Self.plain(topK: 1)) == [TokenID(place)])
      }
    }
  }

  @Test("Numbers that are none are never chosen, and a vector of them gives token 0")
  func notNumbers() {
    let nan = Float.nan
    for settings in [SamplerSettings.greedy, Self.plain(), Self.plain(topK: 2)] {
      #expect(Set(Self.sample([nan, 1, nan, -.infinity], settings, times: 20)) == [1])
      #expect(Self.sample([nan, nan], settings) == [0])
      #expect(Self.sample([-.infinity, -.infinity], settings) == [0])
      #expect(Self.sample([1, .infinity, 2], settings) == [1])
    }
  }

  @Test("Settings outside their range do no harm")
  func strangeSettings() {
    let logits: [Float] = [1, 2, 3]
    for settings in [
      Self.plain(temperature: .nan), Self.plain(temperature: -1), Self.plain(topK: -3),
      Self.plain(topP: -1), Self.plain(topP: .nan), Self.plain(minP: 7), Self.plain(penalty: 0),
      Self.plain(temperature: 1e-30), Self.plain(temperature: 1e30),
    ] {
      for id in Self.sample(logits, settings, times: 20, history: [1]) {
        #expect((0...2).contains(id))
      }
    }
  }
}
