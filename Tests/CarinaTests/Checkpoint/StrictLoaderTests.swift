import Foundation
import TestSupport
import Testing

import Carina

@Suite struct StrictLoaderTests {
  private func weights(_ tensors: [(String, Tensor)]) throws -> WeightsDirectory {
    let directory = try TemporaryDirectory()
    try SafetensorsWriter.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: directory.file("model.safetensors"))
    return try WeightsDirectory(path: directory.path)
  }

  private func ask(_ loader: StrictLoader, _ name: String, _ shape: [Int]) -> Parameter {
    loader.parameter(name, shape: shape, decays: shape.count > 1, initialization: .constant(0))
  }

  @Test("everything that does not fit is in one error")
  func oneError() throws {
    let directory = try weights([
      ("model.a.weight", Tensor(zeros: [2, 3])), ("model.b.weight", Tensor(zeros: [4])),
      ("model.c.weight", Tensor(zeros: [5])), ("visitor.weight", Tensor(zeros: [1])),
    ])
    let loader = StrictLoader(directory: directory, format: .decoder, precision: .float32)
    #expect(ask(loader, "model.a.weight", [3, 2]).shape == [3, 2])
    #expect(ask(loader, "model.b.weight", [4]).value.values == [0, 0, 0, 0])
    #expect(ask(loader, "model.d.weight", [2]).value.values == [0, 0])
    #expect(ask(loader, "model.huge.weight", [1 << 24, 1 << 24, 64]).count == 1 << 54)
    let error = try #require(thrownCarinaError { try loader.finish() })
    #expect(error.kind == .badData)
    for part in [
      "2 missing: model.d.weight [2]", "model.huge.weight", "2 left over: visitor.weight, model.c.weight",
      "1 misshaped: model.a.weight (expected [3, 2], found [2, 3])",
    ] {
      #expect(error.what.contains(part), "\(error.what)")
    }
  }

  @Test("left-out tensors are named with their reason, and only by the rules given")
  func ignoring() throws {
    let directory = try weights([
      ("embeddings.patch_embedding.bias", Tensor(zeros: [2])), ("head.probe", Tensor(zeros: [1, 1, 2])),
      ("text_model.final_layer_norm.bias", Tensor(zeros: [2])), ("logit_scale", Tensor(zeros: [1])),
      ("embeddings.position_ids", Tensor(zeros: [1, 4])),
    ])
    func loader(_ rules: [TensorFormat.LeftOut]) -> StrictLoader {
      var format = TensorFormat.vision
      format.leftOut += rules
      let loader = StrictLoader(directory: directory, format: format, precision: .float32)
      _ = ask(loader, "vision_model.embeddings.patch_embedding.bias", [2])
      return loader
    }
    let summary = try loader([TensorFormat.poolingHead]).finish()
    #expect(
      summary.ignored.map(\.name) == [
        "logit_scale", "text_model.final_layer_norm.bias", "embeddings.position_ids", "head.probe",
      ])
    #expect(summary.weightCount == 2)
    let error = try #require(thrownCarinaError { try loader([]).finish() })
    #expect(error.what.contains("1 left over: head.probe"))
  }

  @Test("a head that a tied decoder does not ask for is accepted only when it repeats the embedding's numbers")
  func head() throws {
    let table = Tensor([1, 2, 3, 4], shape: [2, 2])
    for (head, fits) in [
      (Tensor([1, 2, 3, 4], shape: [2, 2]), true), (Tensor([1, 2, 3, 5], shape: [2, 2]), false),
      (table.converted(to: .bfloat16), true), (Tensor([1, 2, 3, 4], shape: [4, 1]), false),
    ] {
      let directory = try weights([("model.embed_tokens.weight", table), ("lm_head.weight", head)])
      let loader = StrictLoader(directory: directory, format: .decoder, precision: .float32)
      _ = ask(loader, "model.embed_tokens.weight", [2, 2])
      if fits {
        #expect(try loader.finish().ignored.map(\.name) == ["lm_head.weight"])
      } else {
        #expect(
          thrownCarinaError { try loader.finish() }?.what.contains("differs from model.embed_tokens.weight") == true)
      }
    }
  }

  @Test("both spellings of one tensor, and numbers that cannot be computed with")
  func doubledAndTyped() throws {
    let both = try weights([
      ("norm.weight", Tensor(zeros: [1])), ("model.norm.weight", Tensor(zeros: [1])),
    ])
    let loader = StrictLoader(directory: both, format: .decoder, precision: .float32)
    _ = ask(loader, "model.norm.weight", [1])
    #expect(thrownCarinaError { try loader.finish() }?.what.contains("there twice") == true)

    let directory = try TemporaryDirectory()
    let header = "{\"model.norm.weight\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}"
    try CheckpointGoldens.write(
      CheckpointGoldens.safetensors(header, dataByteCount: 8), to: directory.file("model.safetensors"))
    let typed = StrictLoader(
      directory: try WeightsDirectory(path: directory.path), format: .decoder, precision: .float32)
    _ = ask(typed, "model.norm.weight", [1])
    #expect(thrownCarinaError { try typed.finish() }?.what.contains("model.norm.weight (I64)") == true)
  }

  @Test("the computing type: matrices in bfloat16, norms in fp32, in place where the file has them so")
  func precisions() throws {
    let norm = "model.norm.weight", matrix = "model.layers.0.self_attn.q_proj.weight"
    for (golden, precision, types, borrowed) in [
      ("gemma-window-short", ElementType.float32, [ElementType.float32, .float32], [true, true]),
      ("gemma-window-short", .bfloat16, [.float32, .bfloat16], [true, false]),
      ("gemma-bf16", .bfloat16, [.float32, .bfloat16], [false, true]),
      ("gemma-bf16", .float32, [.float32, .float32], [false, false]),
      ("gemma-f16", .float32, [.float32, .float32], [false, false]),
    ] {
      let directory = try WeightsDirectory(path: CheckpointGoldens.path("model/\(golden)"))
      let loader = StrictLoader(directory: directory, format: .decoder, precision: precision)
      let values = [ask(loader, norm, [20]).value, ask(loader, matrix, [24, 20]).value]
      #expect(values.map(\.elementType) == types)
      #expect(values.map(\.storage.isBorrowed) == borrowed)
      let source = try directory.tensor(named: matrix)
      #expect(values[1].values == source.converted(to: precision).values)
    }
  }
}
