import Foundation
import TestSupport
import Testing

import Carina

@Suite struct OutputDirectoryTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    for name in ["run/shards/inner", "run/stage1/final_model/projection_layer", "shards-more", "elsewhere"] {
      try AtomicFile.makeDirectory(directory.file(name))
    }
    for (link, target) in [("link", "run/shards"), ("loop", "loop"), ("run/up", "../elsewhere")] {
      try FileManager.default.createSymbolicLink(atPath: directory.file(link), withDestinationPath: target)
    }
  }

  private func refusal(_ output: String, _ input: String, replacing: [String] = []) -> CarinaError? {
    do {
      try OutputDirectory.require(
        directory.file(output), outside: [directory.file("elsewhere"), directory.file(input)], replacing: replacing)
      return nil
    } catch { return error as? CarinaError }
  }

  @Test(
    "an output that is an input or lies in one is refused, however it is written",
    arguments: [
      "run/shards", "run/shards/", "run/./shards", "run/stage1/../shards", "run/shards/inner", "run/shards/new/deep",
      "link", "link/new", "link/inner/..", "run//shards/new/../../shards", "run/up", "run/up/new",
    ])
  func inside(output: String) throws {
    let error = try #require(refusal(output, "run/shards"))
    #expect(error.kind == .usage && error.description.contains(directory.file(output)), "\(error)")
  }

  @Test(
    "an output beside or above its inputs is welcome",
    arguments: [
      "run", "run/shards-more", "shards-more", "run/shard", "new", "link/..", "loop/new", "run/shards/../new",
    ])
  func outside(output: String) { #expect(refusal(output, "run/shards") == nil) }

  @Test("an input below what the output replaces is refused, and no other below the output")
  func replaced() {
    let projector = "run/stage1/final_model/projection_layer"
    #expect(refusal("run/stage1", projector, replacing: ["best_model", "final_model"])?.kind == .usage)
    #expect(refusal("run/stage1", projector, replacing: ["best_model"]) == nil)
    #expect(refusal("run", projector, replacing: ["final_model"]) == nil)
  }

  @Test("relative paths are taken from the current directory")
  func relative() {
    func kind(_ output: String, _ input: String) -> CarinaError.Kind? {
      do { try OutputDirectory.require(output, outside: [input]) } catch { return (error as? CarinaError)?.kind }
      return nil
    }
    #expect(kind("runs/a", ".") == .usage && kind("runs", "runs") == .usage && kind("runs/a/..", "runs") == .usage)
    #expect(kind("runs", FileManager.default.currentDirectoryPath) == .usage)
    #expect(kind(".", "runs") == nil && kind("runs-2", "runs") == nil && kind("../runs", ".") == nil)
  }
}
