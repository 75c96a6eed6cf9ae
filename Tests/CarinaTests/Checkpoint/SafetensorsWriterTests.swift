import Foundation
import TestSupport
import Testing

import Carina

@Suite struct SafetensorsWriterTests {
  @Test(
    "writing what was read gives the bytes of the reference library",
    arguments: ["gemma-window-short", "gemma-bf16", "gemma-middle-dialect", "siglip-gelu", "vision-old-keys"])
  func referenceBytes(name: String) throws {
    let source = try CheckpointGoldens.path("model/\(name)/model.safetensors")
    let file = try SafetensorsFile(path: source)
    let tensors = try file.entries.reversed().map { (name: $0.name, tensor: try file.tensor($0)) }
    let directory = try TemporaryDirectory()
    try SafetensorsWriter.write(tensors, to: directory.file("a/model.safetensors"))
    let written = try Data(contentsOf: URL(fileURLWithPath: directory.file("a/model.safetensors")))
    #expect(try written == Data(contentsOf: URL(fileURLWithPath: source)))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("a")) == ["model.safetensors"])
  }

  @Test("conversion to bfloat16 on the way, whole and in pieces")
  func conversion() throws {
    let count = (1 << 22) + 5
    var generator = SeededGenerator(seed: 3, stream: "writer")
    let large = Tensor((0..<count).map { _ in Float(generator.uniform() - 0.5) }, shape: [count])
    let small = Tensor([1.00390625, -3], shape: [2, 1])
    let directory = try TemporaryDirectory()
    let path = directory.file("x.safetensors")
    try SafetensorsWriter.write(
      [("large", TensorSource(large), .bfloat16), ("small", TensorSource(small), .float32)], to: path, metadata: [])
    let file = try SafetensorsFile(path: path)
    #expect(file.entries.map(\.name) == ["small", "large"])
    #expect(file.metadata == [:])
    #expect(try file.tensor(named: "small").values == [1.00390625, -3])
    #expect(try file.tensor(named: "large").values == large.converted(to: .bfloat16).values)
    try SafetensorsWriter.write([("large", large), ("small", small)], to: path, converting: .bfloat16)
    #expect(try SafetensorsFile(path: path).tensor(named: "small").values == [1, -3])
  }

  @Test("what was read of a mapped file is given back", arguments: [ElementType.float32, .bfloat16])
  func pages(type: ElementType) throws {
    let directory = try TemporaryDirectory(), count = 1 << 20
    let numbers = [Float](repeating: 0.5, count: count).withUnsafeBytes { Data($0) }
    let file = try ResidentFile(numbers, at: directory.file("numbers"))
    let storage = Storage(borrowing: file.address, byteCount: file.byteCount, owner: file, on: TestBackend.cpu)
    let tensor = Tensor(shape: [count], storage: storage)
    #expect(tensor.values.reduce(0, +) == Float(count / 2))
    #expect(file.residentPages >= file.byteCount / 4096)
    try SafetensorsWriter.write([("x", TensorSource(tensor), type)], to: directory.file("x.safetensors"))
    #expect(file.residentPages < file.byteCount / 4096 / 8)
    #expect(try SafetensorsFile(path: directory.file("x.safetensors")).tensor(named: "x").values == tensor.values)
  }

  @Test("odd names and a repeated one")
  func names() throws {
    let directory = try TemporaryDirectory()
    let one = Tensor([1], shape: [1])
    let name = "a\"b\\c\n\u{e9}"
    try SafetensorsWriter.write([(name, one)], to: directory.file("x"))
    #expect(try SafetensorsFile(path: directory.file("x")).entries.map(\.name) == [name])
    #expect(
      thrownCarinaError { try SafetensorsWriter.write([("a", one), ("a", one)], to: directory.file("y")) }?.kind
        == .internalFailure)
    #expect(!FileManager.default.fileExists(atPath: directory.file("y")))
  }

  @Test(
    "no room on the disk leaves nothing behind",
    .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
  func noRoom() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("x.safetensors")
    // The temporary's name is known, so a link there leads the bytes to a device that is always full.
    try FileManager.default.createSymbolicLink(
      atPath: "\(path).\(getpid()).partial", withDestinationPath: "/dev/full")
    let error = try #require(
      thrownCarinaError { try SafetensorsWriter.write([("a", Tensor(zeros: [1 << 16]))], to: path) })
    #expect(error.kind == .cannotWrite)
    #expect(error.location == path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
  }
}
