import Carina
import Foundation

/// Whole pieces of work at full size, as a user waits for them.
enum StepWork: String, CaseIterable {
  case vision, stage1, stage1Cached = "stage1-cached", stage2, lora, prefill, decode
}

/// One measured piece of work.
struct StepMeasurement {
  let work: StepWork
  /// Median and best of the runs.
  let median: Double, best: Double
  /// Median of the seconds that the processor's cores worked, together: what a busy machine changes less.
  let cores: Double
  /// What it must do at the least.
  let least: Work
}

/// Times pieces of work on a model of full size.
struct StepBenchmarks {
  /// Where the model is.
  let device: Device
  let full: FullSizeModel
  var repeats: Int
  /// Runs before those that count; nil for the usual ones.
  var warmUpCount: Int?
  /// What changes the weights in stage 2, and whether blocks run again in its backward pass.
  var optimizer = OptimizerChoice.adamw
  var isCheckpointed = false

  /// Runs a piece of work a single time.
  func once(_ work: StepWork) throws -> StepMeasurement {
    var single = self
    (single.repeats, single.warmUpCount) = (1, 0)
    return try single.run(work)
  }

  /// Runs one piece of work.
  func run(_ work: StepWork) throws -> StepMeasurement {
    switch work {
    case .vision:
      return try measure(work, products: Double(full.batch) * full.visionProducts) {
        _ = full.model.features(full.pixels, count: full.batch, tape: nil)
      }
    case .stage1, .stage1Cached, .stage2: return try trainingStep(work)
    case .lora: return try adapterStep()
    case .prefill: return try generation(work, newTokens: 1)
    case .decode: return try generation(work, newTokens: 33)
    }
  }

  private func trainingStep(_ work: StepWork) throws -> StepMeasurement {
    let model = full.model, trainsDecoder = work == .stage2
    let trained = trainsDecoder ? model.decoder.parameters : model.projector.parameters
    for parameter in model.decoder.parameters + model.projector.parameters { parameter.setTrainable(false) }
    for parameter in trained { parameter.setTrainable(true) }
    let sequences = full.sequences(supervisedFrom: trainsDecoder ? full.ids.count / 4 : 0)
    let supervised = sequences.reduce(0) { $0 + $1.supervisedCount }
    let optimizer = AdamW(self.optimizer, weightDecay: 0.01)
    let cached = work == .stage1Cached ? model.features(full.pixels, count: full.batch, tape: nil) : nil
    let rows = model.rowsPerImage + full.ids.count - 1
    let batch = Double(full.batch)
    let once = batch * full.blockProducts(rows: rows) + full.headProducts(rows: supervised)
    // A frozen decoder needs the gradients of its inputs, a trained one also those of its weights.
    let products =
      batch * ((cached == nil ? full.visionProducts : 0) + full.projectorProducts * (trainsDecoder ? 1 : 2.67))
      + once * (trainsDecoder ? 3 : 2)
    return try measure(work, products: products) {
      let tape = Tape()
      let features = cached ?? model.features(full.pixels, count: full.batch, tape: nil)
      let result = model.loss(
        sequences, imageRows: model.projector(features, tape: tape), scale: 1 / Float(supervised),
        isCheckpointed: isCheckpointed, tape: tape)
      tape.backward(from: result)
      optimizer.step(trained, rate: 1e-5, norm: AdamW.gradientNorm(trained), maximumNorm: 1)
    }
  }

  /// Adapters of rank 16 beside every linear layer of the decoder, the image's rows given, loss on the last three quarters of the text.
  private func adapterStep() throws -> StepMeasurement {
    let model = full.model
    for parameter in model.decoder.parameters + model.projector.parameters { parameter.setTrainable(false) }
    var settings = SettingValues<LoraSettingList>()
    settings.rank = 16
    settings.alpha = 32
    guard
      let plan = try LoraPlan(
        settings, decoder: model.decoder.config, vision: model.vision.config, projector: model.projector.config)
    else { throw CarinaError(.usage, "no adapters were planned", expected: "a rank", found: "none") }
    let adapters = plan.attach(to: model, seed: 1)
    defer { for map in AdaptedPart.languageModel.maps(of: model) { map.adapters.removeAll() } }
    for parameter in adapters.parameters { parameter.setTrainable(true) }
    let imageRows = model.projector(model.features(full.pixels, count: full.batch, tape: nil), tape: nil)
    let sequences = full.sequences(supervisedFrom: full.ids.count / 4), batch = Double(full.batch)
    let supervised = sequences.reduce(0) { $0 + $1.supervisedCount }
    let optimizer = AdamW(weightDecay: 0.01)
    let rows = model.rowsPerImage + full.ids.count - 1
    let products =
      2 * (batch * full.blockProducts(rows: rows) + full.headProducts(rows: supervised))
      + 6 * batch * Double(rows * plan.count)
    return try measure(.lora, products: products) {
      let tape = Tape()
      let result = model.loss(
        sequences, imageRows: imageRows, scale: 1 / Float(supervised), isCheckpointed: isCheckpointed, tape: tape)
      tape.backward(from: result)
      optimizer.step(adapters.parameters, rate: 1e-4, norm: AdamW.gradientNorm(adapters.parameters), maximumNorm: 1)
    }
  }

  private func generation(_ work: StepWork, newTokens: Int) throws -> StepMeasurement {
    let model = full.model
    let rows = model.projector(model.features(full.pixels, count: full.batch, tape: nil), tape: nil)
    var options = GenerationOptions()
    options.maximumNewTokens = newTokens
    let generator = Generator(model: model, stopTokens: [], options: options)
    let steps = Double(max(1, newTokens - 1))
    var seconds: [Double] = [], cores: [Double] = []
    let warmUps = warmUpCount ?? full.warmUps
    for run in 0..<repeats + warmUps {
      let started = Measurement.coreSeconds
      var first = 0.0, last = 0.0
      let result = try generator.generate(full.prompts, imageRows: rows) { _, _ in
        last = Measurement.coreSeconds
        if first == 0 { first = last }
      }
      guard run >= warmUps else { continue }
      seconds.append(work == .prefill ? result.prefillSeconds : result.decodeSeconds / steps)
      cores.append(work == .prefill ? first - started : (last - first) / steps)
    }
    seconds.sort()
    let least: Work =
      work == .prefill
      ? .products(
        Double(full.batch) * full.blockProducts(rows: model.rowsPerImage + full.promptTokens), isBFloat16: isBFloat16)
      : .bytes(Double(model.decoder.parameters.reduce(0) { $0 + bytesRead($1) } - (isPrefiltered ? head.count : 0)))
    return StepMeasurement(
      work: work, median: seconds[seconds.count / 2], best: seconds[0], cores: cores.sorted()[cores.count / 2],
      least: least)
  }

  private func bytesRead(_ parameter: Parameter) -> Int {
    parameter.quantized?.byteCount ?? parameter.count * parameter.value.elementType.byteCount
  }

  private var head: Parameter { full.model.decoder.head }

  /// Greedy decoding in bfloat16 reads the head in 8 bits where the device multiplies them.
  private var isPrefiltered: Bool {
    isBFloat16 && head.quantized == nil && device.backend.supportsByteProducts
  }

  private var isBFloat16: Bool { full.model.decoder.tokenEmbedding.value.elementType == .bfloat16 }

  private func measure(_ work: StepWork, products: Double, _ body: () -> Void) throws -> StepMeasurement {
    var cores: [Double] = []
    let seconds = try Measurement.seconds(repeats: repeats, warmUps: warmUpCount ?? 2, on: device) {
      let started = Measurement.coreSeconds
      body()
      cores.append(Measurement.coreSeconds - started)
    }.sorted()
    return StepMeasurement(
      work: work, median: seconds[seconds.count / 2], best: seconds[0],
      cores: cores.suffix(repeats).sorted()[repeats / 2], least: .products(products, isBFloat16: isBFloat16))
  }
}
