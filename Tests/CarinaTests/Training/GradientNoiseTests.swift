import TestSupport
import Testing

import Carina

@Suite("Gradient noise") struct GradientNoiseTests {
  /// A run of 12 steps of two micro-batches of a sample each.
  private func tiny() throws -> TinyRun {
    let run = try TinyRun()
    run.settings.batchSize = 1
    run.settings.gradientAccumulationSteps = 2
    run.settings.measuresGradientNoise = true
    return run
  }

  /// The lines of a run's log without what a clock writes.
  private func lines(_ run: TinyRun) throws -> [JSONObject] {
    let text = String(decoding: try #require(run.bytes(TrainingLog.fileName)), as: UTF8.self)
    return try text.split(separator: "\n").map { line in
      var object = try #require(JSONValue.parse(String(line), source: "log").object)
      object["seconds"] = nil
      object["data_wait_ms"] = nil
      return object
    }
  }

  @Test(
    "estimates from gradients 3 and 1 of two samples, taken in both orders, are the sample variance 2 and 4 - 2 / 2")
  func known() throws {
    var noise = GradientNoise(), found: [GradientNoise.Part] = []
    for first in [3.0, 1.0] { found += noise.note(noise.parts(first: first, samples: 1, whole: 2, samples: 2)) }
    #expect(found.map(\.variance) == [10, -6] && found.map(\.squaredNorm) == [-1, 7])
    #expect(found[0].scale == nil)
    expectClose([try #require(found[1].scale)], [2.0 / 3], relative: 1e-12, "scale")
    #expect(noise.parts(first: 1, samples: 2, whole: 1, samples: 2).isEmpty)
  }

  @Test("a step's estimates are those of its samples' own gradients")
  func step() throws {
    let run = try tiny(), trainer = try run.trainer().trainer, objective = try run.trainer().trainer.objective
    let samples = trainer.order.microBatches(trainer.order.samples(epoch: 0), stepInEpoch: 0).flatMap { $0 }
    #expect(samples.count == 2)
    let trained = objective.trainedParameters(epoch: 0)
    // |mean gradient|² of samples, by itself.
    func square(_ samples: [Int]) throws -> Double {
      for parameter in trained { parameter.clearGradient() }
      let batch = objective.prepare(samples)
      _ = try objective.accumulate(batch, scale: 1 / Float(objective.weight(of: batch)))
      return trained.reduce(0) { $0 + $1.gradientSumOfSquares }
    }
    let (one, both) = (try square([samples[0]]), try square(samples))
    let found = try trainer.trainStep().gradientNoise
    #expect(found.map(\.component) == ["all"])
    expectClose([found[0].variance], [2 * (one - both)], relative: 1e-4, "variance")
    expectClose([found[0].squaredNorm], [2 * both - one], relative: 1e-4, "squared norm")
  }

  @Test("it changes no number of a run; a resumed one goes on with the same averages")
  func run() throws {
    let smooth = try tiny().smooth(), plain = try tiny()
    plain.settings.measuresGradientNoise = false
    try plain.run()
    let expected = try lines(smooth)
    #expect(expected.allSatisfy { $0["gradient_noise"] != nil } && expected.count == TinyRun.stepCount)
    let without = expected.map { line -> JSONObject in
      var line = line
      line["gradient_noise"] = nil
      return line
    }
    #expect(try lines(plain) == without)
    plain.expectSame(smooth)

    let stopped = try tiny()
    stopped.stopsAfter = 5
    #expect(try stopped.failure().kind == .interrupted)
    stopped.stopsAfter = nil
    try stopped.run()
    #expect(try lines(stopped) == expected)
    stopped.expectSame(smooth)
  }
}

extension GradientNoise {
  /// The estimates of two norms without components.
  fileprivate func parts(first: Double, samples few: Int, whole: Double, samples many: Int) -> [Part] {
    GradientNoise.parts(
      Mean(norms: GradientNorms(whole: first, parts: []), sampleCount: Double(few)),
      Mean(norms: GradientNorms(whole: whole, parts: []), sampleCount: Double(many)))
  }
}
