import Carina
import Foundation
import TestSupport
import Testing

/// The engine keeps to its backend: it works on one whose memory the host may not touch.
@Suite("A backend whose memory the host may not touch") struct ProtectedBackendTests {
  private let tiny: TinyEvaluation
  private let protected: Device

  init() throws {
    tiny = try TinyEvaluation()
    protected = Device(try #require(ProtectedBackend(CPUBackend())))
  }

  @Test("the memory is shut between primitives, and open in the accessor alone")
  func shut() throws {
    let backend = try #require(ProtectedBackend(CPUBackend()))
    let x = Tensor([1, 2, 3], shape: [3], on: backend)
    #expect(!backend.isReadable(x))
    #expect(x.withHostBytes { _ in backend.isReadable(x) })
    let sum = add(x, x, tape: nil)
    #expect(sum.values == [2, 4, 6])
    #expect(!backend.isReadable(x) && !backend.isReadable(sum))
  }

  @Test("a joined model trains, is scored and answers with the same bytes", arguments: ["fp32", "bf16"])
  func joined(precision: String) throws {
    let wanted = try outputs(precision, on: Device(TestBackend.cpu), "cpu-\(precision)")
    let found = try outputs(precision, on: protected, "protected-\(precision)")
    #expect(Set(found.keys) == Set(wanted.keys) && found.count > 5)
    for (name, bytes) in wanted { #expect(found[name] == bytes, "\(name)") }
  }

  @Test("stage 0 makes the same towers, decoder and tokenizer")
  func backbones() throws {
    let files = try [Device(TestBackend.cpu), protected].enumerated().map { index, device in
      var options = BackboneTrainingOptions(
        captionShards: tiny.shards, textShards: [], outputDirectory: tiny.directory.file("stage0-\(index)"))
      options.vocabularySize = 300
      options.patchSize = 16
      options.visionWidth = 16
      options.decoderWidth = 16
      options.decoderLayers = 2
      options.visionEpochs = 2
      options.languageEpochs = 2
      let training = try BackboneTraining(options, on: device)
      try training.run()
      return try contents(of: training.visionModel) + contents(of: training.languageModel)
    }
    #expect(files[0].count > 3 && files[0].map(\.bytes) == files[1].map(\.bytes))
  }

  /// The files of a run of stage 2 over the tiny parts, of an evaluation of what it made, and its answer to a question.
  private func outputs(_ precision: String, on device: Device, _ name: String) throws -> [String: Data] {
    let run = tiny.directory.file(name), precision = try ComputingPrecision(option: precision)
    var training = JointTrainingOptions(
      trainShards: tiny.shards, visionModel: "\(tiny.checkpoint)/vision_encoder",
      languageModel: "\(tiny.checkpoint)/language_model", outputDirectory: run,
      policy: FreezingPolicy(trainsProjector: true, trainsDecoder: true, trainsVisionInFirstEpoch: true),
      promptStyle: .gemma)
    training.computing.precision = precision
    training.settings.batchSize = 4
    training.settings.epochCount = 2
    training.settings.maximumSteps = 6
    training.settings.saveEverySteps = 3
    _ = try JointTraining(training, on: device).run()

    let answering = try AnsweringModel.load(
      checkpoint: "\(run)/final_model", precision: precision.elementType, on: device)
    #expect(answering.device.backend === device.backend)
    var evaluation = EvaluatorOptions(outputDirectory: "\(run)/scores")
    evaluation.replicates = 20
    evaluation.limit = 8
    evaluation.withLikelihood = true
    evaluation.generation.maximumNewTokens = 6
    evaluation.featureCache = "\(run)/features.h5"
    _ = try Evaluator(
      model: EvaluatorModel(answering), shards: ShardDirectory(tiny.shards), options: evaluation
    ).run()

    var files: [String: Data] = [:]
    for file in try contents(of: "\(run)/final_model") { files[file.name] = file.bytes }
    for file in ["predictions.jsonl", "metrics.json"] { files[file] = tiny.bytes(name, "scores/\(file)") }
    for (beams, isQuantized) in [(1, false), (2, false), (1, true)] {
      if isQuantized { answering.model.decoder.quantizeWeights() }
      var options = GenerationOptions()
      (options.maximumNewTokens, options.beamCount) = (20, beams)
      let session = try AnswerSession(answering, options: options)
      let image = ImagePixels(values: (0..<1024).map { UInt8($0 % 251) }, size: 32, channels: 1)
      let answer = try session.answers(
        [([0], session.prompt("is there an effusion?"))], imageRows: session.imageRows(of: [image]))
      files["answer \(beams) \(isQuantized)"] = Data("\(answer.answers)".utf8)
    }
    return files
  }

  /// The files below a directory that hold no time or path, in the order of their names.
  private func contents(of directory: String) throws -> [(name: String, bytes: Data)] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: directory).sorted()
    return names.filter { $0.hasSuffix(".safetensors") || $0.hasPrefix("tokenizer") }.compactMap { name in
      FileManager.default.contents(atPath: "\(directory)/\(name)").map { (name, $0) }
    }
  }
}
