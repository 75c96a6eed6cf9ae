import Carina

/// Channels of large numbers where products read them, as trained models of this size have them (Dettmers et al. 2022),
/// made in random weights without changing the function: gains of norms, and rows of the map before, times a power of
/// two, and the columns that read them divided by it.
enum OutlierChannels {
  static func make(_ model: VisionLanguageModel, factor: Float) {
    let decoder = model.decoder.config, vision = model.vision.config
    let weights = Dictionary(
      (model.decoder.parameters + model.vision.parameters).map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    let channels = drawn(6, of: decoder.hiddenSize), inner = drawn(8, of: decoder.intermediateSize)
    for layer in 0..<decoder.layerCount {
      let prefix = "model.layers.\(layer)."
      func weight(_ name: String) -> Parameter? { weights[prefix + name + ".weight"] }
      for (norm, readers) in [
        ("input_layernorm", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
        ("pre_feedforward_layernorm", ["mlp.gate_proj", "mlp.up_proj"]),
      ] {
        scale(weight(norm), channels, by: factor, offset: 1)
        for reader in readers { scaleColumns(weight(reader), channels, by: 1 / factor) }
      }
      scaleRows(weight("mlp.up_proj"), inner, by: factor)
      scaleColumns(weight("mlp.down_proj"), inner, by: 1 / factor)
    }
    let seen = drawn(4, of: vision.hiddenSize)
    for layer in 0..<vision.layerCount {
      let prefix = "vision_model.encoder.layers.\(layer)."
      for (norm, readers) in [
        ("layer_norm1", ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]), ("layer_norm2", ["mlp.fc1"]),
      ] {
        scale(weights[prefix + norm + ".weight"], seen, by: factor, offset: 0)
        scale(weights[prefix + norm + ".bias"], seen, by: factor, offset: 0)
        for reader in readers { scaleColumns(weights[prefix + reader + ".weight"], seen, by: 1 / factor) }
      }
    }
  }

  private static func drawn(_ count: Int, of width: Int) -> [Int] {
    var generator = SeededGenerator(seed: 3, stream: "outliers \(width)")
    return (0..<count).map { _ in min(width - 1, Int(generator.uniform(in: 0..<Double(width)))) }.reduce(into: []) {
      if !$0.contains($1) { $0.append($1) }
    }
  }

  /// offset + number times the factor, less the offset.
  private static func scale(_ parameter: Parameter?, _ channels: [Int], by factor: Float, offset: Float) {
    change(parameter) { numbers, _ in
      for channel in channels { numbers[channel] = (numbers[channel] + offset) * factor - offset }
    }
  }

  private static func scaleColumns(_ parameter: Parameter?, _ channels: [Int], by factor: Float) {
    change(parameter) { numbers, width in
      for row in stride(from: 0, to: numbers.count, by: width) {
        for channel in channels { numbers[row + channel] *= factor }
      }
    }
  }

  private static func scaleRows(_ parameter: Parameter?, _ rows: [Int], by factor: Float) {
    change(parameter) { numbers, width in
      for row in rows { for column in 0..<width { numbers[row * width + column] *= factor } }
    }
  }

  private static func change(_ parameter: Parameter?, _ body: (inout [Float], _ width: Int) -> Void) {
    guard let parameter else { return }
    var numbers = parameter.value.values
    body(&numbers, parameter.matrix.width)
    parameter.assign(Tensor(numbers, shape: parameter.shape, on: parameter.value.backend))
  }
}
