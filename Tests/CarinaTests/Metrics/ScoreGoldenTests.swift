import Carina
import Testing

@Suite struct ScoreGoldenTests {
  @Test("every metric has the digits of its reference scorer, on every set of fixtures")
  func digits() throws {
    let answers = try EvaluationGoldens.answers()
    let sets = try #require(try EvaluationGoldens.read("scores")["sets"]?.array)
    #expect(sets.count > 20)
    for set in sets {
      let name = try #require(set["name"]?.string)
      let rows = (set["answers"]?.array ?? []).compactMap(\.int)
      #expect(!rows.isEmpty)
      let report = MetricSuite.standard.evaluate(rows.map { answers[$0] }, replicates: 0)
      let scores = try #require(set["scores"]?.object)
      #expect(Set(report.metrics.keys) == Set(scores.keys), "\(name)")
      for (metric, expected) in scores {
        let expected = try #require(expected.double)
        let found = try #require(report.metrics[metric]?.value)
        #expect(
          abs(found - expected) <= 1e-12 * max(1, abs(expected)), "\(metric) of \(name): \(found), not \(expected)")
        #expect(report.signatures[metric] != nil)
      }
    }
  }

  @Test("captions are cut as the Java tokenizer and the COCO evaluation cut them")
  func pennTreebank() throws {
    for line in try #require(try EvaluationGoldens.read("tokens").array) {
      let text = try #require(line["text"]?.string)
      let expected = try #require(line["ptb"]?.string)
      #expect(PennTreebankTokenizer.caption(text).utf8.elementsEqual(expected.utf8), "\(text)")
    }
  }

  @Test("13a tokens and ROUGE tokens are those of sacrebleu and rouge_score")
  func otherTokens() throws {
    for line in try #require(try EvaluationGoldens.read("tokens").array) {
      let text = try #require(line["text"]?.string)
      #expect(Tokenizer13a.tokens(text) == EvaluationGoldens.strings(line["13a"]), "\(text)")
      #expect(RougeTokenizer.tokens(text, stemmed: false) == EvaluationGoldens.strings(line["rouge"]), "\(text)")
      #expect(RougeTokenizer.tokens(text, stemmed: true) == EvaluationGoldens.strings(line["rouge-stem"]), "\(text)")
    }
  }

  @Test("the stemmer agrees with NLTK's on words that reach each of its rules")
  func stems() throws {
    let stems = try #require(try EvaluationGoldens.read("stems").object)
    #expect(stems.count > 150)
    for (word, stem) in stems { #expect(PorterStemmer.stem(word) == stem.string, "\(word)") }
  }
}
