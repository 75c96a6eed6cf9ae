import Foundation
import TestSupport
import Testing

import Carina

@Suite struct ModelWatchTests {
  private let directory: TemporaryDirectory
  private var path: String { directory.file("model.safetensors") }

  init() throws {
    directory = try TemporaryDirectory()
    try write(seed: 1, to: directory.file("model.safetensors"))
  }

  private func write(seed: UInt64, to path: String) throws {
    try SafetensorsWriter.write([(name: "w", tensor: Tensor.random([300, 500], seed: seed))], to: path)
  }

  @Test("weights that stay, and an equal copy that is put in their place, are no matter")
  func unchanged() throws {
    let weights = try WeightsDirectory(path: directory.path), watch = try ModelWatch(weights)
    try watch.require()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try FileManager.default.removeItem(atPath: path)
    try bytes.write(to: URL(fileURLWithPath: path))
    try watch.require()
  }

  @Test(
    "weights of the same size that are put there, written over or taken away are noticed, with the time kept too",
    arguments: ["renamed", "overwritten", "cut", "gone"])
  func changed(how: String) throws {
    let weights = try WeightsDirectory(path: directory.path), watch = try ModelWatch(weights)
    var times = stat()
    #expect(stat(path, &times) == 0)
    let other = directory.file("other.safetensors")
    try write(seed: 2, to: other)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: other))
    switch how {
    case "renamed": #expect(rename(other, path) == 0)
    case "gone": try FileManager.default.removeItem(atPath: path)
    default:
      let file = try #require(FileHandle(forWritingAtPath: path))
      if how == "cut" {
        try file.truncate(atOffset: UInt64(bytes.count - 1))
      } else {
        try file.write(contentsOf: bytes)
      }
      try file.close()
      let kept = [times.st_atim, times.st_mtim]
      #expect(utimensat(AT_FDCWD, path, kept, 0) == 0)
    }
    let error = try #require(thrownCarinaError { try watch.require() })
    #expect(error.kind == .badData && error.location == path, "\(error)")
    #expect(error.description.contains("what was saved"))
  }

  @Test("weights that were replaced between opening and watching are noticed")
  func late() throws {
    let weights = try WeightsDirectory(path: directory.path)
    try write(seed: 2, to: path)
    #expect(thrownCarinaError { try ModelWatch(weights) }?.kind == .badData)
  }

  @Test("a tokenizer whose file is another, or which gets a file more, is noticed; an equal copy is no matter")
  func tokenizer() throws {
    let path = directory.file("tokenizer.json")
    try AtomicFile.write("{}", to: path)
    let watch = try ModelWatch(tokenizerOf: ModelDirectory(path: directory.path))
    try watch.require()
    try AtomicFile.write("{}", to: path)
    try watch.require()
    try AtomicFile.write("[]", to: path)
    let error = try #require(thrownCarinaError { try watch.require() })
    #expect(error.kind == .badData && error.location == path && error.what.contains("tokenizer"), "\(error)")
    try AtomicFile.write("{}", to: path)
    try AtomicFile.write("{}", to: directory.file("added_tokens.json"))
    #expect(thrownCarinaError { try watch.require() }?.location?.contains("added_tokens.json") == true)
  }
}
