import Foundation
import TestSupport
import Testing

import Carina

@Suite struct ModelLookupTests {
  private func cache(_ files: [String: String]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for (name, text) in files {
      try AtomicFile.write(text, to: directory.file("hub/models--acme--tiny-vit/\(name)"))
    }
    return directory
  }

  @Test("an id is found in the Hugging Face cache, wherever the environment puts it")
  func found() throws {
    let home = try cache([
      "refs/main": "abc123\n", "snapshots/abc123/config.json": "{}", "snapshots/old/config.json": "",
    ])
    let expected = home.file("hub/models--acme--tiny-vit/snapshots/abc123")
    for environment in [
      ["HF_HOME": home.path], ["HF_HUB_CACHE": home.file("hub"), "HF_HOME": "/nowhere"],
      ["HF_HUB_CACHE": "", "HF_HOME": home.path, "HOME": "/nowhere"],
    ] {
      let model = try ModelDirectory.locate("acme/tiny-vit", for: .visionModel, environment: environment)
      #expect(model.path == expected)
      #expect(model.reference == "acme/tiny-vit")
    }
    let plain = try TemporaryDirectory()
    try AtomicFile.write(
      "{}", to: plain.file(".cache/huggingface/hub/models--bert/snapshots/f00/config.json"))
    let single = try ModelDirectory.locate("bert", for: .languageModel, environment: ["HOME": plain.path])
    #expect(single.path.hasSuffix("models--bert/snapshots/f00"))
  }

  @Test("a directory comes before the cache")
  func path() throws {
    let directory = try TemporaryDirectory()
    #expect(try ModelDirectory.locate(directory.path, for: .languageModel, environment: [:]).path == directory.path)
    try AtomicFile.write("", to: directory.file("config.json"))
    let error = try #require(
      thrownCarinaError {
        try ModelDirectory.locate(directory.file("config.json"), for: .languageModel, environment: [:])
      })
    #expect(error.kind == .missingInput)
    #expect(error.what.contains("llm"))
  }

  @Test("what is not there is told with the paths looked at")
  func absent() throws {
    let home = try cache(["refs/main": "abc123", "snapshots/other/config.json": "{}"])
    let environment = ["HF_HOME": home.path]
    let partial = try #require(
      thrownCarinaError { try ModelDirectory.locate("acme/tiny-vit", for: .languageModel, environment: environment) })
    #expect(partial.kind == .missingInput)
    #expect(partial.expected == "snapshots/abc123")
    #expect(partial.found == "other")
    let unknown = try #require(
      thrownCarinaError { try ModelDirectory.locate("acme/large", for: .languageModel, environment: environment) })
    #expect(unknown.expected == home.file("hub/models--acme--large"))
    #expect(unknown.what.contains("llm"))
    for reference in ["/no/such/place", "../up", "a/b/c", "acme/.."] {
      let error = try #require(
        thrownCarinaError { try ModelDirectory.locate(reference, for: .languageModel, environment: environment) })
      #expect(error.kind == .missingInput)
      #expect(error.location == reference)
    }
  }

  @Test("a branch that leaves the cache is not followed")
  func escape() throws {
    let home = try cache(["refs/main": "../../..", "snapshots/abc/config.json": "{}"])
    #expect(
      thrownCarinaError {
        try ModelDirectory.locate("acme/tiny-vit", for: .languageModel, environment: ["HF_HOME": home.path])
      }?
      .kind == .missingInput)
  }

  @Test("a directory without a configuration, and one that is a joined model")
  func noConfiguration() throws {
    let directory = try TemporaryDirectory()
    try AtomicFile.write("x", to: directory.file("notes.txt"))
    let model = ModelDirectory(path: directory.path)
    let error = try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
    #expect(error.kind == .missingInput)
    #expect(error.found == "notes.txt")
    try AtomicFile.write("{}", to: directory.file("language_model/config.json"))
    let joined = try #require(thrownCarinaError { try model.loadDecoder(precision: .float32) })
    #expect(joined.remedy?.contains("language_model") == true)
    try AtomicFile.write("{\"model_type\": \"gemma3_text\"", to: directory.file("config.json"))
    #expect(thrownCarinaError { try model.loadDecoder(precision: .float32) }?.kind == .badData)
    try AtomicFile.write("{\"model_type\": \"gemma3_text\"}", to: directory.file("config.json"))
    #expect(thrownCarinaError { try model.loadDecoder(precision: .float32) }?.kind == .missingInput)
  }
}
