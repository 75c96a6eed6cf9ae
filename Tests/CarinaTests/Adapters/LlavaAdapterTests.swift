import Foundation
import TestSupport
import Testing

import Carina

/// Adapters over a `LlavaForConditionalGeneration`, and gradients of one, against PEFT and transformers
/// (Tests/Reference/make_llava_adapter_goldens.py).
@Suite("LLaVA, adapters and gradients") struct LlavaAdapterTests {
  private struct Golden {
    let path: String, base: ModelDirectory, answers: [JSONValue], pixels: Tensor, imageToken: Int

    init(base: String, path: String = "") throws {
      self.path = path
      self.base = ModelDirectory(path: try ParityGolden.path(base))
      let facts = try JSONValue.parseFile(self.base.file("answers.json"))
      answers = try #require(facts["answers"]?.array)
      imageToken = try #require(facts["image_token"]?.int)
      let numbers = try SafetensorsFile(path: self.base.file("golden.safetensors")).tensor(named: "pixel_values")
      pixels = numbers.reshaped([1, numbers.count])
    }

    init(_ name: String) throws {
      let path = try ParityGolden.path("llava-adapters/\(name)")
      let facts = try JSONValue.parseFile(path + "/golden.json")
      try self.init(base: try #require(facts["base"]?.string), path: path)
    }

    /// The prompt of an answer, with the answer behind it where that is predicted.
    func sequence(_ index: Int, isAnswered: Bool = false) throws -> ImageTextSequence {
      let prompt = try #require(answers[index]["prompt"]).integers
      let answer = isAnswered ? try #require(answers[index]["ids"]).integers : []
      let first = try #require(prompt.firstIndex(of: imageToken)), last = try #require(prompt.lastIndex(of: imageToken))
      let after = Array(prompt[(last + 1)...])
      return ImageTextSequence(
        tokensBefore: Array(prompt[..<first]), image: 0, tokensAfter: after + answer,
        supervised: [Bool](repeating: false, count: after.count) + [Bool](repeating: true, count: answer.count))
    }

    func logits(_ model: VisionLanguageModel, _ index: Int) throws -> Tensor {
      let sequence = try sequence(index)
      let (x, lengths) = model.embed([sequence], imageRows: model.imageRows(pixels), tape: nil)
      return model.decoder.logits(
        model.decoder.hiddenStates(x, lengths: lengths, mutualRuns: model.mutualRuns(of: [sequence]), tape: nil))
    }
  }

  private static let cases = ["all-linear", "saved"]

  @Test("PEFT's own adapters are opened, and give its logits; merged too", arguments: cases)
  func opened(name: String) throws {
    let golden = try Golden(name), parts = try PipelineParts(joined: golden.base)
    var pipeline = try parts.join(precision: .float32, on: TestBackend.chosen)
    let plain = try (0...1).map { try golden.logits(pipeline.model, $0) }
    try pipeline.attach(try AdapterChoice([golden.path]).open(for: parts))
    let stored = try SafetensorsFile(path: golden.path + "/golden.safetensors")
    func compare(_ what: String) throws {
      for (index, without) in plain.enumerated() {
        let expected = try stored.tensor(named: "logits.\(index)"), found = try golden.logits(pipeline.model, index)
        expectClose(found, expected, relative: 1e-4, "\(what) \(index)")
        // So that the tolerance says something.
        #expect(zip(without.doubles, expected.doubles).map { abs($0 - $1) }.max() ?? 0 > 0.05)
      }
    }
    try compare("beside")
    AdapterMerge.merge(pipeline.model)
    try compare("merged")
  }

  @Test("what is written over a LLaVA has PEFT's names, shapes and targets, and is opened with the same logits")
  func written() throws {
    let golden = try Golden("all-linear"), parts = try PipelineParts(joined: golden.base)
    let pipeline = try parts.join(precision: .float32, on: TestBackend.chosen)
    let file = try PeftAdapterFile(path: golden.path)
    var settings = SettingValues<LoraSettingList>()
    settings.rank = file.configuration.rank
    settings.alpha = file.configuration.alpha
    settings.adaptsVision = file.changes.contains { $0.part == .visionEncoder }
    settings.adaptsProjector = file.changes.contains { $0.part == .projector }
    let adapters = try #require(try parts.loraPlan(settings)).attach(to: pipeline.model, seed: 3)
    for (part, adapter) in adapters.adapters {
      let change = try #require(file.changes.first { $0.part == part && $0.map == adapter.map })
      adapter.a.assign(try file.weights.tensor(named: "base_model.model.\(change.path).lora_A.weight"))
      adapter.b.assign(try file.weights.tensor(named: "base_model.model.\(change.path).lora_B.weight"))
    }
    let directory = try TemporaryDirectory(), target = directory.file("adapter")
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    try AdapterWriter(
      adapters, of: pipeline.model, language: golden.base, vision: golden.base, projector: golden.base
    ).write(to: target)
    let own = try SafetensorsFile(path: target + "/adapter_model.safetensors")
    let theirs = try SafetensorsFile(path: golden.path + "/adapter_model.safetensors")
    #expect(own.entries.map(\.name).sorted() == theirs.entries.map(\.name).sorted())
    for entry in theirs.entries {
      let found = try #require(own.entry(named: entry.name))
      #expect(found.shape == entry.shape)
      #expect(try own.tensor(found).values == theirs.tensor(entry).values, "\(entry.name)")
    }
    let targets = try [target, golden.path].map {
      try #require(JSONValue.parseFile($0 + "/adapter_config.json")["target_modules"]?.array).compactMap(\.string)
        .sorted()
    }
    #expect(targets[0] == targets[1])
    var again = try parts.join(precision: .float32, on: TestBackend.chosen)
    try again.attach(try AdapterChoice([target]).open(for: parts))
    #expect(try golden.logits(again.model, 1).values == golden.logits(pipeline.model, 1).values)
  }

  @Test("loss and gradients of a LLaVA are transformers'", arguments: ["full", "first-patch"])
  func gradients(name: String) throws {
    let golden = try Golden(base: "llava/\(name)")
    let model = try PipelineParts(joined: golden.base).join(precision: .float32, on: TestBackend.chosen).model
    let all = model.vision.parameters + model.projector.parameters + model.decoder.parameters
    for parameter in all { parameter.setTrainable(true) }
    let sequences = try (0...1).map { try golden.sequence($0, isAnswered: true) }
    let count = sequences.reduce(0) { $0 + $1.supervisedCount }
    let tape = Tape()
    let result = model.loss(
      sequences,
      imageRows:
        model.projector(model.features(golden.pixels, count: 1, tape: tape), tape: tape), scale: 1 / Float(count),
      tape: tape)
    tape.backward(from: result)
    let stored = try SafetensorsFile(path: ParityGolden.path("llava-adapters/gradients-\(name).safetensors"))
    let loss = result.tokenLosses.reduce(0) { $0 + Double($1) } / Double(count)
    expectClose([loss], try stored.tensor(named: "loss").doubles, relative: 1e-5)
    var compared = 0
    for entry in stored.entries where entry.name.hasPrefix("gradient.") {
      let file = String(entry.name.dropFirst("gradient.".count))
      let formats: [(TensorFormat, [Parameter])] = [
        (.joinedDecoder, model.decoder.parameters), (.joinedVision, model.vision.parameters),
        (.llavaProjector, model.projector.parameters),
      ]
      let parameter = try #require(
        formats.lazy.compactMap { format, parameters in
          format.engineName(file).flatMap { own in parameters.first { $0.name == own } }
        }.first, "\(file)")
      expectClose(try #require(parameter.gradient), try stored.tensor(entry), relative: 1e-4, absolute: 1e-7, file)
      compared += 1
    }
    #expect(compared == 7)
  }
}
