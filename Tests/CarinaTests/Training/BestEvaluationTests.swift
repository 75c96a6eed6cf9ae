import TestSupport
import Testing

import Carina

@Suite("The best validation, and stopping early") struct BestEvaluationTests {
  @Test("a lower loss or a higher accuracy is better, and an equal one is not")
  func direction() {
    var loss = BestEvaluation(), accuracy = BestEvaluation(metric: .closedAccuracy)
    let losses = [2, 1.5, 1.5, 1.7].enumerated().map { loss.note($0.element, step: $0.offset + 1) }
    #expect(losses == [true, true, false, false])
    #expect(loss.value == 1.5 && loss.step == 2 && !loss.isExhausted)
    let accuracies = [0.2, 0.1, 0.3].enumerated().map { accuracy.note($0.element, step: $0.offset + 1) }
    #expect(accuracies == [true, false, true])
    #expect(accuracy.value == 0.3 && accuracy.step == 3)
  }

  @Test("validations without improvement are counted in a row; a small improvement is a best and yet counts as none")
  func patience() {
    var best = BestEvaluation(patience: 2, delta: 0.1)
    best.note(2, step: 1)
    let isBest = best.note(1.95, step: 2)
    #expect(isBest && best.countWithout == 1 && !best.isExhausted)
    best.note(1.5, step: 3)
    #expect(best.countWithout == 0)
    best.note(1.45, step: 4)
    #expect(best.step == 4 && !best.isExhausted)
    let isNil = best.note(nil, step: 5)
    #expect(!isNil && best.isExhausted && best.step == 4)
  }

  @Test("a checkpoint keeps all of it, and of a run without these settings what it always kept")
  func state() throws {
    for metric in BestMetric.allCases {
      var best = BestEvaluation(metric: metric, patience: 3)
      best.note(stepLoss: 4)
      best.note(1, step: 2)
      best.note(stepLoss: 0.1)
      best.note(stepLoss: 0.3)
      best.note(metric.isHigherBetter ? 0.5 : 1.5, step: 4)
      best.note(stepLoss: 0.7)
      best.note(stepLoss: .infinity)
      let resumed = BestEvaluation(metric: metric, patience: 3).resumed(
        try JSONValue.parse(best.json.serialized(), source: "state"))
      #expect(resumed == best && resumed.countWithout == 1 && resumed.step == 2)
      #expect(best.trainingLoss == 0.7 && (metric != .trainingLoss || resumed.trainingLoss == 0.7))
    }
    var plain = BestEvaluation()
    #expect(try plain.json.serialized() == "{}")
    plain.note(stepLoss: 3)
    plain.note(0.5, step: 6)
    #expect(try plain.json.serialized() == #"{"best_validation_loss": 0.5, "best_step": 6}"#)
  }

  @Test("the notation of the interval is read, anything else is refused")
  func notation() throws {
    #expect(try EvaluationInterval(notation: "epoch") == .epoch && EvaluationInterval(notation: "20") == .steps(20))
    for text in ["", "0", "-1", "5min", "epochs", "1.5"] {
      let error = try #require(thrownCarinaError { _ = try EvaluationInterval(notation: text) })
      #expect(error.kind == .usage && error.description.contains("eval_every"), "\(text)")
    }
    #expect(EvaluationInterval.steps(7).text == "7" && EvaluationInterval.epoch.json == "epoch")
  }

  @Test("validations up to a step are counted, one behind the last step among them")
  func counts() {
    func counts(_ interval: EvaluationInterval) -> [Int] {
      (0...10).map { interval.count(upTo: $0, of: 10, stepsPerEpoch: 4) }
    }
    #expect(counts(.epoch) == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3])
    #expect(counts(.steps(5)) == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2])
    #expect(counts(.steps(100)) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  }

  @Test("settings without effect are refused by name")
  func together() throws {
    func refusal(_ change: (inout ValidationSettings) -> Void) throws -> String {
      var settings = ValidationSettings()
      change(&settings)
      let error = try #require(thrownCarinaError { try settings.validate() })
      #expect(error.kind == .usage)
      return error.description
    }
    #expect(try refusal { $0.bestMetric = .closedAccuracy }.contains("best_metric"))
    #expect(try refusal { $0.evalSamples = 3 }.contains("eval_samples"))
    #expect(try refusal { $0.evalLimit = 3 }.contains("eval_limit"))
    #expect(try refusal { $0.earlyStoppingDelta = 0.1 }.contains("early_stopping_delta"))
    var settings = ValidationSettings()
    settings.earlyStopping = 2
    settings.earlyStoppingDelta = 0.1
    try settings.validate()
    settings.evalEvery = .epoch
    settings.bestMetric = .imageGap
    try settings.validate()
  }
}
