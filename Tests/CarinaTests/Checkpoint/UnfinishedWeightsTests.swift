import Foundation
import TestSupport
import Testing

import Carina

/// Models that a tool has left in a form of its own, as public reports show their names.
@Suite struct UnfinishedWeightsTests {
  /// The error for the decoder of the goldens with other tensors.
  private func message(_ change: (_ name: String, _ tensor: Tensor) -> [(name: String, tensor: Tensor)]) throws
    -> String
  {
    let source = ModelDirectory(path: try CheckpointGoldens.path("model/gemma-window-short"))
    let directory = try TemporaryDirectory()
    try JSONValue.object(#require(try source.configuration().object)).write(to: directory.file("config.json"))
    let weights = try source.weights()
    let all = try weights.names.flatMap { change($0, try weights.tensor(named: $0)) }
    try SafetensorsWriter.write(all, to: directory.file("model.safetensors"))
    let error = #expect(throws: CarinaError.self) {
      try ModelDirectory(path: directory.path).loadDecoder(precision: .float32)
    }
    return error?.description ?? ""
  }

  @Test("an adapter that lies beside the weights is to be merged")
  func adapters() throws {
    for prefix in ["", "base_model.model."] {
      let text = try message { name, tensor in
        guard name.hasSuffix("q_proj.weight") else { return [(prefix + name, tensor)] }
        let layer = prefix + name.dropLast(".weight".count)
        return [
          (layer + ".base_layer.weight", tensor), (layer + ".lora_A.default.weight", Tensor(zeros: [4, 2])),
          (layer + ".lora_B.default.weight", Tensor(zeros: [2, 4])),
        ]
      }
      #expect(text.contains("An adapter lies beside the weights") && text.contains("merge_and_unload"), "\(text)")
    }
    let saved = try message { name, tensor in
      [(name.replacing("embed_tokens.weight", with: "embed_tokens.modules_to_save.default.weight"), tensor)]
    }
    #expect(saved.contains("embed_tokens.modules_to_save.default.weight): merge it"), "\(saved)")
  }

  @Test("quantised weights whose configuration does not say so are called that")
  func quantised() throws {
    for ending in ["weight.absmax", "qweight", "weight_packed"] {
      let text = try message { name, tensor in
        guard name.hasSuffix("proj.weight") else { return [(name, tensor)] }
        return [(name, tensor), (name.dropLast("weight".count) + ending, Tensor(zeros: [4]))]
      }
      #expect(text.contains("The weights are quantised") && text.contains(ending), "\(text)")
    }
  }
}
