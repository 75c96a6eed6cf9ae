import TestSupport
import Testing

import Carina

@Suite("Table of tensors") struct TensorTableTests {
  private func golden(_ name: String) throws -> ModelDirectory {
    try ModelDirectory(path: CheckpointGoldens.path("model/\(name)"))
  }

  @Test("a table lists exactly the tensors of the published file, with their shapes")
  func published() throws {
    for (name, table) in try [
      ("gemma-1b-style", TensorTable(of: golden("gemma-1b-style").decoderConfig().config)),
      ("joined-bare-tower/vision", TensorTable(of: golden("joined-bare-tower/vision").visionConfig())),
      (
        "joined-bare-tower/projection_layer",
        TensorTable(of: golden("joined-bare-tower/projection_layer").projectorConfig())
      ),
    ] {
      var shapes: [String: [Int]] = [:]
      for entry in try golden(name).weights().files.flatMap(\.entries) {
        let own = try #require(table.format.engineName(entry.name))
        guard !table.format.leftOut.contains(where: { $0.matches(own) }) else { continue }
        shapes[own] = entry.shape
      }
      #expect(Dictionary(uniqueKeysWithValues: table.rows.map { ($0.name, $0.shape) }) == shapes)
      #expect(table.rows.allSatisfy { $0.axes.count == $0.shape.count })
    }
  }

  @Test("a table of a model that no memory holds is only a table")
  func huge() {
    let table = TensorTable(of: ProjectorConfig(inputSize: 1 << 24, hiddenSize: 1 << 24, outputSize: 1 << 24))
    #expect(table.rows.map(\.count) == [1 << 48, 1 << 24, 1 << 48, 1 << 24])
  }

  @Test("another layout is another list of names: the same decoder loads and is written")
  func otherLayout() throws {
    let format = TensorFormat(
      architecture: "Elsewhere", names: [TensorFormat.Naming("language_model.", engine: "model.")],
      leftOut: [TensorFormat.LeftOut(.prefix("vision_tower."), "another part")])
    #expect(format.engineName("language_model.norm.weight") == "model.norm.weight")
    #expect(format.engineName("model.norm.weight") == nil)
    let directory = try TemporaryDirectory()
    let decoder = try golden("gemma-1b-style").loadDecoder(precision: .float32).model
    let table = TensorTable(of: decoder.config, format: format)
    let names = Dictionary(uniqueKeysWithValues: table.rows.map { ($0.name, $0.fileName) })
    try SafetensorsWriter.write(
      decoder.parameters.map { (name: names[$0.name] ?? "", tensor: $0.value) },
      to: directory.file("model.safetensors"))
    let loader = StrictLoader(
      directory: try WeightsDirectory(path: directory.path), format: format, precision: .float32)
    let again = Decoder(decoder.config, from: loader)
    try loader.finish()
    #expect(ParameterDigest(again.parameters) == ParameterDigest(decoder.parameters))
  }
}
