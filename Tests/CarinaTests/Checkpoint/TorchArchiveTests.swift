import Foundation
import TestSupport
import Testing

import Carina

/// Projectors that torch.save wrote (Tests/Reference/make_torch_archive_goldens.py), and files that are damaged or hostile.
@Suite("Projectors of torch.save") struct TorchArchiveTests {
  private static let good = ["projector_best.bin", "strided.pth", "protocol4.pt", "old-version.bin"]

  private func path(_ name: String) throws -> String { try CheckpointGoldens.path("torch-archives/\(name)") }
  private func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

  /// What opening these bytes as a projector throws.
  private func refusal(_ bytes: Data, name: String = "x.bin") throws -> CarinaError? {
    let directory = try TemporaryDirectory(), path = directory.file(name)
    try CheckpointGoldens.write(bytes, to: path)
    return thrownCarinaError { try ModelDirectory.projector(path).loadProjector(precision: .float32) }
  }

  @Test("tensors of every type, stride and name are PyTorch's, bit by bit", arguments: good)
  func parity(name: String) throws {
    let found = try WeightsDirectory(path: path(name)),
      expected = try SafetensorsFile(path: path(name + ".safetensors"))
    #expect(found.names.sorted() == expected.entries.map(\.name).sorted() && found.names.count == 4)
    for entry in expected.entries {
      let (file, own) = try #require(found.find(entry.name))
      #expect(own.element == entry.element && own.shape == entry.shape, "\(entry.name)")
      let bytes = file.withBytes(of: own) { Data($0) }
      #expect(bytes == expected.withBytes(of: entry) { Data($0) }, "\(entry.name)")
    }
    // Pages are given back as they are read, and are there again afterwards.
    let once = found.files.map { $0.fingerprint() }
    #expect(found.files.map { $0.fingerprint() } == once)
    let part = try ModelDirectory.projector(path(name)).loadProjector(precision: .float32)
    #expect(part.model.config == ProjectorConfig(inputSize: 6, hiddenSize: 10, outputSize: 4))
    let remark = try #require(part.remarks.first { $0.contains("torch.save") })
    #expect(remark.contains("drop_first_patch") && remark.contains("prompt_style"))
  }

  @Test("a directory of ProjectionTrainer is a projector where it has one file; among several one is to be named")
  func directories() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write(#"{"vision_dim": 6, "llm_dim": 4}"#, to: directory.file("projector_config.json"))
    try CheckpointGoldens.write(data("projector_best.bin"), to: directory.file("projector_epoch_2.bin"))
    let only = try ModelDirectory.projector(directory.path)
    #expect(only.path == directory.file("projector_epoch_2.bin"))
    #expect(try only.projectorConfig().hiddenSize == 10)
    try CheckpointGoldens.write(data("projector_best.bin"), to: directory.file("projector_best.bin"))
    let several = try #require(thrownCarinaError { try ModelDirectory.projector(directory.path) })
    #expect(several.kind == .missingInput && several.found == "projector_best.bin, projector_epoch_2.bin")
    #expect(try ModelDirectory.projector(directory.file("projector_best.bin")).projectorConfig().outputSize == 4)
    // Beside weights in safetensors they are other things.
    let standard = try TemporaryDirectory(), golden = try CheckpointGoldens.path("projector/mlp2x")
    for name in ["model.safetensors", "projector_config.json"] {
      try FileManager.default.copyItem(atPath: "\(golden)/\(name)", toPath: standard.file(name))
    }
    try CheckpointGoldens.write(data("hook.bin"), to: standard.file("optimizer.bin"))
    #expect(try ModelDirectory.projector(standard.path).path == standard.path)
  }

  @Test(
    "what is no dictionary of tensors is refused by the name of what it has",
    arguments: [
      ("module.bin", "model_twins.Projector"), ("checkpoint.bin", "under epoch lies no tensor"),
      ("hook.bin", "posix.system"), ("script.pt", "TorchScript"),
    ])
  func refused(name: String, words: String) throws {
    let error = try #require(try refusal(data(name)))
    #expect(error.kind == .badData && error.description.contains(words), "\(error)")
    #expect(error.location?.contains("x.bin") == true)
  }

  @Test("other formats under the name are told apart")
  func otherFormats() throws {
    let old = Data([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e])
    #expect(try refusal(old)?.what.contains("before PyTorch 1.6") == true)
    #expect(try refusal(Data("PK".utf8))?.what == "is no archive of torch.save")
    #expect(try refusal(Data())?.what == "is empty")
    #expect(try refusal(Data("version https://git-lfs.github.com/spec/v1\noid".utf8))?.what.contains("Git LFS") == true)
    #expect(try refusal(SmallZip.archive([("notes.txt", Data("x".utf8))]))?.found == "notes.txt")
    // Another shape of dictionary is read and refused by the projector.
    let other = PickleText.dictionary([("linear.weight", PickleText.tensor(shape: [2], strides: [1]))])
    #expect(try refusal(PickleText.archive(other))?.what == "these are not the weights of a projector")
  }

  @Test(
    "a file that is cut short anywhere, or of which a byte is another, is refused or gives the same numbers",
    arguments: good)
  func damaged(name: String) throws {
    let whole = try data(name), directory = try TemporaryDirectory(), path = directory.file(name)
    func numbers() throws -> [Float]? {
      do {
        let part = try ModelDirectory.projector(path).loadProjector(precision: .float32)
        return part.model.parameters.flatMap { $0.value.converted(to: .float32).values }
      } catch let error as CarinaError {
        #expect(error.kind == .badData, "\(error)")
        return nil
      }
    }
    try CheckpointGoldens.write(whole, to: path)
    let expected = try #require(try numbers())
    for count in stride(from: 0, to: whole.count, by: 7) {
      try CheckpointGoldens.write(whole.prefix(count), to: path)
      #expect(try numbers() == nil, "cut at \(count)")
    }
    for index in whole.indices {
      var bytes = whole
      bytes[index] ^= index % 2 == 0 ? 0xff : 0x10
      try CheckpointGoldens.write(bytes, to: path)
      if let found = try numbers() { #expect(found == expected, "byte \(index)") }
    }
  }

  @Test("hostile descriptions are refused in little time and memory, by what is wrong", arguments: PickleText.hostile)
  func hostile(name: String, pickle: Data, words: String) throws {
    let error = try #require(try refusal(PickleText.archive(pickle)))
    #expect(error.kind == .badData && error.description.contains(words), "\(error)")
    #expect(error.location?.contains("data.pkl") == true)
  }

  @Test("tensors that reach out of their numbers are refused", arguments: PickleText.reaching)
  func reach(tensor: Data, words: String) throws {
    let error = try #require(try refusal(PickleText.archive(PickleText.dictionary([("a", tensor)]))))
    #expect(error.kind == .badData && error.description.contains(words), "\(error)")
  }

  @Test("a file of which more is made than it holds is refused")
  func inflated() throws {
    let many = (0..<400).map { ("t\($0)", PickleText.tensor(shape: [8], strides: [1])) }
    let small = try refusal(PickleText.archive(PickleText.dictionary(many), storage: Data(count: 32)))
    #expect(small?.what == "these are not the weights of a projector")
    let shape = PickleText.tensor(count: 1 << 16, shape: [1 << 16], strides: [1])
    let large = PickleText.dictionary((0..<40).map { ("t\($0)", shape) })
    let error = try refusal(PickleText.archive(large, storage: Data(count: 4 << 16)))
    #expect(error?.what == "the tensors of the file are larger than the file", "\(String(describing: error))")
    let twice = PickleText.dictionary([("a", shape), ("a", shape)])
    #expect(try refusal(PickleText.archive(twice, storage: Data(count: 4 << 16)))?.what == "is there twice")
  }

  @Test("archives that are compressed, encrypted, of another byte order or version, or with an entry twice")
  func archives() throws {
    let pickle = PickleText.dictionary([("a", PickleText.tensor(shape: [8], strides: [1]))])
    func archive(_ more: [(String, Data)], edit: (inout Data) -> Void = { _ in }) -> Data {
      var bytes = SmallZip.archive([("x/data.pkl", pickle), ("x/data/0", Data(count: 32))] + more)
      edit(&bytes)
      return bytes
    }
    for (bytes, words) in [
      (archive([("x/byteorder", Data("big".utf8))]), "byteorder"),
      (archive([("x/version", Data("99\n".utf8))]), "version"),
      (archive([("x/data/0", Data(count: 32))]), "there twice"),
      (archive([("y/data.pkl", pickle)]), "one entry NAME/data.pkl"),
      (archive([]) { SmallZip.edit(&$0, field: 10, to: 8) }, "compressed"),
      (archive([]) { SmallZip.edit(&$0, field: 8, to: 1) }, "encrypted"),
      (archive([]) { SmallZip.edit(&$0, field: 42, to: 40) }, "does not lie where"),
    ] {
      let error = try #require(try refusal(bytes))
      #expect(error.kind == .badData && error.description.contains(words), "\(error)")
    }
  }
}
