import Foundation
import TestSupport
import Testing

import Carina

@Suite struct SafetensorsFileTests {
  private func open(_ header: String, dataByteCount: Int) throws -> SafetensorsFile {
    let directory = try TemporaryDirectory()
    let path = directory.file("x.safetensors")
    try CheckpointGoldens.write(CheckpointGoldens.safetensors(header, dataByteCount: dataByteCount), to: path)
    return try SafetensorsFile(path: path)
  }

  @Test(
    "a damaged header is refused with what is wrong",
    arguments: [
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 8, "header"),
      ("[1]", 0, "no JSON object"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, "beyond the end"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, "last bytes"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "before a"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "ascending"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "ascending"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "disagree"),
      ("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1, "disagree"),
      ("{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "whole number"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "more elements"),
      ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4,0],\"data_offsets\":[0,0]}}", 0, "more elements"),
      ("{\"a\":{\"dtype\":\"U8\",\"shape\":[0,4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, "more elements"),
      ("{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no dtype"),
      ("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "no shape"),
      ("{\"a\":7}", 8, "no dtype"),
      ("{\"__metadata__\":{\"format\":1}}", 0, "no text"),
      (
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
          + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "a and b overlap"
      ),
      (
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
          + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 12, "twice"
      ),
    ])
  func damagedHeader(header: String, dataByteCount: Int, part: String) throws {
    let error = try #require(thrownCarinaError { try open(header, dataByteCount: dataByteCount) })
    #expect(error.kind == .badData)
    #expect(error.description.contains(part), "\(error)")
    #expect(error.location?.contains("x.safetensors") == true)
  }

  @Test("names that differ only in Unicode composition are two tensors")
  func composition() throws {
    let file = try open(
      "{\"\u{e9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        + "\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", dataByteCount: 2)
    let ranges = ["\u{e9}", "e\u{301}"].map { file.entry(named: $0)?.byteRange.lowerBound ?? 0 }
    #expect(ranges[0] > 0 && ranges[1] == ranges[0] + 1)
  }

  @Test("an empty file, a few bytes, and a length beyond the file")
  func shortFiles() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("x.safetensors")
    for (bytes, part) in [
      (Data(), "is empty"), (Data([1, 2, 3]), "too short"),
      (Data([255, 255, 255, 255, 255, 255, 255, 255, 123]), "longer than the file"),
      (Data([9, 0, 0, 0, 0, 0, 0, 0, 123, 125]), "longer than the file"),
    ] {
      try CheckpointGoldens.write(bytes, to: path)
      let error = try #require(thrownCarinaError { try SafetensorsFile(path: path) })
      #expect(error.kind == .badData)
      #expect(error.what.contains(part))
    }
    #expect(thrownCarinaError { try SafetensorsFile(path: directory.file("none")) }?.kind == .missingInput)
    #expect(thrownCarinaError { try SafetensorsFile(path: directory.path) }?.kind == .badData)
  }

  @Test("a file cut anywhere is refused")
  func truncated() throws {
    let whole = try Data(
      contentsOf: URL(fileURLWithPath: CheckpointGoldens.path("model/gemma-middle-dialect/model.safetensors")))
    let directory = try TemporaryDirectory()
    let path = directory.file("x.safetensors")
    for count in [0, 7, 8, 9, 100, 4000, 4095, 4096, 4097, 10_000, whole.count - 1] {
      try CheckpointGoldens.write(whole.prefix(count), to: path)
      #expect(thrownCarinaError { try SafetensorsFile(path: path) }?.kind == .badData)
    }
  }

  @Test("aligned fp32 is used in place, unaligned fp32 copied, and both outlive the file object")
  func inPlace() throws {
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
    for padding in 0..<4 {
      let tensor: Tensor
      do {
        tensor = try open(header + String(repeating: " ", count: padding), dataByteCount: 8).tensor(named: "a")
      }
      #expect(tensor.storage.isBorrowed == ((header.utf8.count + padding) % 4 == 0))
      let bits = tensor.values.map(\.bitPattern)
      #expect(bits == [0x160F_0801, 0x322B_241D])
    }
  }

  @Test("numbers that cannot be computed with are listed and refused when asked for")
  func otherElements() throws {
    let header =
      "{\"a\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[0,16]},"
      + "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[16,20]},"
      + "\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[20,20]}}"
    let file = try open(header, dataByteCount: 20)
    #expect(file.entries.map(\.name) == ["a", "s", "e"])
    let error = try #require(thrownCarinaError { try file.tensor(named: "a") })
    #expect(error.found == "I64")
    #expect(thrownCarinaError { try file.tensor(named: "b") }?.what.contains("no tensor b") == true)
    #expect(try file.tensor(named: "s").count == 1)
    #expect(try file.tensor(named: "e").count == 0)
  }

  @Test("half precision on disk is the rounded single precision")
  func halves() throws {
    let single = try SafetensorsFile(path: CheckpointGoldens.path("model/gemma-window-short/model.safetensors"))
    let brain = try SafetensorsFile(path: CheckpointGoldens.path("model/gemma-bf16/model.safetensors"))
    let half = try SafetensorsFile(path: CheckpointGoldens.path("model/gemma-f16/model.safetensors"))
    let name = "model.layers.1.mlp.up_proj.weight"
    let reference = try single.tensor(named: name)
    #expect(reference.elementType == .float32)
    #expect(try brain.tensor(named: name).elementType == .bfloat16)
    #expect(try brain.tensor(named: name).values == reference.converted(to: .bfloat16).values)
    let widened = try half.tensor(named: name)
    #expect(widened.elementType == .float32)
    #expect(widened.values == reference.values.map { Float(Float16($0)) })
    #expect(single.metadata == ["format": "pt"])
  }
}
